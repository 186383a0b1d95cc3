"""The verbs of the stages that change features."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.graph.line import Line, Made, Places
from scripts.stages import Stage, stage
from vreid.options.chain_features import (
    Augment,
    Blend,
    Expand,
    PredictedCameras,
    Smooth,
    SubtractCameras,
    Tracklets,
    Whiten,
    WhitenCameras,
)
from vreid.options.chain_features import Stage as ChainStage


def change_features(one: ChainStage, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    """A line behind a stage that changes features."""
    if isinstance(one, Smooth | Blend):
        return _within_tracks(one, line, step, places)
    if isinstance(one, Tracklets):
        return _pool(one, line, step, places)
    inputs = list(line.feats)
    words: list[object]
    if isinstance(one, WhitenCameras):
        verb, words = "ensemble.debias", ["--how", "cameras", "--la", one.la]
    elif isinstance(one, SubtractCameras):
        verb, words = "ensemble.debias", ["--how", "means", "--alpha", one.alpha]
    elif isinstance(one, Whiten):
        verb, words = "ensemble.debias", ["--how", "pca", "--eps", one.eps]
        words += ["--dims", one.dims] if one.dims else []
    elif isinstance(one, Augment):  # and Expand, which is one
        which = "--queries" if isinstance(one, Expand) else "--database"
        verb, words = "ensemble.expand", [which, one.k, "--weights", one.weights]
        words += ["--alpha", one.alpha, "--among", one.among]
    else:
        assert isinstance(one, PredictedCameras)
        classifier = places.features("camera")
        verb, words = "ensemble.cameras", ["--of", *classifier, *(["--vote"] if one.vote else [])]
        inputs += classifier
    target = places.feats(line.title, step)
    made = places.folder_stage(verb, *line.feats, *words, inputs=inputs, target=target)
    if isinstance(one, PredictedCameras):
        line = replace(line, images=target)
    return replace(line, feats=target), [made]


def _within_tracks(one: Smooth | Blend, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    query, gallery = line.feats
    target = places.feats(line.title, step)[1]
    if isinstance(one, Smooth):
        made = [pool_tracks(gallery, ["--how", "smooth", "--eps", one.eps], target)]
    else:
        words: list[object] = ["--how", "blend", "--keep", one.keep]
        made = _gated(one.min_area, gallery, words, target, places)
    return replace(line, feats=(query, target)), made


def _pool(one: Tracklets, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    query, gallery = line.feats
    target = places.feats(line.title, step)[1]
    made: Made = []
    if one.weights == "queries":
        words = ["--how", "near", "--query", query, "--near", one.near, "--eps", one.eps]
        made.append(pool_tracks(gallery, words, target, query))
    else:
        if one.weights == "distance":  # near members count most in each image, then all alike
            smoothed = target.with_name("smoothed.npz")
            made.append(pool_tracks(gallery, ["--how", "smooth", "--eps", one.eps], smoothed))
            gallery = smoothed
        made += _gated(one.min_area, gallery, ["--how", "mean"], target, places)
    return replace(line, feats=(query, target), pooled=True), made


def _gated(min_area: int, gallery: Path, words: list[object], target: Path, places: Places) -> Made:
    """Pooling that leaves small images out, if any are small."""
    if not min_area:
        return [pool_tracks(gallery, words, target)]
    areas = places.folder / f"area-{min_area}.csv"
    source = [places.recipe, *places.overrides, "--min-area", min_area]
    measure = stage("scripts.areas", *source, inputs=[gallery], output=areas)
    return [measure, pool_tracks(gallery, [*words, "--quality", areas], target, areas)]


def pool_tracks(gallery: Path, words: Sequence[object], target: Path, *others: Path) -> Stage:
    """Pooling over the tracklets of a gallery, with the words that say how."""
    return stage("ensemble.tracks", gallery, *words, inputs=[gallery, *others], output=target)
