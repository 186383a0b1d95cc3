"""The order of a chain: what each stage needs of those before it, and what it leaves behind."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from vreid.errors import ConfigError
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
from vreid.options.chain_features import (
    Blend,
    Branches,
    PredictedCameras,
    Smooth,
    Stage,
    SubtractCameras,
    Tracklets,
    WhitenCameras,
)

_IMAGE_STAGES = (Smooth, Blend, Tracklets)


@dataclass
class _State:
    """What the stages so far left behind; a stage is put down as its place and name."""

    seen: dict[type[Stage], str] = field(default_factory=dict)
    distance: Distance | None = None
    tracklets: bool = False  # columns are tracklets now
    branched: bool = False
    subtracted: dict[str, str] = field(default_factory=dict)  # classifier -> its minus
    changed: str = ""  # the first stage after which distances are no sum of features' distances


def check_order(chain: Sequence[Stage]) -> None:
    """Refuse an order that cannot be.

    Raises:
        ConfigError: One sentence that names the stages by place.
    """
    if not chain:
        return
    state = _State()
    for place, one in enumerate(chain, start=1):
        label = f"chain[{place}] {one.stage}"
        reason = _misplaced(one, state)
        if reason:
            raise ConfigError(f"{label} {reason}")
        state.seen.setdefault(type(one), label)
        _advance(one, label, state)
    if state.distance is None:
        raise ConfigError("the chain has no distance; put {stage: distance} behind the features")
    if state.branched:
        raise ConfigError(f"{state.seen[Branches]} is never averaged; add {{stage: average}}")
    if state.tracklets:
        raise ConfigError(
            f"{state.seen[Tracklets]} leaves distances to tracklets, and results name images; add"
            " {stage: spread}"
        )


def check_parts(
    chain: Sequence[Stage], *, members: Collection[str], classifiers: Collection[str]
) -> None:
    """Refuse a chain that speaks of members and classifiers that the recipe does not have.

    Raises:
        ConfigError: One sentence that names the stage by place.
    """
    fused = False
    for place, one in enumerate(chain, start=1):
        label = f"chain[{place}] {one.stage}"
        wanted = list(one.weights()) if isinstance(one, Minus) else []
        wanted += ["camera"] if isinstance(one, PredictedCameras) else []
        for part in wanted:
            if part not in classifiers:
                raise ConfigError(
                    f"{label} needs the {part} classifier, and the recipe has no section {part};"
                    " add the section, or take it out of the chain"
                )
        if isinstance(one, FuseMembers):
            fused = True
            unknown = [name for name in one.weights if name not in members]
            if unknown:
                known = ", ".join(members) or "none"
                raise ConfigError(f"{label} weighs {unknown[0]}; the members are {known}")
            if members and not any(one.weights.get(name, 1.0) for name in members):
                raise ConfigError(f"{label}: all weights are 0; give one member a weight above 0")
    if chain and len(members) > 1 and not fused:
        raise ConfigError(
            f"the chain never fuses the {len(members)} members; add {{stage: fuse_members}}"
        )


def _misplaced(one: Stage, state: _State) -> str:
    """Why a stage cannot stand here; empty when it can."""
    if isinstance(one, Distance) and state.distance is not None:
        return f"makes distances that {state.seen[Distance]} has made; leave one out"
    for kind, check in _CHECKS.items():
        if isinstance(one, kind):
            reason = check(one, state)
            if reason:
                return reason
    if _changes_features(one) and state.distance is not None:
        return f"changes features, and {state.seen[Distance]} made distances of them; put it before"
    if not _changes_features(one) and not isinstance(one, Distance) and state.distance is None:
        return "changes distances, and there are none yet; put {stage: distance} before"
    return ""


def _changes_features(one: Stage) -> bool:
    if isinstance(one, FuseMembers):
        return one.rule == "concat"
    distances = (Distance, Minus, Rerank, Constrain, WholeTracks, Spread, Average)
    return not isinstance(one, distances)


def _once(one: Stage, state: _State) -> str:
    before = state.seen.get(type(one))
    return f"comes a second time, after {before}; leave one out" if before else ""


def _of_images(one: Stage, state: _State) -> str:
    if not state.tracklets:
        return ""
    return f"looks at images, and {state.seen[Tracklets]} left tracklets only; put it before"


def _check_minus(one: Stage, state: _State) -> str:
    parts = one.weights() if isinstance(one, Minus) else {}
    again = [part for part in parts if part in state.subtracted]
    return f"subtracts {again[0]} again, after {state.subtracted[again[0]]}" if again else ""


def _check_cameras(one: Stage, state: _State) -> str:
    kinds = (WhitenCameras, SubtractCameras, Branches, Tracklets)
    users = [state.seen[kind] for kind in kinds if kind in state.seen]
    return f"comes after {users[0]}, which looked at cameras; put it before" if users else ""


def _check_branches(one: Stage, state: _State) -> str:
    if not isinstance(one, Branches):
        return ""
    for name, parts in one.of.items():
        for part in parts:
            if not _changes_features(part) or isinstance(part, Branches | FuseMembers | Tracklets):
                return f"has {part.stage} in {name}; only stages that change images' features"
            reason = _of_images(part, state)
            if isinstance(part, _IMAGE_STAGES) and reason:
                return f"has {part.stage} in {name}, which {reason}"
    return _once(one, state)


def _check_average(one: Stage, state: _State) -> str:
    if Branches not in state.seen:
        return "has nothing to average; put {stage: branches, of: {…}} before"
    return _once(one, state)


def _check_rerank(one: Stage, state: _State) -> str:
    if Rerank in state.seen:
        return _once(one, state)
    if state.changed:
        return (
            f"looks for neighbours by features, and {state.changed} changed the distances by more"
            " than a minus; put it directly behind distance and minus"
        )
    if state.distance is not None and state.distance.metric != "sqeuclidean":
        return f"needs the metric sqeuclidean; {state.seen[Distance]} has {state.distance.metric}"
    return ""


def _check_spread(one: Stage, state: _State) -> str:
    if Tracklets not in state.seen:
        return "has no tracklets to spread; put {stage: tracklets} before distance"
    return _once(one, state)


def _check_whole_tracks(one: Stage, state: _State) -> str:
    if Tracklets in state.seen:
        reason = f"after {state.seen[Tracklets]}: spread gives an image its tracklet's distance"
        return f"has nothing to do {reason}; leave it out"
    return _once(one, state)


def _check_fusing(one: Stage, state: _State) -> str:
    if state.branched:
        return f"fuses members while {state.seen[Branches]} is open; put {{stage: average}} before"
    return _once(one, state)


_CHECKS: dict[type[Stage], Callable[[Stage, _State], str]] = {
    Smooth: _of_images,
    Blend: _of_images,
    Tracklets: _once,
    Minus: _check_minus,
    PredictedCameras: _check_cameras,
    Branches: _check_branches,
    Average: _check_average,
    Rerank: _check_rerank,
    Spread: _check_spread,
    WholeTracks: _check_whole_tracks,
    FuseMembers: _check_fusing,
}


def _advance(one: Stage, label: str, state: _State) -> None:
    if isinstance(one, Distance):
        state.distance = one
    elif isinstance(one, Minus):
        state.subtracted |= dict.fromkeys(one.weights(), label)
    elif isinstance(one, Tracklets):
        state.tracklets = True
    elif isinstance(one, Spread):
        state.tracklets = False
    elif isinstance(one, Branches | Average):
        state.branched = isinstance(one, Branches)
    kept = isinstance(one, Distance | Minus) or _changes_features(one)
    if not kept and not state.changed:
        state.changed = label
