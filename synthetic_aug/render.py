"""ToyCity: render a small city of vehicles and cameras in the layout of the challenge's data.

    python -m synthetic_aug.render --root data/toycity

The same seed and options give the same bytes, whatever the number of jobs and however often the run
was stopped. A finished city is kept; ``city.json`` is written last and marks it.

Orientation in the VehicleX-layout labels: degrees in [0, 360) by which the vehicle is turned
counter-clockwise, seen from above, out of the position in which its front faces the camera: 0
front, 90 its right side (it drives towards the right of the picture), 180 rear, 270 its left side.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree

from tqdm import tqdm

from synthetic_aug.city.attributes import read_attributes
from synthetic_aug.city.identity import count_looks
from synthetic_aug.city.layout import remove_leftovers, write_layout
from synthetic_aug.city.options import FORMAT_VERSION, CityOptions, differences
from synthetic_aug.city.plan import draw_tracklets, draw_vehiclex
from synthetic_aug.city.records import REAL, SYNTHETIC, Tracklet
from synthetic_aug.city.sheet import write_sheet
from synthetic_aug.city.worker import Painter, leave_interrupts, run_unit
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json, write_json

_MARKER, _STARTED = "city.json", ".city-started.json"
_INTERVAL = 10.0  # seconds between lines of progress where there is no terminal

_HELP = {
    "seed": "number that determines every random choice",
    "train_vehicles": "vehicles in image_train",
    "test_vehicles": "other vehicles, in image_query and image_test",
    "cameras": "cameras, at least 3",
    "frames": "pictures of one passage under a camera, at most",
    "image_size": "pixels of a picture's longer side, at most, before digital zoom",
    "samples": "light paths per pixel; square numbers give the least noise",
    "lookalikes": "share of vehicles that have a twin of the same model and paint",
    "occluded": "share of passages with something in front of the vehicle",
    "vehiclex_images": "pictures in VehicleX's layout, 0 for none",
    "variety": "share of vehicles of further body types, such as box vans and motorcycles",
    "liveries": "share of vehicles with stripes, two tones, lettering or a taxi sign",
    "dirt": "how dirty the dirtiest vehicles are, from 0 to 1",
    "night": "share of cameras that film at night, by street lamps and headlights",
    "rain": "share of cameras in rain",
    "motion": "share of passages with a vehicle smeared by its speed",
    "occluders": "share of passages with leaves, a sign, a railing or a lorry in front",
    "shift": "number of another style of city (models, cameras, weather, light), 0 for the plain",
    "distinct": "draw vehicles until no two look alike but for the declared look-alikes",
    "sweep": "VehicleX part as a grid, such as orientation=8,light=3,height=2,distance=2,model=5,"
    "color=3",
    "attributes": "VehicleX part with the distributions that synthetic_aug.descent wrote here",
}


def main(root: Path, options: CityOptions, *, jobs: int = 2, force: bool = False) -> Path:
    """Render a city, or go on with one that was stopped, and return its root.

    Args:
        root: folder of the city; made when missing.
        options: what to render.
        jobs: number of processes, at least 1; without influence on the result.
        force: delete a city that is there and render anew.

    Raises:
        ConfigError: When ``jobs`` is out of range.
        DataError: When the folder holds a city of other options, holds something else, or when
            Mitsuba is missing.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; give at least 1")
    if force:
        _clear(root)
    if _check(root, options):
        print(f"{root}: already rendered with these options")
        return root
    tracklets = [*draw_tracklets(options), *draw_vehiclex(options)]  # refuses what it cannot make
    write_json(root / _STARTED, _record(options))
    vehicles = list({t.vehicle for t in tracklets if t.folder.startswith("image_")})
    looks, twins = count_looks(options, vehicles)
    print(
        f"{root}: {len(vehicles)} vehicles of {looks} looks, {twins} of them declared look-alikes"
    )
    _render(root, options, tracklets, jobs)
    remove_leftovers(root, tracklets)
    write_layout(root, options, tracklets)
    write_sheet(root, options, tracklets)
    sizes = {
        folder: sum(len(t.names) for t in tracklets if t.folder == folder)
        for folder in ("image_train", "image_test", "image_query", "sys_image_train")
    }
    write_json(root / _MARKER, _record(options) | {"images": sizes})
    (root / _STARTED).unlink()
    print(f"{root}: {sum(sizes.values())} pictures; look at {root / 'contact_sheet.jpg'}")
    return root


