"""The time that an endpoint goes by."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "WallClock", "today"]


class Clock(Protocol):
    """What says how late it is in the scenario, and which date that is to clients."""

    def now_us(self) -> int:
        """Simulated time in integer microseconds; never less than before."""

    def date(self, t_us: int) -> datetime:
        """The date in UTC at which it is ``t_us``, on the clocks of clients."""


def today() -> datetime:
    """The date by the clock of the machine, in UTC."""
    return datetime.now(UTC)


class WallClock:
    """Simulated time that goes on with the machine's, or faster.

    Parameters
    ----------
    speed : float
        Simulated seconds in a second, > 0.
    start_us : int
        Simulated time of the beginning.
    """

    def __init__(self, *, speed: float = 1.0, start_us: int = 0) -> None:
        self._speed = speed
        self._start_us = start_us
        self._began = today()
        self._began_ns = time.monotonic_ns()

    def now_us(self) -> int:
        passed_ns = time.monotonic_ns() - self._began_ns
        return self._start_us + int(passed_ns * self._speed) // 1000

    def date(self, t_us: int) -> datetime:
        return self._began + timedelta(microseconds=(t_us - self._start_us) / self._speed)
