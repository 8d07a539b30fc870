"""Python's cyclic garbage collector, out of the way of work that makes no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
