"""Chains in recipes: how they are written, and which are refused when they are loaded."""

from pathlib import Path

import pytest

from tests.scripts.chains import WINNER, write_recipe
from vreid.config import dump_config, load_config
from vreid.errors import ConfigError


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("{}", r"chain is \{\}; expected a list like"),
        ("[{k1: 3}]", r"chain\[1\] is \{'k1': 3\}; expected a stage like"),
        ("[distanc]", r"chain\[1\]: there is no stage distanc; did you mean distance\?"),
        ("[zzz]", "no stage zzz; choose one of predicted_cameras, "),
        ("[{stage: rerank, k: 3}]", r"chain\[1\] rerank: there is no option k; did you mean k2\?"),
        ("[{stage: rerank, k1: many}]", r"rerank\.k1 is 'many' of type str; expected int"),
        ("[{stage: rerank, lambda: 2}]", r"rerank: lambda is 2\.0; \[0, 1\] is needed"),
        ("[{stage: spread, x: 1}]", "no option x; it has none"),
        ("[{stage: tracklets, weights: best}]", "one of mean, distance, queries needed"),
        ("[{stage: tracklets, weights: queries, min_area: 9}]", "counts with weights mean only"),
        ("[{stage: constrain}]", "what holds is 'nothing'"),
        ("[{stage: constrain, groups: [[1, 3], [3, 4]]}]", "a camera belongs to one group"),
        ("[{stage: constrain, times: t.csv}]", r"travel is \['t\.csv', ''\]; each needs the other"),
        ("[{stage: minus}]", "at least one other than 0 needed"),
        ("[{stage: branches, of: {a: []}}]", "at least two branches by name"),
        ("[{stage: branches, of: [1]}]", r"branches\.of is \[1\]; expected values by name"),
        ("[rerank]", r"chain\[1\] rerank changes distances, and there are none yet"),
        ("[smooth]", "the chain has no distance"),
        ("[distance, spread]", r"chain\[2\] spread has no tracklets to spread"),
        ("[tracklets, distance]", "leaves distances to tracklets, and results name images"),
        ("[tracklets, tracklets]", "tracklets comes a second time"),
        ("[tracklets, smooth]", r"smooth looks at images, and chain\[1\] tracklets left tracklets"),
        ("[distance, rerank, rerank]", r"chain\[3\] rerank comes a second time, after chain\[2\]"),
        (
            "[distance, whole_tracks, rerank]",
            r"neighbours by features, and chain\[2\] whole_tracks",
        ),
        ("[{stage: distance, metric: cosine}, rerank]", "needs the metric sqeuclidean"),
        ("[distance, distance]", r"makes distances that chain\[1\] distance has made"),
        ("[distance, expand]", r"chain\[2\] expand changes features, and chain\[1\] distance made"),
        ("[distance, average]", "average has nothing to average"),
        ("[whiten_cameras, predicted_cameras]", r"comes after chain\[1\] whiten_cameras"),
        (
            "[{stage: branches, of: {a: [], b: [distance]}}, distance]",
            "has distance in b; only stages that change images' features",
        ),
        (
            "[{stage: branches, of: {a: [], b: [whiten]}}, distance]",
            r"chain\[1\] branches is never averaged",
        ),
        (
            "[{stage: branches, of: {a: [], b: [whiten]}}, distance, fuse_members]",
            r"fuses members while chain\[1\] branches is open",
        ),
        ("[tracklets, distance, whole_tracks, spread]", "has nothing to do after"),
        (
            "[distance, {stage: minus, camera: 1}, {stage: minus, camera: 1}]",
            r"minus subtracts camera again, after chain\[2\] minus",
        ),
        ("[distance]", "the chain never fuses the 2 members; add {stage: fuse_members}"),
        ("[distance, {stage: fuse_members, weights: {c: 1}}]", "weighs c; the members are a, b"),
        ("[distance, {stage: fuse_members, weights: {a: 0, b: 0}}]", "all weights are 0"),
    ],
)
def test_what_cannot_be_is_refused_when_the_recipe_is_loaded(
    chain: str, message: str, tmp_path: Path
) -> None:
    path = write_recipe(tmp_path, f"chain: {chain}\n")
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_chain_speaks_of_the_recipes_classifiers(tmp_path: Path) -> None:
    path = tmp_path / "solo.yml"
    path.write_text("chain: [distance, {stage: minus, orientation: 0.1}]\n")
    with pytest.raises(ConfigError, match="needs the orientation classifier, and the recipe has"):
        load_config(path)
    path.write_text("members: {a: {chain: [distance]}}\n")
    with pytest.raises(ConfigError, match="a chain belongs to the recipe"):
        load_config(path)


def test_trainings_do_not_carry_the_chain(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, WINNER)
    config = load_config(path)
    assert len(config.chain) == 9
    assert load_config(path, part="a").chain == ()
    again = tmp_path / "again.yml"
    again.write_text(dump_config(config))
    assert load_config(again) == config
    assert load_config(path, ["chain", "[]"]).chain == ()
