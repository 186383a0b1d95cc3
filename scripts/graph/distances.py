"""The verbs of the stages that make and change distances."""

from dataclasses import replace
from pathlib import Path

from scripts.graph.features import pool_tracks
from scripts.graph.line import Line, Made, Pair, Places, classifier_plain
from scripts.stages import stage
from vreid.options.chain_distances import Constrain, Distance, Minus, Rerank, Spread, WholeTracks
from vreid.options.chain_features import Stage as ChainStage


def change_distances(one: ChainStage, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    """A line behind a stage that makes or changes distances."""
    if isinstance(one, Distance):
        return _distance(one, line, step, places)
    if isinstance(one, Minus):
        return _minus(one, line, step, places)
    if isinstance(one, Rerank):
        return _rerank(one, line, step, places)
    assert isinstance(one, Constrain | WholeTracks | Spread)
    return _rearrange(one, line, step, places)


def _distance(one: Distance, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    extracted = line.feats == places.features(line.member)
    if extracted and one.metric == "sqeuclidean" and step != places.last:
        return replace(line, dist=places.dist(line.member, "plain")), []  # made in any case
    target = places.dist(line.title, step)
    words = [*line.feats, "--metric", one.metric]
    made = stage("ensemble.distance", *words, inputs=line.feats, output=target)
    return replace(line, dist=target), [made]


def _minus(one: Minus, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    words: list[object] = [line.made()]
    inputs, made = [line.made()], []
    for name, weight in one.weights().items():
        dist, stages = _classifier_dist(name, line, places)
        words += ["--minus", dist, weight]
        inputs.append(dist)
        made += stages
    target = places.dist(line.title, step)
    made.append(stage("ensemble.fuse", *words, inputs=inputs, output=target))
    return replace(line, dist=target, minus=(*line.minus, *one.weights().items())), made


def _rerank(one: Rerank, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    words: list[object] = [*line.feats]
    inputs, made = list(line.feats), []
    for name, weight in line.minus:
        pair, stages = _classifier_feats(name, line, places)
        words += ["--minus", *pair, weight]
        inputs += pair
        made += stages
    words += ["--k1", one.k1, "--k2", one.k2, "--lambda", one.lambda_]
    target = places.dist(line.title, step)
    made.append(stage("ensemble.rerank", *words, inputs=inputs, output=target))
    return replace(line, dist=target), made


def _rearrange(
    one: Constrain | WholeTracks | Spread, line: Line, step: str, places: Places
) -> tuple[Line, Made]:
    """Stages that need the images' cameras and tracks."""
    target = places.dist(line.title, step)
    if isinstance(one, Constrain):
        inputs = [line.made(), *line.labels]
        words, files = _rules(one)
        if one.travel and line.pooled:
            words += ["--images", line.images[1]]
            files.append(line.images[1])
        made = stage("ensemble.constrain", *inputs, *words, inputs=[*inputs, *files], output=target)
    else:
        verb = "ensemble.spread" if isinstance(one, Spread) else "ensemble.whole_tracks"
        inputs = [line.made(), line.images[1]]
        made = stage(verb, *inputs, inputs=inputs, output=target)
    return replace(line, dist=target, pooled=line.pooled and not isinstance(one, Spread)), [made]


def _rules(one: Constrain) -> tuple[list[object], list[Path]]:
    words: list[object] = ["--never-same-camera"] if one.never_same_camera else []
    if one.groups:
        words += ["--groups", *(f"{low}-{high}" for low, high in one.groups)]
    words += ["--learnt", one.learnt] if one.learnt else []
    words += ["--times", one.times, "--travel", one.travel] if one.travel else []
    words += ["--one-track"] if one.one_track_per_camera else []
    words += ["--remove"] if one.remove else ["--penalty", one.penalty]
    if one.punishment:
        words += ["--punishment", one.punishment, "--punished", one.punished]
    return words, [Path(file) for file in (one.learnt, one.times, one.travel) if file]


def _classifier_feats(name: str, line: Line, places: Places) -> tuple[Pair, Made]:
    """Features of a classifier, of tracklets where the line has them: the mean of their images."""
    query, gallery = places.features(name)
    if not line.pooled:
        return (query, gallery), []
    target = places.folder / f"{name}.tracklets.npz"
    return (query, target), [pool_tracks(gallery, ["--how", "mean"], target)]


def _classifier_dist(name: str, line: Line, places: Places) -> tuple[Path, Made]:
    if not line.pooled:
        return places.dist(name, "plain"), [classifier_plain(name, places)]
    pair, made = _classifier_feats(name, line, places)
    target = places.dist(name, "tracklets")
    return target, [*made, stage("ensemble.distance", *pair, inputs=pair, output=target)]
