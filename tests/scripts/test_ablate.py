"""Whole small ablations whose trainings run inside the test."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import scripts.ablate
import scripts.evaluate
import scripts.train
from scripts.ablate import main
from scripts.measure import Cost
from scripts.stages import StageError
from tests.pictures import make_samples
from vreid.config import load_config
from vreid.errors import ConfigError, UserError
from vreid.features import Features
from vreid.protocol import MARKET

RECIPE = """
name: own
output: {folder}/runs
device: cpu
data: {{dataset: csv, root: {folder}/crops, test_fraction: 0.4}}
input: {{size: [32, 32], pad: 2}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
solver: {{max_epochs: 1, warmup_epochs: 0, ims_per_batch: 8, num_instance: 2, precision: fp32}}
test: {{protocol: market, checkpoint: last}}
members: {{one: {{model: {{ibn: true}}}}}}
"""
PLAN = """
recipe: own.yml
base: {input: {erasing: 0.0}}
mode: on
variants:
  id_only: {loss: {metric: none}}
  broken: {model: {backbone: no_such_net}}
seeds: [0, 1]
"""
Start = Callable[[Sequence[str], Path], str]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    samples = make_samples(folder / "crops", vehicles=6, frames=2)
    lines = [f"{sample.name},{sample.pid},{sample.camid}" for sample in samples]
    table = folder / "crops" / "samples.csv"
    table.write_text("\n".join(["path,vehicle_id,camera_id", *lines]) + "\n")
    return folder


@pytest.fixture
def plan(crops: Path, tmp_path: Path) -> Path:
    recipe = RECIPE.format(folder=crops).replace(f"output: {crops}", f"output: {tmp_path}")
    (tmp_path / "own.yml").write_text(recipe)
    (tmp_path / "small.yml").write_text(PLAN)
    return tmp_path / "small.yml"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Trainings run in this process, to save the time of its start; their names in order."""
    names: list[str] = []

    def train_here(words: Sequence[str], record: Path) -> str:
        verb, recipe, flag, name = words
        assert (verb, flag) == ("scripts.train", "--member")
        names.append(name)
        try:
            scripts.train.main(Path(recipe), members=[name])
        except UserError as error:
            return str(error)
        record.write_text(json.dumps([vars(Cost(3.0, 4.0, 5 << 20))]))
        return ""

    monkeypatch.setattr(scripts.ablate, "run_measured", train_here)
    return names


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


def test_an_ablation_with_a_variant_that_fails(
    plan: Path, started: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StageError, match=r"2 trainings failed: broken-0, broken-1 .*no_such_net"):
        main(plan)
    assert started == ["base-0", "base-1", "id_only-0", "id_only-1", "broken-0", "broken-1"]
    folder = tmp_path / "runs" / "ablation" / "small"
    found = results(folder)
    assert found["protocol"] == str(MARKET)
    assert [(one["variant"], one["seed"]) for one in found["outcomes"]] == [
        *(("base", 0), ("base", 1), ("id_only", 0), ("id_only", 1))
    ]
    assert [one["variant"] for one in found["failures"]] == ["broken", "broken"]
    table = (folder / "table.md").read_text()
    assert str(MARKET) in table and "- broken, seed 0: model.backbone: timm" in table
    assert str(MARKET) in capsys.readouterr().out
    assert ">failed<" in (folder / "bars.svg").read_text()

    # The score is that of the two verbs after the training, by their own way.
    run = folder / "id_only-1"
    (again,) = scripts.evaluate.main([run], protocol=MARKET)
    assert found["outcomes"][3]["scores"]["mAP"] == again.scores.map
    assert again.scores.num_query + again.scores.num_gallery == 8  # two of six vehicles
    written = load_config(run / "config.yml")
    assert (written.solver.seed, written.loss.metric, written.input.erasing) == (1, "none", 0.0)
    assert not written.model.ibn  # the recipe's members stay out


def test_finished_trainings_are_kept_and_more_seeds_are_added(
    plan: Path, started: list[str], tmp_path: Path
) -> None:
    plan.write_text(PLAN.replace("  broken: {model: {backbone: no_such_net}}\n", ""))
    folder = tmp_path / "runs" / "ablation" / "small"
    main(plan, seeds=[0])
    before = (folder / "base-0" / "last.pt").stat().st_mtime_ns
    first = results(folder)
    out = main(plan, seeds=[5], only=["id_only"], out=tmp_path / "there")
    assert out == tmp_path / "there" / "table.md"
    assert started == ["base-0", "id_only-0", "id_only-5"]
    assert (folder / "base-0" / "last.pt").stat().st_mtime_ns == before
    found = results(tmp_path / "there")
    assert found["outcomes"][:2] == first["outcomes"]
    assert [one["seed"] for one in found["outcomes"]] == [0, 0, 5]
    id_only = found["rows"][1]
    assert list(id_only["differences"]["mAP"]["by_seed"]) == ["0"]  # the base has no seed 5


def test_variants_that_train_elsewhere_are_measured_on_the_target(
    plan: Path, crops: Path, started: list[str], tmp_path: Path
) -> None:
    samples = make_samples(tmp_path / "other", vehicles=5, frames=3)
    lines = [f"{sample.name},{sample.pid},{sample.camid}" for sample in samples]
    table = "\n".join(["path,vehicle_id,camera_id", *lines]) + "\n"
    (tmp_path / "other" / "samples.csv").write_text(table)
    variant = f"elsewhere: {{data: {{root: {crops / 'crops'}, test_fraction: 0.5}}}}"
    target = f"target: {{data: {{root: {tmp_path / 'other'}, test_fraction: 0.8}}}}\n"
    text = PLAN.replace("broken: {model: {backbone: no_such_net}}", variant)
    plan.write_text(text.replace("[0, 1]", "[0]") + target)
    main(plan)
    assert started == ["base-0", "id_only-0", "elsewhere-0"]
    folder = tmp_path / "runs" / "ablation" / "small"
    assert f"the test part of {tmp_path / 'other'}" in (folder / "table.md").read_text()
    sizes = {
        one["scores"]["num_query"] + one["scores"]["num_gallery"]
        for one in results(folder)["outcomes"]
    }
    assert sizes == {sum(1 for one in samples if one.pid in (0, 1, 2, 3))}, sizes
    names = {Path(str(n)).name for n in Features.load(folder / "base-0/features/query.npz").names}
    assert names <= {sample.name.rsplit("/", 1)[-1] for sample in samples}


def test_a_training_of_other_options_is_not_mixed_in(
    plan: Path, started: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(plan, seeds=[0], only=["base"])
    wanted = r"nothing was measured; 1 trainings failed: base-0 .*base_lr: 0\.00035 -> 0\.001"
    with pytest.raises(StageError, match=wanted):
        main(plan, ["solver.base_lr", "0.001"], seeds=[0], only=["base"])
    with pytest.raises(StageError, match=r"broken-0 .*no_such_net"):
        main(plan, ["solver.base_lr", "0.001"], seeds=[0], only=["broken"])
    assert "left out: " in capsys.readouterr().out
    assert started == ["base-0", "broken-0"]


def test_a_stopped_ablation_goes_on(
    plan: Path, started: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    train_here: Start = vars(scripts.ablate)["run_measured"]  # that of ``started``

    def stop_at_second(words: Sequence[str], record: Path) -> str:
        if len(started) == 1:
            raise KeyboardInterrupt
        return train_here(words, record)

    monkeypatch.setattr(scripts.ablate, "run_measured", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        main(plan, seeds=[0], only=["base", "id_only"])
    folder = tmp_path / "runs" / "ablation" / "small"
    assert [one["variant"] for one in results(folder)["outcomes"]] == ["base"]
    monkeypatch.setattr(scripts.ablate, "run_measured", train_here)
    main(plan, seeds=[0], only=["base", "id_only"])
    assert started == ["base-0", "id_only-0"]


def test_an_unexpected_error_of_one_training_does_not_end_the_others(
    plan: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> Path:
        raise RuntimeError("no memory\nleft")

    monkeypatch.setattr(scripts.ablate, "extract_run", broken)
    with pytest.raises(StageError, match=r"2 trainings failed: .* \(RuntimeError: no memory left"):
        main(plan, seeds=[0], only=["base", "id_only"])


def test_nothing_is_trained_when_a_variant_or_a_name_is_wrong(
    plan: Path, started: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"no variant 'ibn'; it has base, id_only, broken"):
        main(plan, only=["ibn"])
    plan.write_text(PLAN.replace("backbone: no_such_net", "back: no_such_net"))
    with pytest.raises(ConfigError, match=r"variant broken: there is no option model\.back"):
        main(plan)
    assert started == []
    assert not (tmp_path / "runs").exists()
