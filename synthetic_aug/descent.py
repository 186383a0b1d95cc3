"""Attribute descent: find distributions with which rendered vehicles look like a target's.

    python -m synthetic_aug.descent data/toycity/AIC21_Track2_ReID/image_train --out runs/descent \\
        --weights weights/mobilenetv2_100.safetensors
    python -m synthetic_aug.render --root data/descended --attributes runs/descent/attributes.json

Yao et al., "Simulating Content Consistent Vehicle Datasets with Attribute Descent", ECCV 2020
(arXiv 1912.08855). Orientation, sun, brightness, camera height and distance are moved one after the
other over a small grid (`synthetic_aug.descent_grid`), each candidate is rendered as a small sample
and judged by its distance from the target in a network's features. At the end start and result are
rendered anew, with other vehicles, and compared on target images that the search did not see.

The kernel distance decides unless ``--criterion frechet``: of few images the Fréchet distance is
too large, and less so where they differ little from each other, so it favours narrow distributions.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from synthetic_aug.city.attributes import FILE_FORMAT, Attributes
from synthetic_aug.city.records import folder_path
from synthetic_aug.descent_grid import Step, descend
from synthetic_aug.descent_judge import SampleJudge, Score, render_samples, score
from synthetic_aug.descent_options import CRITERIA, DescentOptions
from synthetic_aug.picture_files import spread, write_picture
from synthetic_aug.set_features import DistanceOptions, Extractor
from synthetic_aug.translated import digest_of
from vreid.data.image_folder import list_images
from vreid.data.images import read_image
from vreid.errors import ConfigError, run_command
from vreid.features import FloatArray
from vreid.files import hash_text, write_json
from vreid.report.sheet import contact_sheet

_SHOWN = 8  # pictures of each set on the sheet


def main(
    target: Path,
    out: Path,
    *,
    options: DescentOptions,
    measure: DistanceOptions,
    check: Path | None = None,
    jobs: int = 1,
) -> Path:
    """Search, print the way, compare, and return the file of the chosen distributions.

    Args:
        target: Folder of images that rendered ones shall look like.
        out: Folder for scores, the chosen attributes and a sheet; one of the same search goes on.
        options: How to search.
        measure: Network and number of target images; all of the renders are measured.
        check: Folder of other target images for the comparison, best of other vehicles; without it
            half of the target's images are kept out of the search for it.
        jobs: Candidates rendered at a time.

    Raises:
        ConfigError: When the network or its weights cannot be used, or ``jobs`` is out of range.
        DataError: When a folder is empty or ``out`` holds another search.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; give at least 1")
    city, extractor = options.city(), Extractor(measure)
    shown, other = _target_sets(target, check, extractor, seed=options.seed)
    digest = digest_of(target, list_images(target))
    facts = {
        "target": str(target),
        "files": digest,
        "check": str(check or ""),
        "target_images": len(shown),
    }
    facts |= {"measured": extractor.facts()}
    judge = SampleJudge(out, city, extractor=extractor, target=shown, facts=facts, jobs=jobs)

    def dists(candidates: Sequence[Attributes]) -> list[float]:
        return [_decisive(one, options) for one in judge.scores(candidates)]

    print("\n".join(extractor.facts()))
    print(f"target {target}: {len(shown)} images; {options.images} rendered for a candidate")
    steps = descend(dists, search=options.search, rounds=options.rounds)
    print("\n".join(_table(steps, options)))
    chosen = steps[-1].attributes
    scores = _compare(out, chosen, options, extractor, other, jobs)
    gains = _decisive(scores[1], options) < _decisive(scores[0], options)
    path = write_json(
        out / "attributes.json",
        {
            "format": FILE_FORMAT,
            "attributes": chosen.text() if gains else "",
            "found": chosen.text(),
            "options": asdict(options),
            "facts": facts,
            "start": asdict(scores[0]),
            "end": asdict(scores[1]),
            "compared": len(other),
        },
    )
    print(f"{path}: {chosen.text() or 'nothing moved'}; look at {_sheet(out, target, chosen)}")
    if gains:
        print(f"next: python -m synthetic_aug.render --root FOLDER --attributes {path}")
    else:
        print("not nearer on images that the search did not see: the file names no attributes")
    return path


