"""A training set before other backgrounds, written to a folder: ``python -m synthetic_aug.swap``.

    python -m synthetic_aug.swap --data CONFIG --masks DIR --plates DIR --out DIR

The same swap as ``input.swap`` does while training (which draws anew each time, and is cheaper on
disk); here at the images' own size, once and for all, to look at or to train on with other
programs. All training images are written, those without a usable mask and the share ``1 - rate`` as
they are. Labels carry over: the result takes the place of the data set's training part, as
``data.root OUT`` (``data.dataset csv`` as well when the source is neither CityFlow nor VehicleX).
Test with the source: ``python -m scripts.extract RUN --data CONFIG``.

The same seed and options give the same pictures, however often the run was stopped. Finished
pictures are kept. ``OUT/contact_sheet.jpg`` shows image, mask, plate and result.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_aug.picture_files import FINE, check_same, spread, write_picture
from synthetic_aug.swap_labels import layout_of, target_names, write_labels
from synthetic_aug.swap_plan import Picture, SwapPlan, draw_pictures
from synthetic_aug.translated import progress
from vreid.build_data import build_split
from vreid.config import load_config
from vreid.data.images import ImageArray, read_image
from vreid.data.sample import Sample
from vreid.data.swap import swap_background
from vreid.data.swap_sources import Origin, SwapSources, check_size, find_sources
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import atomic_path, hash_text, read_json, write_json
from vreid.report.sheet import contact_sheet

RECORD = "swap.json"
_SHOWN = 24  # pictures on the contact sheet


def main(
    data: Path,
    *,
    masks: Path,
    plates: Path,
    out: Path,
    plan: SwapPlan | None = None,
    overrides: Sequence[str] = (),
    jobs: int = 2,
) -> Path:
    """Write the training images of a data set before other backgrounds.

    Args:
        data: A recipe; only its data set matters.
        masks: Root of the masks, from `synthetic_aug.segment`.
        plates: Root of the plates.
        out: Where the data set is written.
        plan: What to draw; None for the defaults.
        overrides: ``key, value, …`` over the recipe's options.
        jobs: Threads, at least 1; without influence on the result.

    Returns:
        ``out``.

    Raises:
        DataError: When images, masks or plates cannot be used, ``out`` holds something else, or the
            disk is full.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; give at least 1")
    plan = plan or SwapPlan()
    options = load_config(data, overrides).data
    split = build_split(options)
    samples, layout = split.train, layout_of(options)
    if not samples:
        raise DataError(f"{split.name} ({options.root}): no training images to swap")
    sources = find_sources(samples, [Origin(slice(0, len(samples)), masks, plates)])
    names = target_names(samples, layout, copies=plan.copies)
    pictures = draw_pictures(samples, sources, plan, [out / name for name in names])
    _begin(out, _facts(samples, sources, plan))
    try:
        _write_all(pictures, samples, sources, plan, jobs=jobs)
        write_labels(out, layout, samples, names)
        _write_sheet(out, pictures, samples, sources)
    except OSError as error:
        raise DataError(
            f"{error.filename or out}: cannot be written ({error.strerror}); make room and give"
            " the same command, which goes on from here"
        ) from None
    num_swapped = sum(picture.plate is not None for picture in pictures)
    print(
        f"{out}: {len(pictures)} pictures, {num_swapped} before another background"
        f" ({sources.num_missing} images have no mask, {sources.num_refused} one that is not of a"
        f" whole vehicle); look at {out / 'contact_sheet.jpg'}"
    )
    print(f"to train on them: data.dataset {layout.dataset} data.root {out}{layout.hint}")
    return out


def _facts(samples: Sequence[Sample], sources: SwapSources, plan: SwapPlan) -> dict[str, Any]:
    """What makes the pictures, to be compared with what is there."""
    files = (f"{sample.name} {sample.path.stat().st_size}" for sample in samples)
    return {
        "images": hash_text("\n".join(files))[:16],
        "masks": hashlib.sha256(sources.data).hexdigest()[:16],
        "plates": hash_text("\n".join(sources.plates.paths))[:16],
        **{f"plan.{key}": value for key, value in vars(plan).items()},
    }


