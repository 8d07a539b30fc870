"""Memory: the cyclic garbage collector, out of the way of work that makes no garbage, and the heap.

A long run frees hundreds of megabytes between its stages, in pieces that the C library keeps.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["collect_seldom", "collector_paused", "return_freed"]

_OBJECTS_BETWEEN: Final = 100_000
"""More than a start makes; Python looks after 700 or 2,000 objects, by version."""

_LONG: Final = 1 << 20
"""Records of a run of which it is worth while: what is freed is not needed again at once."""


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


def return_freed(n_records: int) -> None:
    """Give memory that a run of so many records has freed back to the system, if that is much.

    Where the C library is not glibc nothing happens: others do so by themselves.
    """
    if n_records < _LONG:
        return
    import ctypes

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
