"""Large gallery images: ``python -m scripts.areas CONFIG --min-area 15000 --out AREAS.csv``.

Writes ``name,weight`` with weight 1 for images of at least so many pixels and 0 for others, a
quality that pooling over tracklets takes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from vreid.build_data import build_split
from vreid.config import load_config
from vreid.data.images import read_image
from vreid.errors import ConfigError, run_command
from vreid.files import write_text


def main(recipe: Path, overrides: Sequence[str] = (), *, out: Path, min_area: int) -> Path:
    """Read every image of the gallery and return the table.

    Args:
        recipe: Its data set's gallery is read.
        overrides: ``key, value, …`` over the recipe.
        out: The ``.csv`` to write.
        min_area: Pixels, at least 1.

    Raises:
        ConfigError: For an area below 1.
        DataError: When the data set or an image cannot be read.
    """
    if min_area < 1:
        raise ConfigError(f"min_area is {min_area}; expected a number of pixels, at least 1")
    samples = build_split(load_config(recipe, overrides).data).gallery
    lines = ["name,weight"]
    num_large = 0
    for sample in tqdm(samples, desc="areas", disable=None, leave=False):
        height, width = read_image(sample.path).shape[:2]
        large = height * width >= min_area
        num_large += large
        lines.append(f"{sample.name},{int(large)}")
    write_text(out, "\n".join(lines) + "\n")
    print(f"wrote {out} ({num_large} of {len(samples)} images of at least {min_area} pixels)")
    return out


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.areas",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="a recipe, such as configs/recipes/aicity21.yml")
    parser.add_argument("overrides", nargs="*", metavar="key value", help="options of the recipe")
    parser.add_argument("--min-area", type=int, required=True, help="pixels")
    parser.add_argument("--out", type=Path, required=True, help="the .csv to write")
    args = parser.parse_intermixed_args(argv)
    main(args.config, args.overrides, out=args.out, min_area=args.min_area)


if __name__ == "__main__":
    sys.exit(run_command(command))
