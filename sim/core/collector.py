"""Python's cyclic garbage collector, out of the way of work that makes no garbage."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["collect_seldom", "collector_paused"]

_OBJECTS_BETWEEN: Final = 100_000
"""More than a start makes; Python looks after 700 or 2,000 objects, by version."""


def collect_seldom() -> None:
    """Look for garbage seldom in this process, and not at its end; for one that is our own.

    What is imported stays: to look through it again and again while it comes in, and once more
    before the process ends, takes a fifth of a short command.
    """
    gc.set_threshold(_OBJECTS_BETWEEN)
    atexit.register(gc.freeze)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for unreachable cycles meanwhile; also usable as a decorator.

    A run keeps nearly all it makes until its end, so the searches look at everything it has, time
    and again, and find nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
