"""What the benchmarks measure, in the order of the table, and helpers to measure it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

T = TypeVar("T")

ROWS: Final = {
    "plain": "plain implementation, queries evaluated one by one",
    "sampled": "sampled queries, all streams",
    "drawn": "sampled queries that draw streams and durations",
    "ratio": "sampled over plain, the same scenario",
    "exact": "exact evaluation, 1 query a second against 1,000,000",
    "trial": "one trial of `thanos-default` (100 streams, 90 days), one scheme",
    "curve": "200 delete delays from 0 to 48h of all its schemes, the same trial",
    "sweep": "60 cells of its last scheme (12 delete delays, 5 sync intervals, 3 trials), 2 CPUs",
    "records": "records written, the same trial",
    "memory": "peak memory, the same trial",
    "streams": "twice the streams",
    "days": "twice the days",
    "help": "`sim --help`",
}


class Row(Protocol):
    """Fills a row of the table."""

    def __call__(self, name: str, value: str) -> None: ...


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


def count(number: float) -> str:
    """A number with a unit that keeps it short."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def repeated(benchmark: Any, call: Callable[..., T], *arguments: object, rounds: int = 1) -> T:
    """Let pytest-benchmark time a call that takes long: ``rounds`` times, without a warm-up."""
    return cast("T", benchmark.pedantic(call, arguments, rounds=rounds))
