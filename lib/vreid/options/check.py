"""The one check all options are made with."""

from vreid.errors import ConfigError


def require(holds: bool, key: str, value: object, rule: str) -> None:
    """Refuse a value.

    Raises:
        ConfigError: Naming key, value and rule.
    """
    if not holds:
        raise ConfigError(f"{key} is {value!r}; {rule}")
