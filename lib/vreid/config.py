"""From YAML files and ``key value`` pairs to the typed, frozen `Config`, and back to YAML.

Files are merged by yacs in the order: defaults, the chain of ``_base_`` files, the file, the part
(one member or classifier of a recipe), the overrides. Before a value is merged it is checked
against the type its option declares; an unknown key is answered with the nearest known one.
Upper-case spellings known from other programs of the field (``SOLVER.BASE_LR``) are accepted.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from yacs.config import CfgNode

from vreid.config_check import check_layer, is_named
from vreid.config_keys import canonical, literal
from vreid.config_tree import flatten, merge_deep, plain, to_dict
from vreid.errors import ConfigError
from vreid.options import Config
from vreid.options.chain_order import check_parts


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
    recipe = _Node(plain(Config()))
    for layer, where in _file_chain(path):
        _merge(recipe, layer, where)
    pairs = parse_overrides(overrides)
    _merge(recipe, pairs, "command line")
    config = _build(recipe, str(path))
    _check_chain(config, str(path))
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
    if "chain" in options:
        raise ConfigError(f"{where}: {part}.chain: a chain belongs to the recipe; state it there")
    if part in PARTS and "extra" in options:
        raise ConfigError(f"{where}: {part}.extra: a classifier trains on {part}.data alone")
    _merge(node, options, f"{where}: {part}")
    _merge(node, pairs, "command line")
    if part in PARTS:
        node["extra"] = _Node()
    config = _build(node, f"{where}: {part}")
    return dataclasses.replace(config, members={}, orientation={}, camera={}, chain=())


def _check_chain(config: Config, where: str) -> None:
    classifiers = [part for part in PARTS if getattr(config, part)]
    try:
        check_parts(config.chain, members=config.members, classifiers=classifiers)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


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
    return str(yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True))


def diff_configs(old: Config, new: Config) -> list[str]:
    """What differs, as ``key: old -> new`` lines."""
    left, right = flatten(plain(old)), flatten(plain(new))
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
    checked = check_layer(layer, where)
    for free in (
        "extra",
        "members",
        *PARTS,
    ):  # free-form: yacs only merges keys that the target has
        if free in checked:
            node[free] = _Node(merge_deep(node[free], checked.pop(free)))
    node.merge_from_other_cfg(_Node(checked))


def _build(node: _Node, where: str) -> Config:
    values = to_dict(node)
    root = values["data"]["root"]
    values["extra"] = {
        name: {"root": root, **section}
        for name, section in values["extra"].items()
        if section is not None
    }
    values["members"] = {
        name: options for name, options in values["members"].items() if options is not None
    }
    try:
        config: Config = _fill(Config, values, "")
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    return config


def _fill(kind: Any, values: Mapping[str, Any], prefix: str) -> Any:
    """A dataclass from a tree whose leaves were checked."""
    hints = get_type_hints(kind)
    filled: dict[str, Any] = {}
    for key, value in values.items():
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            filled[key] = _fill(hint, value, prefix)
        elif is_named(hint):
            part = get_args(hint)[1]
            filled[key] = {n: _fill(part, one, f"{key}.{n}: ") for n, one in value.items()}
        else:
            filled[key] = tuple(value) if get_origin(hint) is tuple else value
    try:
        return kind(**filled)
    except ConfigError as error:
        raise ConfigError(f"{prefix}{error}") from None
