"""Ticks at which an actor would find what it found before, and that it sleeps through.

An actor that looks at the bucket at every tick mostly finds nothing new. It rests instead: it
sleeps until the first tick at which what it sees can have changed, and what it would have sent and
noted at the ticks between is accounted for when somebody asks, or when it wakes. Nobody can tell a
rest from ticks that are taken one by one.
"""

from collections.abc import Callable, Iterable
from heapq import merge

from sim.core.kernel import Alarm, Kernel
from sim.core.units import NEVER
from sim.model.store.transfer import Steps

__all__ = ["Account", "Rests"]

Account = Callable[[range], None]
"""Notes what an actor does at ticks, in µs, at which it finds nothing."""


class _Rest:
    """One actor that sleeps through ticks, which are on a grid that begins at ``first_us``."""

    def __init__(
        self, first_us: int, period_us: int, *, kernel: Kernel, phase: int, account: Account
    ) -> None:
        self.phase = phase
        self.alarm = Alarm(kernel)
        self.account = account
        self._kernel = kernel
        self._next_us = first_us
        self._period_us = period_us
        self._wakes_us = NEVER

    def wake_by(self, t_us: int) -> None:
        """Wake the actor at its first tick from ``t_us`` (>= now) on that has not passed."""
        if t_us > self._wakes_us - self._period_us:
            # There is no earlier tick.
            return
        from_us = max(t_us, self._passed_until_us())
        periods = -(min(0, self._next_us - from_us) // self._period_us)
        tick_us = self._next_us + periods * self._period_us
        if tick_us < self._wakes_us:
            self._wakes_us = tick_us
            self.alarm.ring_after(tick_us - self._kernel.now_us, self.phase)

    def passed(self) -> range:
        """Take out the ticks that have passed."""
        return self.before(self._passed_until_us())

    def before(self, end_us: int) -> range:
        """Take out the ticks before ``end_us``."""
        ticks = range(self._next_us, end_us, self._period_us)
        self._next_us += len(ticks) * self._period_us
        return ticks

    def looked_us(self) -> int:
        """Its last tick that has passed, be it that at which it went to sleep."""
        ticks = (self._passed_until_us() - 1 - self._next_us) // self._period_us
        return self._next_us + ticks * self._period_us

    def _passed_until_us(self) -> int:
        """Before when its ticks have passed: actors come in the order of phases."""
        return self._kernel.now_us + (self._kernel.begun >= self.phase)


class Rests:
    """Actors that rest.

    Parameters
    ----------
    are_allowed : bool
        Whether anybody rests at all.
    in_order : bool
        Whether what all of them do is noted in order: by time, then by phase.
    """

    def __init__(self, kernel: Kernel, *, are_allowed: bool, in_order: bool) -> None:
        self.are_allowed = are_allowed
        self._in_order = in_order
        self._kernel = kernel
        self._resting: list[_Rest] = []

    def rest(
        self, first_us: int, period_us: int, until_us: int, *, phase: int, account: Account
    ) -> Steps:
        """Sleep until the first tick from ``until_us`` on, or at which something has changed.

        Parameters
        ----------
        first_us : int
            The next tick, after now.
        period_us : int
            From tick to tick.
        phase : int
            In which the actor acts at its ticks.
        account : callable
            Told of the ticks that it slept through, in order.
        """
        own = _Rest(first_us, period_us, kernel=self._kernel, phase=phase, account=account)
        own.wake_by(until_us)
        self._resting.append(own)
        is_awake = False
        try:
            yield own.alarm.sleep
            is_awake = True
        finally:
            if own in self._resting:
                # At the tick at which it wakes it acts itself.
                self._account(own, own.before(self._kernel.now_us) if is_awake else own.passed())
                self._resting.remove(own)

    def note_change(self, t_us: int) -> None:
        """Something that everybody looks at changes at ``t_us`` (>= now)."""
        for one in self._resting:
            one.wake_by(t_us)

    def looked_us(self) -> int:
        """When somebody who rests last looked; 0 if nobody rests."""
        return max((one.looked_us() for one in self._resting), default=0)

    def settle(self) -> None:
        """Account for all ticks that have passed."""
        if self._resting:
            _account([(one, one.passed()) for one in self._resting])

    def finish(self, horizon_us: int) -> None:
        """Account for all ticks before the horizon; nobody wakes any more."""
        _account([(one, one.before(horizon_us)) for one in self._resting])
        for one in self._resting:
            one.alarm.forget()
        self._resting.clear()

    def _account(self, own: _Rest, ticks: range) -> None:
        others = (one for one in self._resting if one is not own) if self._in_order else ()
        _account([(own, ticks), *((one, one.passed()) for one in others)])


def _account(slept: Iterable[tuple[_Rest, range]]) -> None:
    """Account for ticks, those of one after those of another where they are later."""
    rows = [(one, ticks) for one, ticks in slept if ticks]
    if len(rows) == 1:
        one, ticks = rows[0]
        one.account(ticks)
        return
    grids = ([(t_us, one.phase, i) for t_us in ticks] for i, (one, ticks) in enumerate(rows))
    for t_us, _, i in merge(*grids):
        rows[i][0].account(range(t_us, t_us + 1))
