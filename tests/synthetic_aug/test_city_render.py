"""A tiny city rendered for real: same bytes however it is made, cache, errors, masks."""

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_aug.city.options import CityOptions
from synthetic_aug.render import _command, main
from tests.pictures import bytes_below
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json

OPTIONS = CityOptions(
    train_vehicles=2,
    test_vehicles=2,
    cameras=3,
    frames=2,
    image_size=32,
    samples=1,
    lookalikes=1.0,
    vehiclex_images=3,
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mitsuba")
    return main(tmp_path_factory.mktemp("city") / "toy", OPTIONS, jobs=1)


def test_every_listed_picture_has_pixels_and_a_mask(city: Path) -> None:
    record = read_json(city / "city.json")
    assert record["options"]["image_size"] == 32 and record["digest"] == OPTIONS.digest()
    base = city / "AIC21_Track2_ReID"
    for short in ("train", "test", "query"):
        names = (base / f"name_{short}.txt").read_text().split()
        folder = base / f"image_{short}"
        assert sorted(path.name for path in folder.iterdir()) == names
        assert record["images"][f"image_{short}"] == len(names) > 0
        for name in names:
            picture = cv2.imread(str(folder / name))
            mask = cv2.imread(str(city / "masks" / folder.name / name).replace("jpg", "png"), -1)
            assert picture is not None and mask is not None
            assert picture.shape[:2] == mask.shape
            assert set(np.unique(mask)) <= {0, 255}
            assert 0.15 < np.mean(np.asarray(mask) > 0) < 0.95
    assert (city / "contact_sheet.jpg").stat().st_size > 1000
    assert not (city / ".city-started.json").exists()


def test_the_crop_lies_where_the_renderer_sees_the_vehicle(city: Path) -> None:
    # Projection (ours) and rendering (Mitsuba's) agree: the mask is in the middle of its box and
    # nearly fills its longer side; flat boxes are padded to the least number of rows.
    for path in (city / "masks" / "sys_image_train").iterdir():
        mask = np.asarray(cv2.imread(str(path), -1)) > 0
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        for places, size in ((rows, mask.shape[0]), (columns, mask.shape[1])):
            assert (places[0] + places[-1] + 1) / 2 == pytest.approx(size / 2, abs=0.12 * size)
            assert np.ptp(places) + 1 > (0.7 if size == max(mask.shape) else 0.4) * size


def test_two_processes_give_the_same_bytes(city: Path, tmp_path: Path) -> None:
    assert bytes_below(main(tmp_path / "toy", OPTIONS, jobs=2)) == bytes_below(city)


def test_a_stopped_run_goes_on_to_the_same_bytes(city: Path, tmp_path: Path) -> None:
    root = tmp_path / "toy"
    shutil.copytree(city, root)
    images = root / "AIC21_Track2_ReID" / "image_train"
    kept = images / "000001.jpg"
    before = kept.stat().st_mtime_ns
    (root / "city.json").rename(root / ".city-started.json")
    (root / "contact_sheet.jpg").unlink()
    (root / "AIC21_Track2_ReID" / "train_label.xml").unlink()
    (images / "000002.jpg").unlink()
    (root / "masks" / "image_train" / "000002.png").unlink()
    (images / ".000002.half.jpg").write_bytes(b"half")
    main(root, OPTIONS, jobs=1)
    assert bytes_below(root) == bytes_below(city)
    assert kept.stat().st_mtime_ns == before


def test_a_finished_city_is_kept(
    city: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)  # any rendering would fail
    assert main(city, OPTIONS) == city
    assert "already rendered" in capsys.readouterr().out


def test_other_options_are_refused_with_the_difference(city: Path) -> None:
    with pytest.raises(DataError, match=r"seed is 0 there and 5 here; render elsewhere .*--force"):
        main(city, CityOptions(**{**OPTIONS.table(), "seed": 5}))


def test_force_renders_again(city: Path, tmp_path: Path) -> None:
    root = tmp_path / "toy"
    shutil.copytree(city, root)
    name = root / "AIC21_Track2_ReID" / "image_train" / "000001.jpg"
    name.write_bytes(b"spoilt")
    main(root, OPTIONS, jobs=1, force=True)
    assert bytes_below(root) == bytes_below(city)


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="exists and is no city"):
        main(tmp_path, OPTIONS, force=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "city.json").write_text("[1]")
    with pytest.raises(DataError, match=r"city\.json: not a city's record"):
        main(tmp_path, OPTIONS)


def test_missing_mitsuba_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(DataError, match=r"pip install -e '\.\[render\]'"):
        main(tmp_path / "toy", OPTIONS, jobs=1)


def test_bad_values_leave_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(tmp_path / "toy")
    assert run_command(lambda: _command(["--root", root, "--cameras", "1"])) == 2
    assert "error: --cameras is 1; give a value from 3 to 99" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="--jobs is 0"):
        main(tmp_path / "toy", OPTIONS, jobs=0)
