"""A tiny city with every later option: resumable, of the same bytes, its lamps in the mask."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_aug.city.options import CityOptions
from synthetic_aug.render import _command, main
from tests.pictures import bytes_below
from vreid.errors import run_command
from vreid.files import read_json

OPTIONS = CityOptions(
    train_vehicles=2, test_vehicles=2, cameras=3, frames=1, image_size=32, samples=1,
    lookalikes=0.0, vehiclex_images=0, variety=0.6, liveries=0.5, dirt=0.7, night=0.4, rain=0.4,
    motion=0.4, occluders=0.4, shift=1, distinct=True, sweep="orientation=2,light=8",
)  # fmt: skip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mitsuba")
    return main(tmp_path_factory.mktemp("city") / "toy", OPTIONS, jobs=1)


def test_options_are_recorded_and_pictures_are_there(city: Path) -> None:
    record = read_json(city / "city.json")
    assert record["options"] == OPTIONS.table()
    assert record["images"]["sys_image_train"] == 16
    for path in city.glob("AIC*/*/*.jpg"):
        mask = cv2.imread(str(city / "masks" / path.parent.name / f"{path.stem}.png"), -1)
        assert np.mean(np.asarray(mask) > 0) > 0.15


def test_night_is_dark_around_bright_lamps(city: Path) -> None:
    folder = city / "AIC21_Track2_ReID_Simulation" / "sys_image_train"
    day, night = (
        np.asarray(cv2.imread(str(folder / f"00001_c{camera:03d}_1.jpg")), dtype=float)
        for camera in (1, 8)
    )
    mask = np.asarray(cv2.imread(str(city / "masks/sys_image_train/00001_c008_1.png"), -1)) > 0
    assert night.shape[:2] == mask.shape
    assert np.median(night[~mask]) < np.median(day)
    assert (night[mask].min(axis=1) > 235).sum() >= 2  # the headlights, seen from the front


def test_a_stopped_run_goes_on_to_the_same_bytes(city: Path, tmp_path: Path) -> None:
    root = tmp_path / "toy"
    shutil.copytree(city, root)
    (root / "city.json").rename(root / ".city-started.json")
    for path in list(root.glob("AIC*/*/*.jpg"))[::2]:
        path.unlink()
    main(root, OPTIONS, jobs=1)
    assert bytes_below(root) == bytes_below(city)


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(city: Path, tmp_path: Path) -> None:
    assert bytes_below(main(tmp_path / "toy", OPTIONS, jobs=2)) == bytes_below(city)


def test_flags_reach_the_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tmp_path / "toy")
    assert run_command(lambda: _command(["--root", root, "--sweep", "angle=3"])) == 2
    assert "error: --sweep has 'angle=3'" in capsys.readouterr().err
    assert run_command(lambda: _command(["--root", root, "--rain", "2"])) == 2
    assert "error: --rain is 2.0; give a value from 0" in capsys.readouterr().err
