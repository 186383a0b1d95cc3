"""The sweep: reading it, every combination once, labels in VehicleX's layout."""

import re
from pathlib import Path

import pytest

from synthetic_aug.city.cameras import orientation_of
from synthetic_aug.city.identity import spec_of
from synthetic_aug.city.layout import write_layout
from synthetic_aug.city.options import CityOptions, sweep_levels
from synthetic_aug.city.plan import draw_tracklets, draw_vehiclex, vehiclex_orientation
from synthetic_aug.city.sweep import LIGHT_NAMES, sweep_camera
from synthetic_aug.city.variants import ALL_TYPES
from vreid.errors import ConfigError

SWEEP = "orientation=4, light=8,height=2,distance=2,model=3,color=2"
OPTIONS = CityOptions(train_vehicles=2, test_vehicles=2, cameras=3, sweep=SWEEP)


def test_levels_are_read_and_the_rest_is_one() -> None:
    assert sweep_levels("") == {}
    assert sweep_levels(" orientation = 12 , color=3") == {
        "orientation": 12, "light": 1, "height": 1, "distance": 1, "model": 1, "color": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("angle=3", "--sweep has 'angle=3'; give attribute=levels with attributes from orient"),
        ("light", "--sweep has 'light'"),
        ("light=x", "--sweep has 'light=x'"),
        ("light=9", "--sweep asks for 9 levels of light; give 1 to 8"),
        ("color=0", "--sweep asks for 0 levels of color"),
        ("orientation=360,light=8,height=9,distance=9", "--sweep makes 233280 pictures"),
    ],
)
def test_a_bad_sweep_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        CityOptions(sweep=text)


def test_every_combination_comes_once() -> None:
    tracklets = draw_vehiclex(OPTIONS)
    assert len({tracklet.cell for tracklet in tracklets}) == len(tracklets) == 4 * 8 * 4 * 6
    assert len({tracklet.names for tracklet in tracklets}) == len(tracklets)
    assert len({tracklet.vehicle.number for tracklet in tracklets}) == 6


def test_cameras_show_the_asked_orientation_height_and_distance() -> None:
    for tracklet in draw_vehiclex(OPTIONS)[::7]:
        assert tracklet.cell is not None
        camera, pose = sweep_camera(OPTIONS, tracklet.cell)
        asked = vehiclex_orientation(OPTIONS, tracklet)
        assert (orientation_of(camera, pose) - asked + 180) % 360 == pytest.approx(180)
        assert camera.position[2] == pytest.approx(11.0 if tracklet.cell.height else 3.0)
        assert camera.weather.night == (LIGHT_NAMES[tracklet.cell.light] == "night")


def test_a_model_keeps_its_body_in_every_colour() -> None:
    vehicles = {t.vehicle.index: t.vehicle for t in draw_vehiclex(OPTIONS)}
    specs = [spec_of(OPTIONS, vehicles[index]) for index in range(6)]
    assert [spec.color for spec in specs] == [0, 1] * 3
    assert specs[0].plan == specs[1].plan != specs[2].plan
    assert [spec.plan.body_type for spec in specs[::2]] == list(ALL_TYPES[:3])


def test_labels_and_table_carry_the_attributes(tmp_path: Path) -> None:
    write_layout(tmp_path, OPTIONS, [*draw_tracklets(OPTIONS), *draw_vehiclex(OPTIONS)])
    folder = tmp_path / "AIC21_Track2_ReID_Simulation"
    items = re.findall(
        r'<Item imageName="([^"]+)" vehicleID="(\d+)" cameraID="c(\d+)" '
        r'orientation="([\d.]+)" colorID="(\d+)" typeID="(\d+)" />',
        (folder / "train_label.xml").read_text(),
    )
    assert len(items) == 768
    assert {item[3] for item in items} == {"0.000", "90.000", "180.000", "270.000"}
    assert {item[4] for item in items} == {"0", "1"} and {i[5] for i in items} == {"0", "1", "2"}
    table = (folder / "sweep.csv").read_text().splitlines()
    assert table[0] == "name,orientation,light,height,distance,model,color"
    assert sorted(line.split(",")[0] for line in table[1:]) == sorted(item[0] for item in items)
