"""Faults: windows of time in which something goes wrong (``SEMANTICS.md`` S7, P3, G7, C13).

A fault is data. :func:`windows` draws its times; actors that can be stopped are stopped and
restarted by :mod:`sim.model.world`; request errors are asked for by :class:`ErrorRates`.
"""

from dataclasses import dataclass

from sim.core.draws import draw_us
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.scenario.schema import Fault, Scenario, StoreErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A fault with its times drawn: in force during [start_us, end_us)."""

    fault: Fault
    start_us: int
    end_us: int


def windows(scenario: Scenario, streams: Streams) -> tuple[Window, ...]:
    """Every fault of the scenario with its times, in the order of the file."""
    drawn = []
    for ordinal, fault in enumerate(scenario.faults):
        start_us = draw_us(fault.at, streams, "fault", ordinal, "at")
        lasts_us = draw_us(fault.lasts, streams, "fault", ordinal, "lasts")
        drawn.append(Window(fault=fault, start_us=start_us, end_us=min(start_us + lasts_us, NEVER)))
    return tuple(drawn)


def outages(faults: tuple[Window, ...], kind: str, target: int | None) -> list[tuple[int, int]]:
    """Disjoint, ascending [start, end) during which faults of ``kind`` keep ``target`` away.

    An empty span is a restart.
    """
    merged: list[tuple[int, int]] = []
    spans = (
        (window.start_us, window.end_us)
        for window in faults
        if window.fault.kind == kind and getattr(window.fault, "target", None) == target
    )
    for start_us, end_us in sorted(spans):
        if merged and start_us <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end_us, merged[-1][1]))
        else:
            merged.append((start_us, end_us))
    return merged


class ErrorRates:
    """How likely a request fails, or is applied and its answer lost, at an instant.

    Windows add to the store's own rates by the larger of the two, never by their sum.
    """

    def __init__(
        self, *, error_rate: float, lost_answer_rate: float, faults: tuple[Window, ...]
    ) -> None:
        self._base = (error_rate, lost_answer_rate)
        self._windows = tuple(
            (w.start_us, w.end_us, w.fault.error_rate, w.fault.lost_answer_rate)
            for w in faults
            if isinstance(w.fault, StoreErrors)
        )
        self.possible = bool(self._windows) or self._base != (0.0, 0.0)

    def at(self, t_us: int) -> tuple[float, float]:
        """(probability of failing without effect, of being applied with the answer lost)."""
        failing, lost = self._base
        for start_us, end_us, error_rate, lost_answer_rate in self._windows:
            if start_us <= t_us < end_us:
                failing = max(failing, error_rate)
                lost = max(lost, lost_answer_rate)
        return failing, lost
