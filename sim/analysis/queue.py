"""What is due and not done: how much at an instant, as a mean, and how long it waits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.core.units import NEVER
from sim.trace.timelines import Ints

__all__ = ["Queue"]

_GROWTH = 1.1
"""How much more there is in the last third than in the one before, of what grows."""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Everything that was due in [low_us, high_us); columns in no order.

    Attributes
    ----------
    due_us : int64 array
        Since when.
    begun_us : int64 array
        When somebody began to do it; NEVER if nobody did.
    end_us : int64 array
        Until when (exclusive): done, or not due any more. NEVER if it is due at the end of the run.
    """

    low_us: int
    high_us: int
    due_us: Ints
    begun_us: Ints
    end_us: Ints

    @property
    def waits_us(self) -> Ints:
        """From due to begun, of those that began in the interval."""
        is_begun = (self.begun_us >= self.low_us) & (self.begun_us < NEVER)
        waits_us: Ints = (self.begun_us - self.due_us)[is_begun]
        return np.maximum(waits_us, 0)

    @property
    def last(self) -> int:
        """How many are due at the end."""
        return int((self.end_us >= self.high_us).sum())

    @property
    def most(self) -> int:
        """How many are due when there are most."""
        return int(self._part(self.low_us, self.high_us)[1])

    @property
    def mean(self) -> float:
        """How many are due, as a mean over time."""
        return self._part(self.low_us, self.high_us)[2]

    @property
    def grows(self) -> bool:
        """Whether it never comes to an end, and is larger and larger.

        In the last third of the interval there are always more than at some time of the third
        before, and a tenth more in the mean.
        """
        third_us = (self.high_us - self.low_us) // 3
        middle_us = self.high_us - third_us
        least_before, _, mean_before = self._part(middle_us - third_us, middle_us)
        least, _, mean = self._part(middle_us, self.high_us)
        return least > least_before and mean > _GROWTH * mean_before

    @cached_property
    def _steps(self) -> tuple[Ints, Ints]:
        """Instants, and how many are due before the first and from each on."""
        at_us = np.concatenate([self.due_us, self.end_us])
        change = np.repeat((1, -1), (self.due_us.size, self.end_us.size))
        order = np.argsort(at_us, kind="stable")
        times_us, first = np.unique(at_us[order], return_index=True)
        ends = np.append(first[1:], at_us.size) - 1
        return times_us, np.append(0, np.cumsum(change[order])[ends])

    def _part(self, low_us: int, high_us: int) -> tuple[int, int, float]:
        """The least, the most and the mean of a part of the run."""
        if high_us <= low_us or not self.due_us.size:
            return 0, 0, 0.0
        at_us, due = self._steps
        first, end = np.searchsorted(at_us, low_us, side="right"), np.searchsorted(at_us, high_us)
        there = due[first : end + 1]
        spans_us = np.diff([low_us, *at_us[first:end], high_us])
        mean = int((there * spans_us).sum()) / (high_us - low_us)
        return int(there.min()), int(there.max()), mean
