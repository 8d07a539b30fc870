"""Clocks that are wrong for a while (``SEMANTICS.md`` F6, T6)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sim.core.units import NEVER
from sim.model.faults.effect import Effect


class _Stretch(NamedTuple):
    """A time during which a clock is wrong by the same: [start_us, end_us)."""

    start_us: int
    end_us: int
    offset_us: int


class Clock:
    """What an actor's clock shows; offsets of effects that hold at one time add up.

    Attributes
    ----------
    is_right : bool
        Whether it never shows anything but simulated time.
    turns_us : list of int
        When it is set.
    """

    def __init__(self, effects: Sequence[Effect]) -> None:
        wrong = [e for e in effects if e.clock_offset_us and e.start_us < e.end_us]
        self.is_right = not wrong
        self.turns_us = sorted({t_us for e in wrong for t_us in (e.start_us, e.end_us)})
        edges = [0, *(t_us for t_us in self.turns_us if t_us > 0), NEVER]
        self._stretches = [
            _Stretch(start, end, sum(e.clock_offset_us for e in wrong if e.holds(start)))
            for start, end in pairwise(edges)
        ]

    def shows_us(self, t_us: int) -> int:
        """What it shows at ``t_us``."""
        if self.is_right:
            return t_us
        return t_us + next(s.offset_us for s in reversed(self._stretches) if s.start_us <= t_us)

    def when_us(self, clock_us: int) -> int:
        """When it first shows ``clock_us`` or more."""
        if self.is_right:
            return clock_us
        first = (max(s.start_us, clock_us - s.offset_us) for s in self._stretches)
        return next((t for t, s in zip(first, self._stretches, strict=True) if t < s.end_us), NEVER)
