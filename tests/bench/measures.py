"""Helpers to measure what the limits are asserted of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds of this process's CPU that a call takes, and what it returns.

    Not of the clock on the wall: other work on the machine is none of the program's slowness.
    """
    began_s = time.process_time()
    result = call()
    return time.process_time() - began_s, result


def best_of(times: int, call: Callable[[], object]) -> float:
    """Least seconds of several calls: what it takes where nothing disturbs it."""
    return min(timed(call)[0] for _ in range(times))


def repeated(benchmark: Any, call: Callable[..., T], *arguments: object, rounds: int = 1) -> T:
    """Let pytest-benchmark time a call that takes long: ``rounds`` times, without a warm-up."""
    return cast("T", benchmark.pedantic(call, arguments, rounds=rounds))
