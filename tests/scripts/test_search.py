"""The search for a chain's numbers: halves apart, a gain that must be sure, a file that is used."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import scripts.chosen
import scripts.search
from scripts.chosen import chosen_path, read_chosen, with_chosen
from scripts.folds import Fold, Part, fit_fold, gain_of, halves
from scripts.graph.memory import plain_chain
from scripts.graph.memory_stages import Pair
from scripts.plan import Plan
from scripts.validation import Validation, check_enough
from tests.scripts.chains import write_recipe
from vreid.distance import normalize
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.options.chain import parse_chain
from vreid.options.chain_distances import FuseMembers
from vreid.options.chain_grid import find_knobs
from vreid.protocol import AICITY

DIM = 6
CHAIN = "chain: [distance, {stage: fuse_members, rule: mean}]\n"


def side(
    part: str, pids: list[int], centres: npt.NDArray[np.float64], noise: float, seed: int
) -> Features:
    rng = np.random.default_rng(seed)
    feats = centres[pids] + noise * rng.normal(size=(len(pids), DIM))
    numbers = np.arange(len(pids), dtype=np.int64)
    return Features(
        names=tuple(f"{part}/{number:04}.jpg" for number in numbers),
        feats=normalize(feats.astype(np.float32)),
        pids=np.array(pids, dtype=np.int64),
        camids=numbers % 3,
        trackids=numbers,
    )


def member(noise: float, seed: int, num_pids: int = 40) -> Pair:
    centres = np.random.default_rng(1).normal(size=(num_pids, DIM))
    pids = list(range(num_pids))
    return (
        side("query", pids, centres, noise, seed),
        side("gallery", sorted(pids * 3), centres, noise, seed + 100),
    )


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Member a sees vehicles, member b little but noise."""
    plan = Plan.load(write_recipe(tmp_path, CHAIN), [])
    for name in ("a", "b"):
        plan.run(name).mkdir(parents=True)
        (plan.run(name) / "best.pt").write_text(name)
    data = Validation({"a": member(0.3, 1), "b": member(4.0, 2)}, {}, {})
    monkeypatch.setattr(scripts.search, "load_validation", lambda plan, queries: data)
    monkeypatch.setattr(Plan, "check_trained", lambda plan: [])
    return plan


def as_part(pair: Pair) -> Part:
    chain = parse_chain(["distance", {"stage": "rerank", "k1": 6, "k2": 2}], "chain")
    data = Validation({"a": pair}, {}, {})
    return Part("all", data, chain, find_knobs(chain, ["a"]), AICITY, lambda: None)


def test_halves_share_no_vehicle_and_follow_the_seed() -> None:
    pids = np.repeat(np.arange(100, 117), 2)
    first, second = halves(pids, seed=3, number=0)
    assert sorted([*first, *second]) == list(range(100, 117))
    assert (len(first), len(second)) == (8, 9)
    assert halves(pids, seed=3, number=0)[0].tolist() == first.tolist()
    assert halves(pids, seed=3, number=1)[0].tolist() != first.tolist()
    check_enough(16, 0.1)
    wanted = r"10 validation vehicles \(data.holdout 0.1\), halves of 5; .* data.holdout 0.16"
    with pytest.raises(DataError, match=wanted):
        check_enough(10, 0.1)


def test_a_half_is_searched_within_itself() -> None:
    whole = as_part(member(0.8, 5))
    pids, others = halves(whole.data.first[0].pids, seed=0, number=0)
    part = whole.of_vehicles("A", pids)
    query, gallery = part.data.first
    assert set(query.pids) == set(gallery.pids) == set(pids.tolist())
    assert part.describe() == "20 vehicles, 20 queries, 60 gallery images"
    start = tuple(knob.default for knob in part.knobs)
    fold = fit_fold("A to B", part, whole.of_vehicles("B", others), start, rounds=2)
    assert fold.searched[1] >= fold.searched[0] == part.score(start).headline
    assert sorted(fold.after) == others.tolist()
    assert fold.searched[1] == pytest.approx(part.score(fold.point).headline)


