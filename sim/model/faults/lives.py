"""The lives of an actor: it starts, is struck down, and starts again (``SEMANTICS.md`` F4, F5)."""

from collections.abc import Callable, Generator
from typing import Any

from sim.core.kernel import Kernel, Phase
from sim.model.faults.happening import Faults
from sim.model.faults.requests import Crashed

Steps = Generator[Any, Any, Any]
End = Callable[[], None]
"""Takes an actor away, now."""
Watch = Callable[[Steps], Steps]
"""Makes of the steps of an actor, which may crash, steps that come to an end then."""
Begin = Callable[[int, Watch], End]
"""Starts an actor at a time (µs), possibly anew; all its steps are to be watched."""


class _Lives:
    """One actor after the other, under one name."""

    def __init__(self, begin: Begin, *, kernel: Kernel, at_us: int) -> None:
        self._begin = begin
        self._kernel = kernel
        self._is_down = False
        self._until_us = 0
        self._end = begin(at_us, self._watch)

    def strike(self, until_us: int) -> None:
        """End the life, now; the next one begins at ``until_us``, or when something says later."""
        if not self._is_down:
            self._is_down = True
            self._end()
        self._rest(until_us)

    def _watch(self, steps: Steps) -> Steps:
        try:
            yield from steps
        except Crashed as crash:
            self._is_down = True
            self._rest(self._kernel.now_us + int(crash.args[0]))

    def _rest(self, until_us: int) -> None:
        self._until_us = max(self._until_us, until_us)
        self._kernel.spawn(self._rise(), at_us=self._until_us, phase=Phase.FAULT)

    def _rise(self) -> Steps:
        if self._is_down and self._kernel.now_us >= self._until_us:
            self._is_down = False
            self._end = self._begin(self._kernel.now_us, self._watch)
        yield from ()


def keep(name: str, begin: Begin, *, kernel: Kernel, faults: Faults, at_us: int = 0) -> None:
    """Let an actor live from ``at_us`` on, but for its absences and crashes.

    Parameters
    ----------
    name : str
        What the store knows it by.
    """
    lives = _Lives(begin, kernel=kernel, at_us=at_us)
    absences_us = faults.absences_us(name)

    def strike() -> Steps:
        for start_us, end_us in absences_us:
            yield kernel.sleep(start_us - kernel.now_us, Phase.FAULT)
            lives.strike(end_us)

    if absences_us:
        kernel.spawn(strike(), at_us=0, phase=Phase.FAULT)
