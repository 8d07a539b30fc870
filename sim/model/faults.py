"""Faults: windows of time in which something goes wrong (``SEMANTICS.md`` S7, P3, G7, C13).

A fault is data. :func:`draw_faults` draws its times; actors that can be stopped are stopped and
restarted by :mod:`sim.model.world`; :mod:`sim.model.store.client` asks how requests fail.
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


class Faults:
    """What goes wrong in a run, with its times drawn.

    Parameters
    ----------
    windows : tuple of Window
        In the order of the file.
    error_rate, lost_answer_rate : float
        The store's own; windows add to them by the larger of the two, never by their sum.
    """

    def __init__(
        self,
        windows: tuple[Window, ...] = (),
        *,
        error_rate: float = 0.0,
        lost_answer_rate: float = 0.0,
    ) -> None:
        self.windows = windows
        self._base = (error_rate, lost_answer_rate)
        self._errors = tuple(
            (w.start_us, w.end_us, w.fault.error_rate, w.fault.lost_answer_rate)
            for w in windows
            if isinstance(w.fault, StoreErrors)
        )
        self.fail_requests = bool(self._errors) or self._base != (0.0, 0.0)

    def error_rates(self, t_us: int) -> tuple[float, float]:
        """(P(failing without effect), P(being applied with the answer lost)) at an instant."""
        failing, lost = self._base
        for start_us, end_us, error_rate, lost_answer_rate in self._errors:
            if start_us <= t_us < end_us:
                failing = max(failing, error_rate)
                lost = max(lost, lost_answer_rate)
        return failing, lost

    def outages(self, kind: str, target: int | None) -> list[tuple[int, int]]:
        """Disjoint, ascending [start, end) during which faults of ``kind`` keep ``target`` away.

        An empty span is a restart.
        """
        merged: list[tuple[int, int]] = []
        spans = (
            (window.start_us, window.end_us)
            for window in self.windows
            if window.fault.kind == kind and getattr(window.fault, "target", None) == target
        )
        for start_us, end_us in sorted(spans):
            if merged and start_us <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end_us, merged[-1][1]))
            else:
                merged.append((start_us, end_us))
        return merged


def draw_faults(scenario: Scenario, streams: Streams) -> Faults:
    """The faults of a scenario, with their times drawn."""
    drawn = []
    for ordinal, fault in enumerate(scenario.faults):
        start_us = draw_us(fault.at, streams, "fault", ordinal, "at")
        lasts_us = draw_us(fault.lasts, streams, "fault", ordinal, "lasts")
        drawn.append(Window(fault=fault, start_us=start_us, end_us=min(start_us + lasts_us, NEVER)))
    return Faults(
        tuple(drawn),
        error_rate=scenario.store.error_rate,
        lost_answer_rate=scenario.store.lost_answer_rate,
    )
