"""Print how far sets of images lie from a target set, as a network sees them.

    python -m synthetic_aug.distance RENDERED TRANSLATED REAL \\
        --network mobilenetv2_100 --weights weights/mobilenetv2_100.safetensors

The last set is the target. A set is a folder of images, or a ``.npz`` file of features that
`scripts.extract` wrote. Fréchet (FID) and kernel distance (KID) are explained in
`vreid.image_distance`; both are smaller for sets nearer to the target. The last line of the table
compares two halves of the target with each other: nearer than that nothing can come.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from synthetic_aug.set_features import DistanceOptions, Extractor
from vreid.errors import DataError, run_command
from vreid.features import FloatArray
from vreid.files import write_json
from vreid.image_distance import frechet_distance, kernel_distance


@dataclass(frozen=True)
class Row:
    """One line of the table; ``kernel`` and ``kernel_sd`` are over subsets."""

    name: str
    images: int
    frechet: float
    kernel: float
    kernel_sd: float
    subset_size: int


def main(
    sets: Sequence[Path], target: Path, *, options: DistanceOptions, out: Path | None = None
) -> list[Row]:
    """Measure, print and return the distance of each set from the target.

    Args:
        sets: Folders of images or ``.npz`` files, at least one.
        target: Another one.
        options: How to measure.
        out: A JSON file for the numbers and what they were measured with.

    Raises:
        ConfigError: When the network or its weights cannot be used.
        DataError: When a set is missing, empty, too small or of other features.
    """
    extractor = Extractor(options)
    wanted = extractor.read(target)
    width = max(24, *(len(str(path)) for path in sets))
    head = f"{'set':{width}} {'images':>7} {'Fréchet':>9}   kernel x 1000"
    rows = []
    for path in sets:
        rows.append(_measure(str(path), extractor.read(path), wanted, options))
    halves = np.random.default_rng(options.seed).permutation(len(wanted))
    if len(wanted) >= 4:
        middle = len(wanted) // 2
        left, right = wanted[halves[:middle]], wanted[halves[middle:]]
        rows.append(_measure("two halves of the target", left, right, options))
    lines = [*extractor.facts(), f"target {target}: {len(wanted)} images", head]
    for row in rows:
        kernel = f"{1000 * row.kernel:9.2f} ± {1000 * row.kernel_sd:.2f}"
        lines.append(f"{row.name:{width}} {row.images:7d} {row.frechet:9.2f} {kernel}")
    print("\n".join([*lines, *_notes(rows, len(wanted), wanted.shape[1], options)]))
    if out is not None:
        facts = {"target": str(target), "images": len(wanted), "options": asdict(options)}
        facts |= {"measured": extractor.facts(), "rows": [asdict(row) for row in rows]}
        print(f"numbers: {write_json(out, facts)}")
    return rows


def _measure(name: str, feats: FloatArray, wanted: FloatArray, options: DistanceOptions) -> Row:
    half = max(2, min(1000, len(feats) // 2, len(wanted) // 2))
    try:
        kernel = kernel_distance(
            feats,
            wanted,
            generator=np.random.default_rng(options.seed),
            num_subsets=options.subsets,
            subset_size=options.subset_size or half,
        )
        frechet = frechet_distance(feats, wanted, shrink=options.shrink)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    return Row(name, len(feats), frechet, kernel.mean, kernel.sd, kernel.subset_size)


def _notes(rows: Sequence[Row], images: int, dim: int, options: DistanceOptions) -> list[str]:
    sizes = sorted({row.subset_size for row in rows})
    lines = [
        f"kernel: mean ± sd over {options.subsets} subsets of {' or '.join(map(str, sizes))} images"
    ]
    fewest = min(images, *(row.images for row in rows))
    if fewest <= dim:
        remedy = "shrunk covariances were taken" if options.shrink else "--shrink regularises them"
        lines.append(
            f"note: {fewest} images are fewer than {dim} features, so the covariance is singular"
            f" and the Fréchet distance too large by chance; compare equal numbers only ({remedy}),"
            " or go by the kernel distance"
        )
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.distance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = DistanceOptions()
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET", help="the last is the target")
    parser.add_argument("--network", default=default.network, help="a timm network")
    parser.add_argument("--weights", default=default.weights, help="a file, timm or none (random)")
    parser.add_argument("--size", type=int, default=default.size, help="pixels of an image's side")
    parser.add_argument("--held-out", type=float, default=default.held_out, metavar="SHARE")
    parser.add_argument("--most", type=int, default=default.most, help="images of a set; 0: all")
    parser.add_argument("--shrink", action="store_true", help="regular covariances of few images")
    parser.add_argument("--subsets", type=int, default=default.subsets, help="kernel distance's")
    parser.add_argument(
        "--subset-size",
        type=int,
        default=default.subset_size,
        metavar="IMAGES",
        help="0: half of the smaller set",
    )
    parser.add_argument("--seed", type=int, default=default.seed, help="of every draw")
    parser.add_argument("--device", default=default.device, help="auto, cpu or cuda")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_args(arguments))
    sets, out = values.pop("sets"), values.pop("out")
    if len(sets) < 2:
        raise DataError(f"{sets[0]}: one set has no distance; give the target set as well")
    main(sets[:-1], sets[-1], options=DistanceOptions(**values), out=out)


if __name__ == "__main__":
    sys.exit(run_command(_command))