def _record(options: CityOptions) -> dict[str, object]:
    return {"format": FORMAT_VERSION, "digest": options.digest(), "options": options.table()}


def _check(root: Path, options: CityOptions) -> bool:
    """Tell whether the finished city is there.

    Raises:
        DataError: When what is there was made with other options or is no city.
    """
    for name in (_MARKER, _STARTED):
        path = root / name
        if not path.exists():
            continue
        found = read_json(path)
        if not isinstance(found, dict) or not isinstance(found.get("options"), dict):
            raise DataError(f"{path}: not a city's record; delete {root} or give another --root")
        if found.get("digest") != options.digest():
            what = differences(found["options"], options.table())
            what = what or [f"format is {found.get('format')} there and {FORMAT_VERSION} here"]
            raise DataError(
                f"{root}: holds a city with other options: {'; '.join(what)}; render elsewhere "
                "with --root FOLDER, or delete it and render again with --force"
            )
        return name == _MARKER
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(
            f"{root}: exists and is no city ({_MARKER} is missing); give another --root"
        )
    return False


def _clear(root: Path) -> None:
    """Delete a city's files and nothing else."""
    for folder in (REAL, SYNTHETIC, "masks", "truth"):
        if (root / _MARKER).exists() or (root / _STARTED).exists():
            rmtree(root / folder, ignore_errors=True)
    for name in ("contact_sheet.jpg", _MARKER, _STARTED):
        (root / name).unlink(missing_ok=True)


def _render(root: Path, options: CityOptions, tracklets: Sequence[Tracklet], jobs: int) -> None:
    by_vehicle: dict[tuple[str, int], list[Tracklet]] = {}
    for tracklet in tracklets:
        vehicle = tracklet.vehicle
        by_vehicle.setdefault((vehicle.group, vehicle.index), []).append(tracklet)
    units = list(by_vehicle.values())
    total = sum(len(tracklet.names) for tracklet in tracklets)
    progress = _Progress(total)
    for done in _work(root, options, units, jobs):
        progress.step(done)
    progress.close()


def _work(
    root: Path, options: CityOptions, units: list[list[Tracklet]], jobs: int
) -> Iterator[int]:
    """Paint every unit and yield the number of pictures of each one that is done."""
    if jobs == 1:
        painter = Painter(root, options)
        yield from map(painter.paint, units)
        return
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=leave_interrupts)
    try:
        futures = [pool.submit(run_unit, root, options, unit) for unit in units]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        raise DataError(
            f"{root}: a rendering process was killed, perhaps for memory; the same command goes on "
            "from here, with --jobs 1 it needs less"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Progress:
    """A bar on a terminal, a line every some seconds elsewhere."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.start = self.last = time.monotonic()
        self.bar = tqdm(total=total, unit="img", desc="render") if sys.stderr.isatty() else None

    def step(self, count: int) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
            return
        now = time.monotonic()
        if now - self.last >= _INTERVAL:
            self.last = now
            left = (now - self.start) / self.done * (self.total - self.done)
            print(f"render {self.done}/{self.total} images, {left:.0f} s left", flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="synthetic_aug.render",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, default=Path("data/toycity"), metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--force", action="store_true", help="delete what is there, render anew")
    for field in fields(CityOptions):
        flag = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(flag, action="store_true", help=_HELP[field.name])
            continue
        if field.name == "attributes":
            parser.add_argument(flag, type=Path, metavar="FILE", help=_HELP[field.name])
            continue
        if isinstance(field.default, str):
            text = f"{_HELP[field.name]} (default none)"
            parser.add_argument(flag, default=field.default, metavar="GRID", help=text)
            continue
        kind = float if isinstance(field.default, float) else int
        text = f"{_HELP[field.name]} (default {field.default})"
        parser.add_argument(flag, type=kind, default=field.default, metavar="N", help=text)
    return parser


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_args(arguments))
    root, jobs, force = values.pop("root"), values.pop("jobs"), values.pop("force")
    file = values.pop("attributes")
    values["attributes"] = read_attributes(file) if file is not None else ""
    main(root, CityOptions(**values), jobs=jobs, force=force)


if __name__ == "__main__":
    sys.exit(run_command(_command))
