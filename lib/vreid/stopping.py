"""Stopping a long computation at a good moment: Ctrl-C and SIGTERM become a request."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_requests(request: Callable[[], None]) -> Iterator[None]:
    """Call ``request`` instead of dying at SIGINT or SIGTERM; the old handlers come back after.

    Only the main thread may use it; that is Python's own rule for signal handlers.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        request()

    old = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
