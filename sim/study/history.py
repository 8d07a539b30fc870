"""A history of a scenario's store, and what is measured on it."""

from typing import TYPE_CHECKING

from sim.analysis.consistency.measures import measures
from sim.model.probe import probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.analysis.consistency.measures import Measures
    from sim.scenario.probing import Probing
    from sim.scenario.schema import Scenario
    from sim.trace.history import History

__all__ = ["history_of", "measured"]


def history_of(scenario: "Scenario", probing: "Probing", trial: int) -> "History":
    """What clients of the scenario's store see in one trial."""
    return probe(scenario, probing, trial).history


def measured(history: "History", ages_us: "Sequence[int]") -> "Measures":
    """What is measured on a history, with the share of fresh reads between some ages."""
    return measures(history, ages_us)
