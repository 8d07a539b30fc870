"""What LISTs made of the keys that were added and left alone, by Jepsen's ``set-full``.

An element is *known* from the end of its put, or of the first LIST that shows it. It is *stable*
if some LIST shows it and none that was called later lacks it; *lost* if a LIST lacks it that was
called after it was known, and none that was called later shows it; else it was *never read*. A
stable one is *stale* if a LIST lacked it after it was known.

Source
------
Jepsen, ``jepsen.checker/set-full``, at commit 0a46569: its definitions, in microseconds.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from sim.trace.history import History, Op

__all__ = ["POINTS", "Element", "SetFull", "quantiles_us", "set_full"]

POINTS: Final = (0.0, 0.5, 0.95, 0.99, 1.0)
"""Where latencies are given."""

_WORST: Final = 8


class Element(NamedTuple):
    """One added key; ``latency_us`` is from known to stable, or to lost, and None if neither."""

    key: str
    outcome: Literal["stable", "lost", "never-read"]
    latency_us: int | None


class SetFull(NamedTuple):
    """What became of all added keys, in order."""

    elements: tuple[Element, ...]

    @property
    def verdict(self) -> Literal["valid", "invalid", "unknown"]:
        """Whether nothing is lost; unknown if nothing is stable either."""
        if self.of("lost"):
            return "invalid"
        return "valid" if self.of("stable") else "unknown"

    def of(self, outcome: str) -> tuple[Element, ...]:
        """Those that ended so."""
        return tuple(e for e in self.elements if e.outcome == outcome)

    @property
    def stale(self) -> tuple[Element, ...]:
        """Stable ones that a LIST lacked although they were known."""
        return tuple(e for e in self.of("stable") if e.latency_us)

    @property
    def worst_stale(self) -> tuple[Element, ...]:
        """The eight that took longest to be stable, the worst first."""
        return tuple(sorted(self.stale, key=lambda e: -(e.latency_us or 0))[:_WORST])

    def latencies_us(self, outcome: str) -> list[int]:
        """Latencies of those that ended so, ascending."""
        return sorted(e.latency_us for e in self.of(outcome) if e.latency_us is not None)


class _Lists:
    """Calls and returns of LISTs, as places in the order of all events."""

    def __init__(self, history: History) -> None:
        self.lists = [op for op in history.ops if op.f == "list" and op.status == "ok"]
        self.shown = [frozenset(_listed(op)) for op in self.lists]


def _listed(op: Op) -> tuple[str, ...]:
    assert isinstance(op.value, tuple)
    return op.value


def set_full(history: History) -> SetFull:
    """Judge the added keys of a history."""
    lists = _Lists(history)
    adds = {op.key: op for op in history.ops if op.f == "put" and op.key in set(history.adds)}
    return SetFull(tuple(_element(add, lists) for add in adds.values()))


def _element(add: Op, lists: _Lists) -> Element:
    # At one instant all calls come before all returns, as of what touches.
    after = [
        (op, add.key in shown)
        for op, shown in zip(lists.lists, lists.shown, strict=True)
        if op.return_us >= add.call_us
    ]
    present = [op for op, is_shown in after if is_shown]
    absent = [op for op, is_shown in after if not is_shown]
    ends = [op.return_us for op in present]
    known_us = min([add.return_us, *ends] if add.status == "ok" else ends, default=None)
    last_us = max((op.call_us for op in absent), default=None)
    shown_us = max((op.call_us for op in present), default=None)
    is_last = bool(after) and max(after, key=lambda pair: (pair[0].call_us, pair[0].process))[1]
    if present and is_last:
        latency_us = 0 if last_us is None else max(0, last_us + 1 - (known_us or 0))
        return Element(add.key, "stable", latency_us)
    if known_us is not None and last_us is not None and last_us > known_us and not is_last:
        latency_us = 0 if shown_us is None else max(0, shown_us + 1 - known_us)
        return Element(add.key, "lost", latency_us)
    return Element(add.key, "never-read", None)


def quantiles_us(latencies_us: Sequence[int]) -> tuple[int, ...] | None:
    """The latencies at `POINTS`: of n ascending ones number ⌊n · point⌋, at most the last.

    None without any.
    """
    n = len(latencies_us)
    if not n:
        return None
    return tuple(latencies_us[min(n - 1, int(n * point))] for point in POINTS)
