"""Split a training set by vehicle: ``python -m scripts.split CONFIG --out DIR [key value …]``.

Sets vehicles of the recipe's training images aside as queries and gallery, and writes the split to
files, so that others can score on the same images: ``split.csv`` for the data set ``csv``, and for
CityFlow also ``train_split.xml``, ``query_split.xml`` and ``test_split.xml`` for ``data.split``.
"""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from vreid.build_data import build_split
from vreid.cli import recipe_parser
from vreid.config import load_config
from vreid.data.cityflow_split import write_split
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.data.vehicle_split import split_vehicles
from vreid.errors import DataError, run_command
from vreid.files import write_text

VEHICLES = 80  # as many as in arXiv:2104.10850


def main(
    recipe: Path,
    overrides: Sequence[str] = (),
    *,
    out: Path,
    vehicles: int = VEHICLES,
    seed: int = 0,
) -> Path:
    """Make the split, write its files and return ``split.csv``.

    Args:
        recipe: The YAML file that names the data set.
        overrides: ``key, value, …``.
        out: Folder for the files.
        vehicles: How many to set aside.
        seed: Which ones.

    Raises:
        ConfigError: As `load_config`.
        DataError: When the data set has too few vehicles, or images without vehicle or camera.
    """
    options = load_config(recipe, overrides).data
    whole = build_split(options)
    if not whole.train:
        raise DataError(f"{whole.name}: there are no training images to split")
    made = split_vehicles(
        whole.train, count=vehicles, seed=seed, name=f"{whole.name}, {vehicles} vehicles aside"
    )
    table = write_text(out / "split.csv", as_csv(made))
    root = root_of(made.gallery[0])
    print(f"{made!r}\nwrote {table}")
    if options.dataset == "cityflow":
        for path in write_split(out, made):
            print(f"wrote {path}")
        print(f"use it with: data.dataset cityflow data.root {root} data.split {out.resolve()}")
    print(f"use it with: data.dataset csv data.table {table} data.root {root}")
    return table


def as_csv(split: Split) -> str:
    """The split as the table that ``data.dataset csv`` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "vehicle_id", "camera_id", "track_id", "split"])
    for part in ("train", "query", "gallery"):
        for sample in getattr(split, part):
            track = "" if sample.trackid == UNKNOWN else sample.trackid
            writer.writerow([sample.name, sample.pid, sample.camid, track, part])
    return text.getvalue()


def root_of(sample: Sample) -> Path:
    """The folder that the sample's name starts from."""
    return sample.path.parents[len(PurePosixPath(sample.name).parts) - 1]


def _command() -> None:
    parser = recipe_parser("scripts.split", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument(
        "--vehicles", type=int, default=VEHICLES, help=f"how many to set aside ({VEHICLES})"
    )
    parser.add_argument("--seed", type=int, default=0, help="which ones (0)")
    parsed = parser.parse_intermixed_args()
    main(
        parsed.config,
        parsed.overrides,
        out=parsed.out,
        vehicles=parsed.vehicles,
        seed=parsed.seed,
    )


if __name__ == "__main__":
    sys.exit(run_command(_command))