def _begin(out: Path, facts: dict[str, Any]) -> None:
    """See that the folder is empty or holds a part of this very set."""
    record = out / RECORD
    if record.exists():
        check_same(read_json(record), facts, out, what="pictures")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            f"{out}: exists and holds no swapped pictures ({RECORD} is missing); give another --out"
        )
    write_json(record, facts)


def _write_all(
    pictures: Sequence[Picture],
    samples: Sequence[Sample],
    sources: SwapSources,
    plan: SwapPlan,
    *,
    jobs: int,
) -> None:
    missing = [picture for picture in pictures if not picture.target.exists()]

    def one(picture: Picture) -> None:
        path = samples[picture.idx].path
        image = read_image(path)  # also one that stays as it is must be an image
        mask = sources.mask(picture.idx)
        if picture.plate is None or mask is None:
            with atomic_path(picture.target) as temporary:
                temporary.write_bytes(path.read_bytes())
            return
        check_size(sources.size(picture.idx), image, path=path)
        write_picture(
            picture.target,
            swap_background(
                image,
                mask,
                read_image(picture.plate),
                feather=plan.feather,
                color=plan.color,
                shadow=plan.shadow,
                place=picture.place,
            ),
            quality=FINE,
        )

    with progress(len(missing), "swap") as bar, ThreadPoolExecutor(jobs) as pool:
        try:
            for _ in pool.map(one, missing):
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _write_sheet(
    out: Path, pictures: Sequence[Picture], samples: Sequence[Sample], sources: SwapSources
) -> None:
    """Write ``contact_sheet.jpg``: image, mask, plate and result."""
    cells: list[ImageArray] = []
    labels: list[str] = []
    for picture in spread([one for one in pictures if one.plate is not None], _SHOWN):
        mask = sources.mask(picture.idx)
        assert mask is not None and picture.plate is not None
        sample = samples[picture.idx]
        cells += [read_image(sample.path), np.repeat(mask[:, :, None], 3, axis=2)]
        cells += [read_image(picture.plate), read_image(picture.target)]
        labels += [sample.path.stem, "mask", picture.plate.parent.name, "swapped"]
    if cells:
        write_picture(out / "contact_sheet.jpg", contact_sheet(cells, labels, 12, cell=130))


def _parser() -> argparse.ArgumentParser:
    plan = SwapPlan()
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.swap",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="CONFIG", help="a recipe")
    parser.add_argument("--masks", type=Path, required=True, metavar="DIR")
    parser.add_argument("--plates", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--copies", type=int, default=plan.copies, help="pictures of each image")
    parser.add_argument("--rate", type=float, default=plan.rate, help="share that is swapped")
    parser.add_argument("--from", dest="plates_of", default=plan.plates, choices=("camera", "any"),
                        help="plates of the image's camera, or of any (default)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--feather", type=float, default=plan.feather, help="width of the edge")
    parser.add_argument("--color", type=float, default=plan.color, help="share of the new light")
    parser.add_argument("--shadow", type=float, default=plan.shadow, help="its darkness")
    parser.add_argument("--jobs", type=int, default=2, help="threads (default 2)")
    parser.add_argument("overrides", nargs="*", metavar="key value", help="options of the recipe")
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    given = _parser().parse_intermixed_args(arguments)
    plan = SwapPlan(
        given.copies,
        given.rate,
        given.plates_of,
        given.seed,
        feather=given.feather,
        color=given.color,
        shadow=given.shadow,
    )
    folders = {"masks": given.masks, "plates": given.plates, "out": given.out}
    main(given.data, **folders, plan=plan, overrides=given.overrides, jobs=given.jobs)


if __name__ == "__main__":
    sys.exit(run_command(_command))
