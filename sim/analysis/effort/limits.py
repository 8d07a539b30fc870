"""Refusing what a machine cannot hold, by the key that makes it so large.

A key dominates if a usual value in its place would leave the least of what is too much. Which one
it is, is found by trying: the estimate costs nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from sim.analysis.effort.estimate import Effort, effort_of
from sim.analysis.effort.sizes import Sizes, sizes
from sim.core.units import US_PER_S
from sim.errors import Problem
from sim.scenario.complaints.text import format_path, value_at
from sim.scenario.schema import Scenario

__all__ = ["EVENTS_MAX", "Limits", "too_large"]

EVENTS_MAX: Final = 1e9
"""`Effort.all_events` of a run, unless a limit is given: hours of one CPU."""

_M_US: Final = 60.0 * US_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run may take: resident memory in bytes, and `Effort.all_events`."""

    memory_bytes: float
    events: float = EVENTS_MAX


def too_large(
    scenario: Scenario,
    limits: Limits,
    *,
    mode: str = "exact",
    schemes: int | None = None,
    workers: int = 1,
) -> list[Problem]:
    """Say what of a run exceeds its limits, each with the key that dominates it.

    Parameters
    ----------
    scenario : Scenario
    limits : Limits
    mode, schemes
        As for `sim.analysis.effort.estimate.effort`.
    workers : int
        Number of processes.

    Returns
    -------
    list of Problem
        Empty if the run fits; else at most one for memory and one for events.
    """
    n = sizes(scenario, schemes=schemes)
    found = effort_of(n, mode)
    problems = []
    if (needed := found.total_bytes(workers)) > limits.memory_bytes:
        rule = f"let the run fit into {_bytes(limits.memory_bytes)} of memory"
        what = _bytes(needed) + ("" if workers == 1 else f" in {workers} processes")
        problems.append(
            _problem(scenario, n, mode, rule, what, lambda e: e.total_bytes(workers), _bytes)
        )
    if found.all_events > limits.events:
        rule = f"let the run end within {_count(limits.events)} events"
        hours = found.cpu_s / 3_600.0
        what = f"{_count(found.all_events)} events, {_count(hours)} hours of one CPU"
        problems.append(_problem(scenario, n, mode, rule, what, lambda e: e.all_events, _count))
    return problems


def _problem(
    scenario: Scenario,
    n: Sizes,
    mode: str,
    rule: str,
    what: str,
    measure: Callable[[Effort], float],
    shown: Callable[[float], str],
) -> Problem:
    """Blame the key whose usual value would leave the least."""
    candidates = [
        (measure(effort_of(changed, mode)), path) for path, changed in _usual(scenario, n)
    ]
    least, path = min(candidates, key=lambda pair: pair[0], default=(0.0, ("horizon",)))
    usual = f"; about {shown(least)} with a usual value here" if candidates else ""
    hint = f"it takes about {what}{usual}"
    value = value_at(scenario.raw(), path)
    if isinstance(value, list | tuple):
        value = f"({len(value)} entries)"
    return Problem(format_path(path), value, rule, hint)


def _usual(scenario: Scenario, n: Sizes) -> Iterator[tuple[tuple[str | int, ...], Sizes]]:
    """Each key that is beyond what is usual, and the sizes with a usual value in its place."""
    length_us = max(n.block_length_us, 120.0 * _M_US)
    stretch = length_us / n.block_length_us
    stretched = tuple(range_us * stretch for range_us in n.ranges_us)
    most_queries = max(range(len(scenario.queries)), key=lambda i: scenario.queries[i].rate_per_s)
    most_drawn = max(
        range(len(scenario.queries)),
        key=lambda i: 0 if (k := scenario.queries[i].streams) == "all" else int(k),
    )
    changes: tuple[tuple[tuple[str | int, ...], dict[str, Any]], ...] = (
        (("horizon",), {"horizon_us": min(n.horizon_us, 30 * 1_440 * _M_US)}),
        (("trials",), {"trials": min(n.trials, 8.0)}),
        (("schemes",), {"schemes": min(n.schemes, 8.0)}),
        (("store", "replicas"), {"replicas": min(n.replicas, 3.0)}),
        (("store", "quorum", "n"), {"legs": min(n.legs, 12.0)}),
        (("producers", "count"), {"producers": min(n.producers, 1.0)}),
        (("producers", "block_length"), {"block_length_us": length_us, "ranges_us": stretched}),
        (("producers", "chunk_files"), {"chunk_files": min(n.chunk_files, 1.0)}),
        (("producers", "retry_after"), {"retry_us": max(n.retry_us, 0.5 * _M_US)}),
        (("compactor", "count"), {"compactors": 1.0, "rivals": 1.0, "hands": 1.0}),
        (("compactor", "wait_interval"), {"pass_us": max(n.pass_us, 5.0 * _M_US)}),
        (("compactor", "cleanup"), {"cleanup_us": max(n.cleanup_us, 5.0 * _M_US)}),
        (("gateways", "count"), {"gateways": min(n.gateways, 1.0), "shards": 1.0}),
        (("gateways", "sync_interval"), {"sync_us": max(n.sync_us, 3.0 * _M_US)}),
        (("queries",), {"classes": min(n.classes, 4.0)}),
        (("queries", most_queries, "rate"), {"rate_per_s": min(n.rate_per_s, 1.0)}),
        (("queries", most_drawn, "streams"), {"drawn": min(n.drawn, 1.0)}),
        (("faults",), {"faults": min(n.faults, 10.0), "fault_attempts": 0.0}),
    )
    for path, change in changes:
        if any(getattr(n, name) != value for name, value in change.items()):
            yield path, replace(n, **change)


def _bytes(amount: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 999.5:
            return f"{amount:.3g} {unit}"
        amount /= 1_024.0
    return f"{amount:,.0f} PiB"


def _count(number: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            number /= size
            return f"{number:.3g}{unit}" if number < 999.5 else f"{number:,.0f}{unit}"
    return f"{number:.3g}"
