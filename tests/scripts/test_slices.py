"""Slices of a recipe's result, from its facts to the table and the report."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import scripts.slices
from scripts.plan import Plan
from scripts.slices import slices_file
from scripts.traits import Facts, read_traits
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.files import read_json
from vreid.predictions import Predictions
from vreid.report.slices import slice_table

QUERIES = ("q0.png", "q1.png", "q2.png")
GALLERY = tuple(f"g{idx}.png" for idx in range(6))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Three queries of 20, 30 and 40 pixels a side; each vehicle has two gallery images."""
    lines = ["path,vehicle_id,camera_id,split"]
    for idx, name in enumerate((*QUERIES, *GALLERY)):
        part, side = ("query", 20 + 10 * idx) if idx < 3 else ("gallery", 8)
        cv2.imwrite(str(tmp_path / name), np.zeros((side, side, 3), dtype=np.uint8))
        lines.append(f"{name},{idx % 3},{idx},{part}")
    (tmp_path / "samples.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "own.yml"
    path.write_text(
        f"name: own\noutput: {tmp_path}/runs\ndata: {{dataset: csv, root: {tmp_path}}}\n"
        "test: {protocol: aicity}\n"
    )
    return path


def save_result(recipe: Path) -> None:
    dist = np.arange(18, dtype=np.float32).reshape(3, 6) % 7
    plan = Plan.load(recipe, [])
    DistMat(dist, QUERIES, GALLERY, kind="made").save(plan.result())


def write_facts(recipe: Path, *lines: str) -> None:
    (recipe.parent / "facts.csv").write_text("\n".join(lines) + "\n")


def test_the_table_and_what_is_left_out(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_result(recipe)
    write_facts(recipe, "name,orientation,night", "q0.png,10,0", "g0.png,200,", "g3.png,20,1")
    path = scripts.slices.main(recipe)
    assert path == slices_file(Plan.load(recipe, []))
    table = slice_table(read_json(path), source=path)
    rows = {(row.trait, row.name): row for row in table.rows}
    assert rows["", "all"].num_pairs == 6
    assert rows["orientation", "same (to 45°)"].num_pairs == 1
    assert rows["orientation", "opposite (from 135°)"].num_pairs == 1
    assert rows["light", "one at night"].num_query == 1
    assert rows["resolution of the query", "small (to 733 px)"].num_query == 1
    assert ("scene", "across scenes") not in rows
    shown = capsys.readouterr().out
    for text in (
        "scene left out: ",
        "has no column scene, and the recipe's chain names no groups of cameras.",
        "lookalike left out: ",
        "orientation: from ",
        "per cent; ",
        "aicity: AP over the top 100",
    ):
        assert text in shown
    # With the only other image of the vehicle left out, the list of q0 is [5 others].
    ranked = [g for g in np.argsort(np.arange(6) % 7, kind="stable") if g != 3]
    first = ranked.index(0)
    assert rows["orientation", "opposite (from 135°)"].scores["mAP@100"] == 1 / (first + 1)


def test_predicted_orientations_stand_in(recipe: Path) -> None:
    plan = Plan.load(recipe, [])
    known = read_traits(plan, QUERIES, GALLERY)
    assert np.isnan(known.query.angles).all()
    assert "python -m orientation.predict" in known.notes[0]
    for part, names in (("query", QUERIES), ("gallery", GALLERY)):
        degrees = np.arange(len(names), dtype=np.float64)
        sure = np.ones(len(names), dtype=np.float32)
        path = plan.run("orientation") / "features" / f"{part}.labels.npz"
        Predictions(names, degrees, sure).save(path)
    known = read_traits(plan, QUERIES, GALLERY[::-1])
    assert known.query.angles.tolist() == [0, 1, 2]
    assert known.gallery.angles.tolist() == [5, 4, 3, 2, 1, 0]
    assert "predicted by" in known.notes[0]


def test_scenes_are_the_groups_of_the_chain(recipe: Path) -> None:
    recipe.write_text(
        recipe.read_text()
        + "chain: [distance, {stage: constrain, groups: [[0, 2], [3, 5], [8, 9]]}]\n"
    )
    known = read_traits(Plan.load(recipe, []), QUERIES, GALLERY)
    assert known.query.scenes.tolist() == [0, 0, 0]
    assert known.gallery.scenes.tolist() == [1, 1, 1, -1, -1, 2]
    write_facts(recipe, "name,scene", "q0.png,south", "q1.png,north", "g1.png,south")
    known = read_traits(Plan.load(recipe, []), QUERIES, GALLERY)
    assert known.query.scenes.tolist() == [1, 0, -1]
    assert known.gallery.scenes.tolist() == [-1, 1, -1, -1, -1, -1]


def test_a_city_without_a_night_has_no_light(recipe: Path) -> None:
    write_facts(recipe, "name,night", *(f"{name},0" for name in (*QUERIES, *GALLERY)))
    known = read_traits(Plan.load(recipe, []), QUERIES, GALLERY)
    assert "no image was taken at night" in known.notes[2]
    assert (known.query.nights == -1).all()


def test_bad_facts_and_other_images(recipe: Path) -> None:
    plan = Plan.load(recipe, [])
    write_facts(recipe, "name,orientation", "q0.png,360")
    message = r"facts\.csv: orientation of q0\.png is '360'; expected a number from 0 to below 360"
    with pytest.raises(DataError, match=message):
        read_traits(plan, QUERIES, GALLERY)
    write_facts(recipe, "name,night", "q0.png,dark")
    with pytest.raises(DataError, match="night of q0.png is 'dark'".replace(".", r"\.")):
        read_traits(plan, QUERIES, GALLERY)
    write_facts(recipe, "name,other", "q0.png,1")
    assert Facts.read(recipe.parent / "facts.csv").columns == {}
    with pytest.raises(DataError, match="other.png is not in the data set".replace(".", r"\.")):
        read_traits(plan, ("other.png",), GALLERY)
    recipe.write_text(recipe.read_text().replace("aicity", "vveri901"))
    with pytest.raises(ConfigError, match="slices are of images"):
        scripts.slices.main(recipe)
