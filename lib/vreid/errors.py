"""The one exception for what a user can mend, and the door through which every command leaves."""

import sys
from collections.abc import Callable


class UserError(ValueError):
    """Something the user gave cannot be used.

    The message has three parts: what is wrong (naming the file and the place), what was found, what
    to do about it. Commands print it as one line and exit with code 2, without a traceback.
    """


class ConfigError(UserError):
    """A configuration file or an override cannot be used."""


class DataError(UserError):
    """A data set, an image or a file made by an earlier stage cannot be used."""


def run_command(command: Callable[[], object]) -> int:
    """Run a command line and return its exit code.

    0 when it returns, 2 with one ``error:`` line for a `UserError`, 130 when it is interrupted.
    Anything else is our own fault and keeps its traceback.
    """
    try:
        command()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0
