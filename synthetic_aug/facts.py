"""What a rendered city knows of its test pictures: ``python -m synthetic_aug.facts ROOT``.

Writes ``ROOT/truth/facts.csv`` for scores by slices: ``name,orientation,scene,night,lookalike`` of
every query and gallery picture. The orientation is in degrees as in the VehicleX labels (0 shows
the front, 90 the right side), the scene the number of the place that the camera stands in, night is
1 for cameras that film at night, lookalike 1 for vehicles with a declared twin of the same model
and paint among the test vehicles. All follows from the options in ``city.json``; no picture is
looked at.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from synthetic_aug.city.cameras import Camera, Pose
from synthetic_aug.city.conditions import city_cameras
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.passage import draw_passage
from synthetic_aug.city.plan import draw_tracklets
from synthetic_aug.city.records import Tracklet, generator
from vreid.errors import DataError, run_command
from vreid.files import read_json, write_text

HEADER = "name,orientation,scene,night,lookalike"
FOLDERS = ("image_query", "image_test")


def main(root: Path) -> Path:
    """Write the facts of a finished city and return the path of the table.

    Raises:
        DataError: When there is no finished city of this version.
    """
    options = _options(root / "city.json")
    tracklets = [one for one in draw_tracklets(options) if one.folder in FOLDERS]
    models = [vehicle.model for vehicle in {one.vehicle for one in tracklets}]
    twins = {model for model in models if models.count(model) > 1}
    cameras = city_cameras(options)
    rows = []
    for one in tracklets:
        camera = cameras[one.camera]
        angles = orientations(options, camera, one)
        rest = f"{camera.place},{int(camera.weather.night)},{int(one.vehicle.model in twins)}"
        rows += [
            f"{one.folder}/{name},{angle:.1f},{rest}"
            for name, angle in zip(one.names, angles, strict=True)
        ]
    path = write_text(root / "truth" / "facts.csv", "\n".join([HEADER, *sorted(rows)]) + "\n")
    print(f"wrote {path} ({len(rows)} pictures)")
    return path


def orientations(options: CityOptions, camera: Camera, tracklet: Tracklet) -> list[float]:
    """Degrees in [0, 360) of each frame of a passage, rounded to 0.1."""
    vehicle = tracklet.vehicle
    rng = generator(options, vehicle.group, vehicle.index, 4, tracklet.camera, 0)
    # The passage draws its poses first: how far the vehicle reaches moves bystanders only.
    passage = draw_passage(
        camera, len(tracklet.names), occluded=options.occluded, reach=0.0, rng=rng
    )
    return [round(orientation(camera, pose), 1) % 360 for pose in passage.poses]


def orientation(camera: Camera, pose: Pose) -> float:
    """Degrees in [0, 360) by which a vehicle is turned out of facing the camera."""
    x, y, _ = camera.position
    towards = math.atan2(y - pose.y, x - pose.x)
    return math.degrees(pose.yaw - towards) % 360


def _options(path: Path) -> CityOptions:
    """The options of a finished city.

    Raises:
        DataError: When the file is missing, is no city's, or is of another version.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; render the city with synthetic_aug.render first")
    record = read_json(path)
    table = record.get("options") if isinstance(record, dict) else None
    try:
        options = CityOptions(**table) if isinstance(table, dict) else None
    except TypeError:
        options = None
    if options is None or options.digest() != record.get("digest"):
        raise DataError(f"{path}: not the record of a city of this version; render it again")
    return options


def command(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.facts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", type=Path, help="folder of a rendered city, such as data/toycity")
    main(parser.parse_args(arguments).root)


if __name__ == "__main__":
    sys.exit(run_command(command))
