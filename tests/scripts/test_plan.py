from pathlib import Path

import pytest

from scripts.plan import Plan
from vreid.errors import ConfigError, DataError
from vreid.runs import finish_run

FULL = """
name: city
output: {output}
members: {{a: {{model: {{backbone: resnet18}}}}, b: {{model: {{backbone: resnet34}}}}}}
orientation: {{data: {{dataset: vehiclex}}}}
camera: {{model: {{backbone: resnet18}}}}
fusion: {{orientation: 0.1, camera: 0.2}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "city.yml"
    path.write_text(FULL.format(output=tmp_path / "runs"))
    return path


def outputs(plan: Plan) -> list[str]:
    return [one.output.stem for one in plan.stages()]


def test_fusing_comes_before_re_ranking_and_the_mean_last(recipe: Path) -> None:
    plan = Plan.load(recipe, [])
    assert outputs(plan) == [
        *("a.plain", "b.plain", "orientation.plain", "camera.plain"),
        *("a.fused", "a.reranked", "b.fused", "b.reranked"),
        "ensemble.final",
    ]
    fuse = plan.stages()[4]
    weights = [float(word) for word in fuse.words if word in ("0.1", "0.2")]
    assert fuse.words.count("--minus") == 2
    assert weights == [0.1, 0.2]
    rerank = plan.stages()[5]
    features = [str(plan.run(name) / "features" / "query.npz") for name in ("a", "camera")]
    assert rerank.words[1] == features[0]
    assert features[1] in rerank.words
    weights = [float(word) for word in rerank.words if word in ("0.1", "0.2")]
    assert weights == [0.1, 0.2]


def test_no_stage_makes_a_square_distance(recipe: Path) -> None:
    plan = Plan.load(recipe, [])
    assert not [one for one in (*plan.stages(), *plan.ablation()) if "--square" in one.words]


def test_every_stage_reads_only_what_a_stage_before_wrote(recipe: Path) -> None:
    plan = Plan.load(recipe, [])
    made: set[Path] = set()
    for one in (*plan.stages(), *plan.ablation()):
        for path in one.inputs:
            assert path in made or path.suffix == ".npz"
            assert str(path) in one.words
        made.add(one.output)
    assert {dist for _, _, dist in plan.scoreboard()} <= made


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["fusion.camera", "0"], ["a.plain", "b.plain", "orientation.plain"]),
        (["fusion.camera", "0", "fusion.orientation", "0"], ["a.plain", "b.plain"]),
    ],
)
def test_a_weight_of_zero_leaves_the_classifier_out(
    recipe: Path, pairs: list[str], expected: list[str]
) -> None:
    made = [name for name in outputs(Plan.load(recipe, pairs)) if name.endswith("plain")]
    assert made == expected


def test_re_ranking_can_be_left_out(recipe: Path) -> None:
    plan = Plan.load(recipe, ["rerank.enabled", "false"])
    assert not [name for name in outputs(plan) if "reranked" in name]


def test_one_model_alone(tmp_path: Path) -> None:
    path = tmp_path / "solo.yml"
    path.write_text("name: solo\nrerank: {enabled: false}\n")
    assert outputs(Plan.load(path, [])) == ["vehicle.plain", "ensemble.final"]
    assert [label for _, label, _ in Plan.load(path, []).scoreboard()] == ["vehicle", "vehicle"]


def test_untrained_runs_are_named_with_what_to_do(recipe: Path, tmp_path: Path) -> None:
    plan = Plan.load(recipe, ["solver.seed", "3"])
    finish_run(plan.run("a"), {})
    message = r"b does not exist; train first: \./scripts/train\.sh .*city\.yml solver\.seed 3"
    with pytest.raises(DataError, match=message):
        plan.check_trained()
    plan.run("b").mkdir()
    (plan.run("b") / "last.pt").touch()
    with pytest.raises(DataError, match="b has not finished"):
        plan.check_trained()
    for name in ("b", "orientation", "camera"):
        finish_run(plan.run(name), {})
    assert [run.name for run in plan.check_trained()] == ["a", "b", "orientation", "camera"]


def test_a_member_may_not_take_a_folder_of_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text("members: {distances: {model: {ibn: true}}}\n")
    with pytest.raises(ConfigError, match="cannot be named 'distances'"):
        Plan.load(path, [])
