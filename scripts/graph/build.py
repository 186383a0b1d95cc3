"""The chain of a recipe as a graph of stages: from the members' features to one distance.

Every member walks through the chain as a `Line`; branches and members are several lines side by
side until they are averaged and fused. `scripts.graph.features` and
`scripts.graph.distances` know the verb of each stage.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.graph.distances import change_distances
from scripts.graph.features import change_features
from scripts.graph.line import Line, Made, Places, classifier_plain, to_images
from scripts.graph.missing import present
from scripts.stages import Stage, stage
from vreid.options.chain_distances import (
    Average,
    Constrain,
    Distance,
    FuseMembers,
    Minus,
    Rerank,
    Spread,
    WholeTracks,
)
from vreid.options.chain_features import Branches
from vreid.options.chain_features import Stage as ChainStage

Row = tuple[str, str, Path]  # group, label, distance
_OF_DISTANCES = (Distance, Minus, Rerank, Constrain, WholeTracks, Spread)


@dataclass(frozen=True)
class Step:
    """The lines behind one stage of the chain."""

    name: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Graph:
    """The stages of a chain.

    Attributes:
        stages: From features to the result.
        extra: Beyond these, what a table of scores after every stage needs.
        rows: The rows of that table, in order.
        notes: One sentence for each stage that is left out.
        parts: By title, such as ``4 rerank``, what each stage of the chain adds to ``stages``.
    """

    stages: list[Stage]
    extra: list[Stage]
    rows: list[Row]
    notes: list[str]
    parts: dict[str, list[Stage]]


def build(
    chain: Sequence[ChainStage],
    members: Sequence[str],
    places: Places,
    *,
    without: Collection[int] = (),
) -> Graph:
    """Lay out the chain.

    Args:
        chain: The stages, in an order that was checked.
        members: Names of the vehicle models.
        places: Where files are.
        without: Places in the chain, from 1, of stages that are left out to see what they bring.
            What is made behind them has files of its own, what is made before is shared.

    Raises:
        DataError: When a stage lacks cameras or tracks and is not to be skipped then.
    """
    kept, notes = present(chain, places.features(members[0]), without=without)
    if not without:
        places = replace(places, last=step_name(*kept[-1]))
    lines = [Line.of_member(name, places.features(name)) for name in members]
    steps: list[Step] = []
    made: Made = [classifier_plain(name, places) for name in members]  # gains are measured from it
    parts: dict[str, list[Stage]] = {}
    for place, one in kept:
        step, title = step_name(place, one, without), f"{place} {one.stage}"
        lines, stages = _walk(one, lines, step, places)
        parts[title] = _unique(stages, made)
        made += stages
        steps.append(Step(step, title, tuple(lines)))
        again = isinstance(one, Spread) or one == Distance()
        if again and place != kept[-1][0]:
            steps.pop()  # it scores as the stage before, whose row is there
    extra, rows = _table(steps, members, places)
    done = _unique(made)
    return Graph(done, _unique(extra, done), rows, notes, parts)


def step_name(place: int, one: ChainStage, without: Collection[int] = ()) -> str:
    """How the files of a stage are named; those behind a stage that is left out name it too."""
    name = f"{place}-{one.stage}"
    if not without or place < min(without):
        return name
    return f"{name}.without-{'-'.join(str(gone) for gone in sorted(without))}"


def _walk(one: ChainStage, lines: list[Line], step: str, places: Places) -> tuple[list[Line], Made]:
    if isinstance(one, Branches):
        return _branch(one, lines, step, places)
    if isinstance(one, Average):
        return _average(lines, step, places)
    if isinstance(one, FuseMembers):
        line, made = _fuse(one, lines, step, places)
        return [line], made
    pairs = [_advance(one, line, step, places) for line in lines]
    return [line for line, _ in pairs], [stage for _, stages in pairs for stage in stages]


def _advance(one: ChainStage, line: Line, step: str, places: Places) -> tuple[Line, Made]:
    if isinstance(one, _OF_DISTANCES):
        return change_distances(one, line, step, places)
    return change_features(one, line, step, places)


def _branch(one: Branches, lines: list[Line], step: str, places: Places) -> tuple[list[Line], Made]:
    found: list[Line] = []
    made: Made = []
    for line in lines:
        for name, parts in one.of.items():
            branch = replace(line, title=f"{line.title}.{name}")
            for number, part in enumerate(parts, start=1):
                branch, stages = _advance(part, branch, f"{step}.{number}-{part.stage}", places)
                made += stages
            found.append(branch)
    return found, made


def _average(lines: list[Line], step: str, places: Places) -> tuple[list[Line], Made]:
    found: list[Line] = []
    made: Made = []
    for member in dict.fromkeys(line.member for line in lines):
        own = [line for line in lines if line.member == member]
        target = places.dist(member, step)
        made.append(_mean([line.made() for line in own], target))
        found.append(replace(own[0], title=member, dist=target))
    return found, made


def _fuse(one: FuseMembers, lines: list[Line], step: str, places: Places) -> tuple[Line, Made]:
    weights = [one.weights.get(line.member, 1.0) for line in lines]
    words: list[object] = ["--weights", *weights] if one.weights or one.rule == "sum" else []
    fused = replace(lines[0], title="ensemble", member="ensemble")
    if one.rule == "concat":
        inputs = [path for line in lines for path in line.feats]
        target = places.feats("ensemble", step)
        made = places.folder_stage("ensemble.concat", *inputs, *words, inputs=inputs, target=target)
        return replace(fused, feats=target), [made]
    inputs = [line.made() for line in lines]
    target_dist = places.dist("ensemble", step)
    if one.rule not in ("mean", "sum"):
        verb, words = "ensemble.ranks", ["--rule", one.rule, *words]
    elif words:
        verb, words = "ensemble.weigh", [*words, *(["--mean"] if one.rule == "mean" else [])]
    else:
        verb = "ensemble.mean"
    made = stage(verb, *inputs, *words, inputs=inputs, output=target_dist)
    return replace(fused, dist=target_dist), [made]


def _table(
    steps: Sequence[Step], members: Sequence[str], places: Places
) -> tuple[list[Stage], list[Row]]:
    """What scores every step needs, and the rows."""
    made: list[Stage] = []
    rows = [("single member", name, places.dist(name, "plain")) for name in members]
    if len(members) > 1:
        made.append(_mean([path for _, _, path in rows], places.dist("ensemble", "plain")))
        rows.append(("single member", "ensemble", places.dist("ensemble", "plain")))
    for step in steps:
        scored = []
        for line in step.lines:
            path, stages = to_images(line, step.name, places)
            made += stages
            scored.append(path)
            rows.append((step.title, line.title.replace(".", " "), path))
        if len(scored) > 1:
            target = places.dist("ensemble", f"{step.name}.mean")
            made.append(_mean(scored, target))
            rows.append((step.title, "ensemble", target))
    return made, rows


def _mean(sources: Sequence[Path], target: Path) -> Stage:
    return stage("ensemble.mean", *sources, inputs=sources, output=target)


def _unique(stages: Sequence[Stage], before: Sequence[Stage] = ()) -> list[Stage]:
    """Each output once: lines share the classifiers' distances."""
    seen = {one.output for one in before}
    result = []
    for one in stages:
        if one.output not in seen:
            seen.add(one.output)
            result.append(one)
    return result
