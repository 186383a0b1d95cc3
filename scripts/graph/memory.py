"""The chain of a recipe in memory: from features to one distance, without files and processes.

It computes what the stages of `scripts.graph.build` compute, by the same functions of the library:
a search over a chain's numbers runs it hundreds of times on a few hundred validation images, where
starting a process a stage would take nearly all of the time. Large test sets go through the files.
"""

import math
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace

from scripts.graph.memory_stages import Inputs, MemoryLine, Pair, advance
from scripts.graph.missing import present_in
from vreid.distance import DistMat
from vreid.errors import DataError
from vreid.features import side_by_side
from vreid.fusion import mean, weighted_sum
from vreid.options import Config
from vreid.options.chain_distances import Average, Distance, FuseMembers, Minus, Rerank
from vreid.options.chain_features import Branches, Stage
from vreid.rank_fusion import fuse_ranks


@dataclass(frozen=True)
class Walked:
    """Where a line of a member, or of a branch of one, stood behind a stage, and what led there."""

    stages: str
    line: MemoryLine


# What a line was behind the place in the chain, by place and title; the last one of each is kept.
Cache = MutableMapping[tuple[str, str], Walked]


def run_chain(
    chain: Sequence[Stage],
    members: Mapping[str, Pair],
    classifiers: Mapping[str, Pair],
    *,
    areas: Mapping[str, int] | None = None,
    cache: Cache | None = None,
) -> DistMat:
    """Run a chain whose order was checked.

    Args:
        chain: The stages; for a recipe without a chain those of `plain_chain`.
        members: Name of each vehicle model -> its features of queries and gallery.
        classifiers: ``orientation`` and ``camera`` -> features of the same images, where stages
            need them.
        areas: Name of each gallery image -> its pixels, where stages leave small images out.
        cache: A dictionary, empty at first, that goes with these features. Called again with a
            chain that differs in a late stage, it saves the stages before: as many features and
            distances as the chain has stages are kept.

    Returns:
        (Q, G) distances of queries to images.

    Raises:
        DataError: When features are of different images, or a stage lacks its input.
    """
    _check_same_images({**members, **classifiers})
    kept, _ = present_in(chain, *next(iter(members.values())))
    inputs = Inputs(classifiers, areas or {})
    memory: Cache = {} if cache is None else cache
    lines = [Walked(name, MemoryLine.of_member(name, pair)) for name, pair in members.items()]
    for place, one in kept:
        lines = _walk(one, lines, str(place), inputs, memory)
    [result] = lines
    assert result.line.dist is not None  # which the order of the chain promises
    return result.line.dist


def plain_chain(config: Config) -> tuple[Stage, ...]:
    """The recipe's chain, or the chain that computes what the plain order does."""
    if config.chain:
        return config.chain
    weights = {
        part: getattr(config.fusion, part) if getattr(config, part) else 0.0
        for part in ("orientation", "camera")
    }
    stages: list[Stage] = [Distance()]
    if any(weights.values()):
        stages.append(Minus(**weights))
    if config.rerank.enabled:
        options = config.rerank
        stages.append(Rerank(k1=options.k1, k2=options.k2, lambda_=options.lambda_))
    if len(config.members) > 1:
        stages.append(FuseMembers())
    return tuple(stages)


def _check_same_images(parts: Mapping[str, Pair]) -> None:
    first, ours = next(iter(parts.items()))
    for name, pair in parts.items():
        for side, left, right in zip(("queries", "gallery"), ours, pair, strict=True):
            if left.names != right.names:
                raise DataError(
                    f"the {side} of {first} and of {name} are of different images; extract the"
                    " features of both again"
                )


def _walk(
    one: Stage, lines: list[Walked], step: str, inputs: Inputs, memory: Cache
) -> list[Walked]:
    if isinstance(one, Branches):
        return [
            _branch(parts, name, line, step, inputs, memory)
            for line in lines
            for name, parts in one.of.items()
        ]
    if isinstance(one, Average):
        return [
            _average([line for line in lines if line.line.member == member])
            for member in dict.fromkeys(line.line.member for line in lines)
        ]
    if isinstance(one, FuseMembers):
        return [_fuse(one, lines)]
    return [_advance(one, line, step, inputs, memory) for line in lines]


def _advance(one: Stage, before: Walked, step: str, inputs: Inputs, memory: Cache) -> Walked:
    stages = f"{before.stages}\n{one!r}"
    found = memory.get((step, before.line.title))
    if found is None or found.stages != stages:
        found = Walked(stages, advance(one, before.line, inputs))
        memory[step, before.line.title] = found
    return found


def _branch(
    parts: Sequence[Stage], name: str, before: Walked, step: str, inputs: Inputs, memory: Cache
) -> Walked:
    line = replace(before.line, title=f"{before.line.title}.{name}")
    branch = Walked(f"{before.stages}\n{name}", line)
    for number, part in enumerate(parts, start=1):
        branch = _advance(part, branch, f"{step}.{number}", inputs, memory)
    return branch


def _average(lines: Sequence[Walked]) -> Walked:
    first = lines[0].line
    dist = mean([line.line.made() for line in lines], [line.line.title for line in lines])
    stages = "\n".join(line.stages for line in lines)
    return Walked(stages, replace(first, title=first.member, dist=dist))


def _fuse(one: FuseMembers, lines: Sequence[Walked]) -> Walked:
    found = [line.line for line in lines]
    titles = [line.title for line in found]
    weights = [one.weights.get(line.member, 1.0) for line in found]
    fused = replace(found[0], title="ensemble", member="ensemble")
    if one.rule == "concat":
        sides = [side_by_side([line.feats[side] for line in found], weights) for side in (0, 1)]
        fused = replace(fused, feats=(sides[0], sides[1]))
    else:
        fused = replace(fused, dist=_fuse_distances(one, found, titles, weights))
    return Walked("\n".join([*(line.stages for line in lines), repr(one)]), fused)


def _fuse_distances(
    one: FuseMembers, lines: Sequence[MemoryLine], titles: Sequence[str], weights: Sequence[float]
) -> DistMat:
    assert one.rule != "concat"  # which changes features
    mats = [line.made() for line in lines]
    if one.rule == "sum":
        return weighted_sum(mats, weights, labels=titles)
    if one.rule != "mean":
        return fuse_ranks(mats, titles, rule=one.rule, weights=weights)
    if not one.weights:
        return mean(mats, titles)
    total = math.fsum(weights)
    return weighted_sum(mats, [weight / total for weight in weights], labels=titles)
