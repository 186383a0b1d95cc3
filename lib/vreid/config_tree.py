"""Trees of options as nested mappings: nested, merged, flattened, and made of dataclasses."""

import dataclasses
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Dataclasses and mappings as dictionaries, tuples as lists, so that YAML can hold them."""
    if dataclasses.is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def to_dict(value: Any) -> Any:
    """Mappings, also those inside, as dictionaries."""
    if isinstance(value, Mapping):
        return {key: to_dict(item) for key, item in value.items()}
    return value


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted names of the leaves.

    >>> flatten({"solver": {"seed": 1}, "name": "city"})
    {'solver.seed': 1, 'name': 'city'}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def nest(key: str, value: Any) -> dict[str, Any]:
    """The reverse of `flatten` for one leaf.

    >>> nest("solver.seed", 1)
    {'solver': {'seed': 1}}
    """
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def merge_deep(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Both, the new leaves over the old ones.

    >>> merge_deep({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    merged = to_dict(old)
    for key, value in new.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge_deep(merged[key], value) if both else value
    return dict(merged)
