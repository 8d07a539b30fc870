"""All that goes wrong in a run, as its parts ask for it: by actor (``SEMANTICS.md`` F1)."""

from collections.abc import Sequence

from sim.core.draws import draw_us
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.faults.clocks import Clock
from sim.model.faults.effect import Effect
from sim.model.faults.lags import Lags
from sim.model.faults.pace import Pace
from sim.model.faults.requests import Disturbances
from sim.scenario.schema import Scenario


class Faults:
    """What goes wrong in a run.

    Parameters
    ----------
    effects : sequence of Effect
        In the order of the file.
    error_rate, lost_answer_rate : float
        The store's own.
    """

    def __init__(
        self,
        effects: Sequence[Effect] = (),
        *,
        error_rate: float = 0.0,
        lost_answer_rate: float = 0.0,
    ) -> None:
        self.effects = tuple(effects)
        self._base = (error_rate, lost_answer_rate)

    def disturbances(self, actor: str) -> Disturbances:
        """What the requests of an actor meet."""
        effects = [effect for effect in self._of(actor) if effect.disturbs_requests]
        return Disturbances(actor, effects, base=self._base)

    def clock(self, actor: str) -> Clock:
        """What an actor takes the time from."""
        return Clock(self._of(actor))

    def pace(self, actor: str) -> Pace:
        """When an actor takes its steps, and how long they last."""
        return Pace(self._of(actor))

    def lags(self) -> Lags:
        """What the store asks about each change."""
        return Lags([effect for effect in self.effects if effect.says_when_changes_show])

    def absences_us(self, actor: str) -> list[tuple[int, int]]:
        """Disjoint, ascending [start, end) during which an actor is down.

        An empty span is a restart.
        """
        merged: list[tuple[int, int]] = []
        spans = [span for effect in self._of(actor) if (span := effect.absence_us()) is not None]
        for start_us, end_us in sorted(spans):
            if merged and start_us <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end_us, merged[-1][1]))
            else:
                merged.append((start_us, end_us))
        return merged

    def _of(self, actor: str) -> list[Effect]:
        return [effect for effect in self.effects if effect.spec.befalls(actor)]


def draw_faults(scenario: Scenario, streams: Streams) -> Faults:
    """The faults of a scenario, with their times drawn."""
    effects = []
    for ordinal, fault in enumerate(scenario.faults):
        start_us = draw_us(fault.at, streams, "fault", ordinal, "at")
        lasts_us = draw_us(fault.lasts, streams, "fault", ordinal, "lasts")
        end_us = min(start_us + lasts_us, NEVER)
        effects.append(fault.made(start_us=start_us, end_us=end_us))
    return Faults(
        effects,
        error_rate=scenario.store.error_rate,
        lost_answer_rate=scenario.store.lost_answer_rate,
    )
