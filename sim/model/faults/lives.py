"""The lives of an actor: it starts, is struck down, and starts again (``SEMANTICS.md`` F4)."""

from collections.abc import Callable, Generator
from typing import Any

from sim.core.kernel import Kernel, Phase
from sim.model.faults.happening import Faults

End = Callable[[], None]
"""Takes an actor away, now."""
Begin = Callable[[int], End]
"""Starts an actor at a time (µs), possibly anew."""


def keep(name: str, begin: Begin, *, kernel: Kernel, faults: Faults, at_us: int = 0) -> None:
    """Let an actor live from ``at_us`` on, but for its absences.

    Parameters
    ----------
    name : str
        What the store knows it by.
    """
    end = begin(at_us)
    absences_us = faults.absences_us(name)

    def strike() -> Generator[Any, Any, None]:
        nonlocal end
        for start_us, end_us in absences_us:
            yield kernel.sleep(start_us - kernel.now_us, Phase.FAULT)
            end()
            yield kernel.sleep(end_us - kernel.now_us, Phase.FAULT)
            end = begin(end_us)

    if absences_us:
        kernel.spawn(strike(), at_us=0, phase=Phase.FAULT)