def _target_sets(
    target: Path, check: Path | None, extractor: Extractor, *, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Features to search by and others to compare on."""
    feats = extractor.read(target)
    if check is not None:
        return feats, extractor.read(check)
    order = np.random.default_rng(seed).permutation(len(feats))
    middle = len(feats) // 2
    return feats[order[:middle]], feats[order[middle:]]


def _decisive(one: Score, options: DescentOptions) -> float:
    return one.kernel if options.criterion == "kernel" else one.frechet


def _table(steps: Sequence[Step], options: DescentOptions) -> list[str]:
    """The way: which mean went where, and the distance then."""
    unit = 1000.0 if options.criterion == "kernel" else 1.0
    word = "kernel x 1000" if options.criterion == "kernel" else "Fréchet"
    lines = [f"round {'mean':14} {word:>13}  tried"]
    for step in steps:
        tried = " ".join(f"{value:g}:{unit * dist:.2f}" for value, dist in step.tried)
        lines.append(f"{step.round:5d} {step.mean:14} {unit * step.dist:13.2f}  {tried}".rstrip())
    return lines


def _compare(
    out: Path,
    chosen: Attributes,
    options: DescentOptions,
    extractor: Extractor,
    other: FloatArray,
    jobs: int,
) -> list[Score]:
    """Start and result with other vehicles, against images that the search did not see."""
    city = replace(options.city(), seed=options.seed + 1, vehiclex_images=2 * options.images)
    samples = {
        _compared(out, one): replace(city, attributes=one.text()) for one in (Attributes(), chosen)
    }
    scores = []
    print(f"other vehicles, {city.vehiclex_images} images, against {len(other)} target images:")
    for _ in render_samples(samples, jobs=jobs):
        pass
    for word, one in (("start", Attributes()), ("end", chosen)):
        found = score(extractor.read(_compared(out, one) / folder_path("sys_image_train")), other)
        kernel = f"kernel x 1000 {1000 * found.kernel:7.2f}"
        print(f"  {word:6} {kernel}  Fréchet {found.frechet:8.2f}")
        scores.append(found)
    return scores


def _compared(out: Path, one: Attributes) -> Path:
    """Root of the sample with other vehicles."""
    return out / "compared" / (hash_text(one.text())[:12] if one.text() else "start")


def _sheet(out: Path, target: Path, chosen: Attributes) -> Path:
    """Pictures of the start, of the end and of the target, in rows."""
    pictures, labels = [], []
    synthetic = folder_path("sys_image_train")
    for label, folder in (
        ("start", _compared(out, Attributes()) / synthetic),
        ("end", _compared(out, chosen) / synthetic),
        ("target", target),
    ):
        for name in spread(list_images(folder), _SHOWN):
            pictures.append(read_image(folder / name))
            labels.append(label)
    return write_picture(out / "sheet.jpg", contact_sheet(pictures, labels, _SHOWN, cell=120))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.descent",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default, measure = DescentOptions(), DistanceOptions()
    parser.add_argument("target", type=Path, help="folder of images to look like")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--check", type=Path, metavar="IMAGES", help="other ones, to compare on")
    parser.add_argument(
        "--search",
        default=",".join(default.search),
        metavar="NAMES",
        help="attributes to move, in this order (default %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=default.rounds, help="over all, at most")
    parser.add_argument("--criterion", choices=CRITERIA, default=default.criterion)
    parser.add_argument("--images", type=int, default=default.images, help="of a candidate")
    parser.add_argument("--image-size", type=int, default=default.image_size, metavar="PIXELS")
    parser.add_argument("--samples", type=int, default=default.samples, help="paths per pixel")
    parser.add_argument("--seed", type=int, default=default.seed, help="of vehicles and draws")
    parser.add_argument("--network", default=measure.network, help="a timm network")
    parser.add_argument("--weights", default=measure.weights, help="a file, timm or none (random)")
    parser.add_argument("--size", type=int, default=measure.size, help="pixels it sees a side")
    parser.add_argument("--most", type=int, default=measure.most, help="target images; 0: all")
    parser.add_argument("--device", default=measure.device, help="auto, cpu or cuda")
    parser.add_argument("--jobs", type=int, default=1, help="candidates rendered at a time")
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_args(arguments))
    keys = ("network", "weights", "size", "most", "device")
    measure = DistanceOptions(**{key: values.pop(key) for key in keys}, seed=values["seed"])
    target, out, check, jobs = (values.pop(key) for key in ("target", "out", "check", "jobs"))
    names = tuple(name.strip() for name in values.pop("search").split(",") if name.strip())
    options = DescentOptions(**values, search=names)
    main(target, out, options=options, measure=measure, check=check, jobs=jobs)


if __name__ == "__main__":
    sys.exit(run_command(_command))
