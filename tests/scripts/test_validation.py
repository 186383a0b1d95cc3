"""Validation vehicles: those of training, never seen by a member; a classifier's are told."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts.plan import Plan
from scripts.validation import check_unseen, validation_split
from vreid.config import dump_config, load_config
from vreid.errors import ConfigError, DataError

RECIPE = """
name: crops
output: {output}
data: {{dataset: csv, root: {root}, holdout: 0.5}}
members: {{a: {{}}, b: {{}}}}
camera: {{loss: {{triplet_weight: 0.0}}}}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    rows = ["path,vehicle_id,camera_id,track_id,split"]
    for pid in range(1, 9):
        for camid in (1, 2, 3):
            name = f"{pid}_{camid}.png"
            cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
            rows.append(f"{name},{pid},{camid},{10 * pid + camid},train")
    for part in ("query", "gallery"):
        rows.append(f"9_{'12'[part == 'query']}.png,9,{1 + (part == 'query')},,{part}")
        cv2.imwrite(str(tmp_path / rows[-1].split(",")[0]), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "samples.csv").write_text("\n".join(rows) + "\n")
    recipe = tmp_path / "crops.yml"
    recipe.write_text(RECIPE.format(output=tmp_path / "runs", root=tmp_path))
    for name in ("a", "b", "camera"):
        folder = tmp_path / "runs" / "crops" / name
        folder.mkdir(parents=True)
        config = load_config(recipe, part=name)
        (folder / "config.yml").write_text(dump_config(config))
    return Plan.load(recipe, [])


def test_the_vehicles_are_those_held_out_of_training(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    once = validation_split(plan.config.data, queries=1)
    often = validation_split(plan.config.data, queries=2)
    pids = {sample.pid for sample in once.query}
    assert len(pids) == 4
    assert {sample.pid for sample in often.query} == pids
    assert (len(once.query), len(often.query)) == (4, 8)
    assert not pids & {sample.pid for sample in once.train}
    check_unseen(plan, often)
    assert "note" not in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"data\.holdout is 0: every training vehicle"):
        validation_split(Plan.load(plan.recipe, ["data.holdout", "0"]).config.data, queries=1)


def test_a_member_that_has_seen_them_is_refused(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    split = validation_split(plan.config.data, queries=1)
    for name in ("camera", "b"):
        path = plan.base / name / "config.yml"
        path.write_text(path.read_text().replace("holdout: 0.5", "holdout: 0.0"))
        if name == "camera":
            check_unseen(plan, split)
            note = "runs/crops/camera was trained on 4 of the 4 validation vehicles"
            assert note in capsys.readouterr().out
    with pytest.raises(DataError, match=r"crops/b was trained on 4 of the 4 validation vehicles"):
        check_unseen(plan, split)
