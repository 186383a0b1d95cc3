"""From YAML files and ``key value`` pairs to the typed, frozen `Config`, and back to YAML.

Files are merged by yacs in the order: defaults, the chain of ``_base_`` files, the file, the part
(one member or classifier of a recipe), the overrides. Before a value is merged it is checked
against the type its option declares; an unknown key is answered with the nearest known one.
Upper-case spellings known from other programs of the field (``SOLVER.BASE_LR``) are accepted.
"""

import collections.abc
import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import yaml
from yacs.config import CfgNode

from vreid.config_keys import canonical, coerce, literal
from vreid.errors import ConfigError
from vreid.options import Config


class _Node(CfgNode):  # type: ignore[misc]
    """A yacs node that takes texts as they are: yacs would turn the camera "2" into a number."""

    @classmethod
    def _decode_cfg_value(cls, value: Any) -> Any:
        return value


PARTS = ("orientation", "camera")  # sections that hold the options of one classifier


def load_config(path: Path, overrides: Sequence[str] = (), *, part: str = "") -> Config:
    """Read a recipe, or one training of it.

    Args:
        path: The YAML file.
        overrides: ``key, value, key, value, …`` as on the command line; they win over everything.
        part: Empty for the recipe itself, ``orientation``, ``camera`` or the name of a member for
            that training: its own options are merged over the recipe's.

    Raises:
        ConfigError: For a missing file, YAML that does not parse, an unknown key, a wrong type, a
            part that the recipe does not have.
    """
    recipe = _Node(_plain(Config()))
    for layer, where in _file_chain(path):
        _merge(recipe, layer, where)
    pairs = parse_overrides(overrides)
    _merge(recipe, pairs, "command line")
    config = _build(recipe, str(path))
    for name in (*config.members, *(key for key in PARTS if getattr(config, key))):
        part_config = _with_part(recipe, name, pairs, str(path))  # a typo in any part shows at once
        if name == part:
            return part_config
    if part:
        known = [*config.members, *(key for key in PARTS if getattr(config, key))]
        raise ConfigError(
            f"{path}: no training named {part!r}; it has {', '.join(known) or 'none'}"
        )
    return config


def _with_part(recipe: _Node, part: str, pairs: Mapping[str, Any], where: str) -> Config:
    node = recipe.clone()
    options = node[part] if part in PARTS else node["members"][part]
    _merge(node, options, f"{where}: {part}")
    _merge(node, pairs, "command line")
    config = _build(node, f"{where}: {part}")
    return dataclasses.replace(config, members={}, orientation={}, camera={})


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Nest ``key value`` pairs.

    >>> parse_overrides(["SOLVER.BASE_LR", "1e-3", "model.ibn", "true"])
    {'solver': {'base_lr': 0.001}, 'model': {'ibn': True}}

    Raises:
        ConfigError: When a key has no value.
    """
    if len(overrides) % 2:
        raise ConfigError(
            f"overrides come in pairs of key and value; {overrides[-1]!r} has no value"
        )
    nested: dict[str, Any] = {}
    for key, text in zip(overrides[::2], overrides[1::2], strict=True):
        *sections, leaf = canonical(key).split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"command line: {key} is given below an option that has a value")
        place[leaf] = literal(text)
    return nested


def dump_config(config: Config) -> str:
    """The configuration as YAML text; `load_config` of it gives an equal configuration."""
    return str(yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True))


def diff_configs(old: Config, new: Config) -> list[str]:
    """What differs, as ``key: old -> new`` lines."""
    left, right = _flatten(_plain(old)), _flatten(_plain(new))
    return [
        f"{key}: {left.get(key, 'absent')} -> {right.get(key, 'absent')}"
        for key in sorted({*left, *right})
        if left.get(key) != right.get(key)
    ]


def _file_chain(path: Path, seen: tuple[Path, ...] = ()) -> list[tuple[dict[str, Any], str]]:
    if path.resolve() in seen:
        raise ConfigError(f"{path}: the chain of _base_ files comes back to this file")
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        beside = sorted(str(other) for other in path.parent.glob("*.yml"))
        raise ConfigError(
            f"{path}: no such configuration file; there are: {', '.join(beside) or 'none'}"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    layer = {} if loaded is None else loaded
    if not isinstance(layer, dict):
        raise ConfigError(f"{path}: found {type(layer).__name__}; expected sections with options")
    base = layer.pop("_base_", None)
    chain = [] if base is None else _file_chain(path.parent / base, (*seen, path.resolve()))
    return [*chain, (layer, str(path))]


def _merge(node: _Node, layer: Mapping[str, Any], where: str) -> None:
    checked = _checked(layer, Config, where, "")
    for free in ("members", *PARTS):  # free-form: yacs only merges keys that the target has
        if free in checked:
            node[free] = _Node(_deep_merge(node[free], checked.pop(free)))
    node.merge_from_other_cfg(_Node(checked))


def _checked(layer: Mapping[str, Any], kind: type, where: str, prefix: str) -> dict[str, Any]:
    hints = get_type_hints(kind)
    result: dict[str, Any] = {}
    for raw_key, value in layer.items():
        key = canonical(f"{prefix}{raw_key}")
        if not key.startswith(prefix) or key.count(".") != prefix.count("."):
            result = _deep_merge(result, _checked(_nest(key, value), Config, where, ""))
            continue
        name = key[len(prefix) :]
        if name not in hints:
            raise ConfigError(f"{where}: there is no option {key}{_suggestion(key)}")
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where}: {key} is a section; found {value!r}")
            result[name] = _checked(value, hint, where, f"{key}.")  # type: ignore[arg-type]
        elif get_origin(hint) is collections.abc.Mapping:
            result[name] = _free_section(value, f"{where}: {key}")
        else:
            result[name] = coerce(value, hint, f"{where}: {key}")
    return result


def _free_section(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} holds options by section; found {value!r}")
    return {
        str(key): _free_section(item, f"{where}.{key}") if isinstance(item, Mapping) else item
        for key, item in value.items()
    }


def _build(node: _Node, where: str) -> Config:
    def fill(kind: Any, values: Mapping[str, Any]) -> Any:
        hints = get_type_hints(kind)
        return kind(
            **{
                key: fill(hints[key], value)
                if dataclasses.is_dataclass(hints[key])
                else _leaf(value, hints[key])
                for key, value in values.items()
            }
        )

    try:
        config: Config = fill(Config, node)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return config


def _leaf(value: Any, hint: Any) -> Any:
    return tuple(value) if get_origin(hint) is tuple else _to_dict(value)


def _to_dict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _to_dict(item) for key, item in value.items()}
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _deep_merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = _to_dict(old)
    for key, value in new.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep_merge(merged[key], value) if both else value
    return dict(merged)


def _nest(key: str, value: Any) -> dict[str, Any]:
    for name in reversed(key.split(".")):
        value = {name: value}
    return dict(value)


def _suggestion(key: str) -> str:
    options = [*_flatten(_plain(Config())), "members", *PARTS]
    sections = {name.split(".")[0] for name in options}
    leaves = {name.rsplit(".", 1)[-1]: name for name in options}
    close = difflib.get_close_matches(key, [*options, *sections], n=1, cutoff=0.6) or [
        leaves[leaf] for leaf in difflib.get_close_matches(key.rsplit(".", 1)[-1], leaves, n=1)
    ]
    return f"; did you mean {close[0]}?" if close else f"; the options are {', '.join(options)}"