def test_predicted_cameras_are_cut_with_the_rows() -> None:
    query, gallery = member(0.5, 3)
    marked = replace(gallery, meta={"predicted": gallery.pids.tolist()})
    data = Validation({"a": (query, gallery)}, {"camera": (query, marked)}, {})
    cut = data.of_vehicles(np.array([4, 9]))
    assert cut.classifiers["camera"][1].meta["predicted"] == [4, 4, 4, 9, 9, 9]


def test_gains_are_means_of_vehicles_over_the_folds() -> None:
    folds = [
        Fold("1", (), (0, 0), {1: 0.2, 2: 0.4}, {1: 0.3, 2: 0.4}),
        Fold("2", (), (0, 0), {1: 0.4, 3: 0.5}, {1: 0.7, 3: 0.6}),
    ]
    gain = gain_of(folds, seed=0)
    assert gain.mean == pytest.approx((0.2 + 0.0 + 0.1) / 3)
    assert gain.low >= 0 and gain.high <= 0.2 + 1e-9
    assert folds[0].checked == pytest.approx((0.3, 0.35))


@pytest.mark.parametrize("splits", [1, 2])
def test_a_sure_gain_is_written_and_used(
    plan: Plan, splits: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scripts.search.main(plan.recipe, splits=splits)
    printed = capsys.readouterr().out
    assert "validation: 40 vehicles, 40 queries, 120 gallery images; 2 numbers" in printed
    assert "aicity: AP over the top 100 / all relevant" in printed
    assert "taken: the gain" in printed
    chosen = read_chosen(path)
    fuse = chosen.chain[-1]
    assert isinstance(fuse, FuseMembers)
    assert fuse.weights["b"] < fuse.weights["a"]
    assert path == chosen_path(plan)
    used = with_chosen(plan)
    line = capsys.readouterr().out
    assert line.startswith("chosen parameters: 2 fuse_members.weights.")
    assert line.endswith(f"from {path}\n")
    assert used.config.chain == chosen.chain
    text = path.read_text()
    scripts.search.main(plan.recipe, splits=splits)
    assert path.read_text() == text

    assert with_chosen(plan, use=False).config == plan.config
    assert "passed over, as asked" in capsys.readouterr().out
    (plan.run("b") / "best.pt").write_text("trained again")
    assert with_chosen(plan).config == plan.config
    assert "searched with other options or weights" in capsys.readouterr().out


def test_without_a_sure_gain_the_recipe_is_kept(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same = member(1.5, 7)  # both members see the same: weights change nothing
    data = Validation({"a": same, "b": same}, {}, {})
    monkeypatch.setattr(scripts.search, "load_validation", lambda plan, queries: data)
    path = scripts.search.main(plan.recipe)
    assert "kept: the recipe's own numbers" in capsys.readouterr().out
    assert read_chosen(path).chain == plain_chain(plan.config)
    assert with_chosen(plan).config == plan.config
    assert "parameters: the recipe's own; no others were surely better" in capsys.readouterr().out


def test_what_cannot_be_searched_is_said(plan: Plan) -> None:
    with pytest.raises(ConfigError, match="--queries 0"):
        scripts.search.main(plan.recipe, queries=0)
    with pytest.raises(ConfigError, match="scores tracklets"):
        scripts.search.main(plan.recipe, ["test.protocol", "vveri901"])
    alone = plan.recipe.with_name("alone.yml")
    alone.write_text("name: alone\nchain: [distance]\n")
    with pytest.raises(ConfigError, match="no numbers to search for"):
        scripts.search.main(alone)


def test_a_file_that_is_none_is_refused(plan: Plan) -> None:
    for text in ("[1, 2]", "a: {", "schema: 0\nchain: []"):
        chosen_path(plan).write_text(text)
        with pytest.raises(DataError, match=r"chosen\.yml: (not a file of chosen|cannot be read)"):
            with_chosen(plan)
