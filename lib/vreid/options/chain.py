"""The chain of post-processing: an ordered list of stages, each with its name and its options.

    chain:
      - {stage: tracklets, weights: queries}
      - {stage: distance}
      - {stage: rerank, k1: 7, k2: 2, lambda: 0.6}
      - {stage: spread}

A stage is a frozen dataclass, found by its name in `STAGES`; `vreid.options.chain_order` refuses
orders that cannot be. Stages that look for cameras or tracks fail where the data has none, unless
``when_missing: skip`` tells them to be left out, which is printed.
"""

import collections.abc
import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from vreid.config_keys import coerce
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
    Augment,
    Blend,
    Branches,
    Expand,
    PredictedCameras,
    Smooth,
    Stage,
    SubtractCameras,
    Tracklets,
    Whiten,
    WhitenCameras,
)

_KINDS: tuple[type[Stage], ...] = (
    *(PredictedCameras, WhitenCameras, SubtractCameras, Whiten, Augment, Expand, Smooth, Blend),
    *(Tracklets, Branches, Distance, Minus, Rerank, Constrain, WholeTracks, Spread, Average),
    FuseMembers,
)
STAGES = {kind.stage: kind for kind in _KINDS}


def parse_chain(value: object, where: str) -> tuple[Stage, ...]:
    """Stages from what a file or the command line gives.

    Args:
        value: A list of mappings, each with ``stage`` and the options other than the defaults.
        where: The list's origin for messages.

    Raises:
        ConfigError: For anything else, naming the stage by its place, with the nearest known name.
    """
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} is {value!r}; expected a list like [{{stage: distance}}]")
    return tuple(_parse_stage(one, f"{where}[{place}]") for place, one in enumerate(value, start=1))


def _parse_stage(value: object, where: str) -> Stage:
    if isinstance(value, str):  # `- distance` for `- {stage: distance}`
        value = {"stage": value}
    if not isinstance(value, Mapping) or "stage" not in value:
        raise ConfigError(f"{where} is {value!r}; expected a stage like {{stage: distance}}")
    name = str(value["stage"])
    if name not in STAGES:
        raise ConfigError(f"{where}: there is no stage {name}{_nearest(name, list(STAGES))}")
    kind, where = STAGES[name], f"{where} {name}"
    hints = get_type_hints(kind)
    known = [item.name for item in dataclasses.fields(kind) if item.init]
    options: dict[str, Any] = {}
    for raw_key, item in value.items():
        key = "lambda_" if raw_key == "lambda" else str(raw_key).lower()
        if key == "stage":
            continue
        if key not in known:
            hint = _nearest(key, [one.rstrip("_") for one in known])
            raise ConfigError(f"{where}: there is no option {key}{hint}")
        options[key] = _parse_option(item, hints[key], f"{where}.{raw_key}")
    try:
        return kind(**options)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _parse_option(value: object, hint: Any, where: str) -> Any:
    if get_origin(hint) is collections.abc.Mapping:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is {value!r}; expected values by name, {{NAME: …}}")
        kind = get_args(hint)[1]
        return {
            str(name): _parse_option(one, kind, f"{where}.{name}") for name, one in value.items()
        }
    if get_args(hint)[:1] == (Stage,):
        return parse_chain(value, where)
    if get_origin(hint) is tuple and not value:
        return ()
    return coerce(value, hint, where)


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; choose one of {', '.join(known)}" if known else "; it has none"
