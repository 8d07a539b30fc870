"""Actors that stand still, or take longer, for a while (``SEMANTICS.md`` F9, F10)."""

from collections.abc import Sequence

from sim.core.kernel import Kernel, Sleep
from sim.model.faults.effect import Effect


class Pace:
    """When one actor takes its steps, and how long they last.

    Attributes
    ----------
    is_steady : bool
        Whether it takes every step when it is due, and in its usual time.
    """

    def __init__(self, effects: Sequence[Effect] = ()) -> None:
        self._pauses = [e for e in effects if e.pauses]
        self._slow_downs = [e for e in effects if e.slowness > 1.0]
        self.is_steady = not self._pauses and not self._slow_downs

    def due_us(self, t_us: int) -> int:
        """When a step that is due at ``t_us`` is taken."""
        while ends_us := [effect.end_us for effect in self._pauses if effect.holds(t_us)]:
            t_us = max(ends_us)
        return t_us

    def lasts_us(self, takes_us: int, begin_us: int) -> int:
        """How long work lasts that begins at ``begin_us`` and takes ``takes_us`` as a rule."""
        slowness = [effect.slowness for effect in self._slow_downs if effect.holds(begin_us)]
        return int(takes_us * max(slowness)) if slowness else takes_us


class PacedKernel(Kernel):
    """The kernel, as an actor meets it that has a pace of its own."""

    is_steady = False

    def __init__(self, kernel: Kernel, pace: Pace) -> None:
        super().__init__(beside=kernel)
        self._pace = pace

    def due_us(self, t_us: int) -> int:
        """When its step that is due at ``t_us`` is taken."""
        return self._pace.due_us(t_us)

    def lasts_us(self, takes_us: int) -> int:
        """How long its work lasts that begins now."""
        return self._pace.lasts_us(takes_us, self.now_us)

    def sleep(self, delay_us: int, phase: int) -> Sleep:
        """As of :class:`Kernel`, and longer if it ends in a pause."""
        now_us = self.now_us
        return super().sleep(self.due_us(now_us + delay_us) - now_us, phase)
