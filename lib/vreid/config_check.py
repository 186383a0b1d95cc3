"""A layer of options as a file or the command line gives it, checked against the declared ones."""

import collections.abc
import dataclasses
import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from vreid.config_keys import canonical, coerce
from vreid.config_tree import flatten, merge_deep, nest, plain
from vreid.errors import ConfigError
from vreid.options import Config, DataOptions
from vreid.options.chain import parse_chain


def check_layer(layer: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The layer with this program's keys and with values of the declared types.

    Args:
        layer: Options by section; a key may also be a dotted one, or that of another program.
        where: The layer's origin for messages.

    Raises:
        ConfigError: For an unknown key, with the nearest known one, or a value of a wrong type.
    """
    return _checked(layer, Config, where, "")


def is_named(hint: Any) -> bool:
    """Whether an option holds sections of one kind by name."""
    return get_origin(hint) is collections.abc.Mapping and dataclasses.is_dataclass(
        get_args(hint)[1]
    )


def _checked(layer: Mapping[str, Any], kind: type, where: str, prefix: str) -> dict[str, Any]:
    hints = get_type_hints(kind)
    result: dict[str, Any] = {}
    for raw_key, value in layer.items():
        key = canonical(f"{prefix}{raw_key}")
        if not key.startswith(prefix) or key.count(".") != prefix.count("."):
            result = merge_deep(result, _checked(nest(key, value), Config, where, ""))
            continue
        name = key[len(prefix) :]
        if name not in hints:
            raise ConfigError(f"{where}: there is no option {key}{_suggestion(key)}")
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where}: {key} is a section; found {value!r}")
            result[name] = _checked(value, hint, where, f"{key}.")  # type: ignore[arg-type]
        elif is_named(hint):
            result[name] = _named_sections(value, get_args(hint)[1], where, key)
        elif key == "chain":
            result[name] = parse_chain(value, f"{where}: {key}")
        elif get_origin(hint) is collections.abc.Mapping:
            result[name] = _free_section(value, f"{where}: {key}")
            if name == "members":
                _check_members(result[name], f"{where}: {key}")
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


def _check_members(members: Mapping[str, Any], where: str) -> None:
    """See that each is a section; one that is null takes a member of a file below away."""
    for name, options in members.items():
        if not isinstance(options, Mapping | None):
            raise ConfigError(
                f"{where}.{name} is {options!r}; options by section are needed, such as"
                " {model: {ibn: true}}, or null for a member that is left out"
            )


def _named_sections(value: object, kind: type, where: str, key: str) -> dict[str, Any]:
    """Sections by name; one that is null takes a section of a file below away."""
    sections = value if isinstance(value, Mapping) else {"": value}
    result: dict[str, Any] = {}
    for name, section in sections.items():
        if not re.fullmatch(r"[\w-]+", str(name)) or not isinstance(section, Mapping | None):
            found = {name: section} if name else section
            raise ConfigError(
                f"{where}: {key} holds options by name, {key}: {{NAME: {{…}}}}, NAME of letters,"
                f" digits, _ and -; found {found!r}"
            )
        checked = section and _checked(section, kind, where, f"{key}.{name}.")
        result[str(name)] = checked
    return result


def _suggestion(key: str) -> str:
    head, leaf = key.rsplit(".", 1) if "." in key else ("", key)
    free = [name for name, value in plain(Config()).items() if value == {}]
    options = [*flatten(plain(Config())), *free]
    sections = {name.split(".")[0] for name in options}
    if head.startswith("extra."):  # the names there are the user's own
        options, sections = (
            [f"{head}.{item.name}" for item in dataclasses.fields(DataOptions)],
            set(),
        )
    leaves = {name.rsplit(".", 1)[-1]: name for name in reversed(options)}  # the first one wins
    whole = difflib.get_close_matches(key, [*options, *sections], n=1) if sections else []
    exact = [leaves[leaf]] if not head and leaf in leaves else []
    close = exact or whole or [leaves[one] for one in difflib.get_close_matches(leaf, leaves, n=1)]
    return f"; did you mean {close[0]}?" if close else f"; the options are {', '.join(options)}"
