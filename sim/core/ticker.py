"""When a periodic job runs again (``SEMANTICS.md`` T4)."""

from sim.core.arrays import Ints, np
from sim.core.draws import draw_us
from sim.core.laws import Law
from sim.core.streams import Streams


class Ticker:
    """A ticker with a one-slot buffer, like those of the systems modelled.

    A run that overruns its interval is followed at once by the next; further missed ticks are
    dropped and the grid stays where it is (Thanos, pkg/runutil). An interval that is a law is
    drawn anew at every run.

    Attributes
    ----------
    period_us : int
        From tick to tick; 0 if that is drawn.
    """

    def __init__(
        self, interval: Law, streams: Streams, *identity: str | int, start_us: int
    ) -> None:
        self._interval = interval
        self.period_us = interval.draw_us(0.5) if interval.is_constant else 0
        self._streams = streams
        self._identity = identity
        self._start_us = start_us

    def next_run_us(self, run_us: int, end_us: int) -> int:
        """When the run after the one over [run_us, end_us] is due."""
        period_us = self.period_us
        if period_us:
            next_us = run_us - (run_us - self._start_us) % period_us + period_us
            return next_us if next_us > end_us else end_us
        interval_us = draw_us(self._interval, self._streams, *self._identity, "interval", run_us)
        return max(end_us, run_us + interval_us)

    def runs_us(self, run_us: int, until_us: int) -> Ints:
        """Runs from one at ``run_us`` on and before ``until_us`` that take no time."""
        if self.period_us:
            second_us = self.next_run_us(run_us, run_us)
            return np.append(run_us, np.arange(second_us, until_us, self.period_us))
        found = [run_us]
        while (next_us := self.next_run_us(found[-1], found[-1])) < until_us:
            found.append(next_us)
        return np.array(found, np.int64)
