"""What is found out about a failure that hardly any trial has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.analysis.splitting import RareEstimate

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["Rare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rare:
    """How likely a query is to have an outcome.

    Attributes
    ----------
    scheme, outcome : str
    estimate : RareEstimate
        Over queries of all trials that there could be.
    per_repeat : tuple of float
        What each repetition found.
    are_whole : bool
        Whether each repetition reached every level.
    forces_syncs : bool
        Whether syncs were made to fail, and what came of it weighted.
    delays_us : tuple of float
        The delete delays that ways had to come near on their way to the one that the scheme has.
    delete_delay_us : int
    trials : int
        How many were simulated.
    worst : Scenario
        The worst that was met: its draws pinned, with the scheme alone.
    worst_fraction : float
        Of its queries, those with the outcome.
    """

    scheme: str
    outcome: str
    estimate: RareEstimate
    per_repeat: tuple[float, ...]
    are_whole: bool
    forces_syncs: bool
    delays_us: tuple[float, ...]
    delete_delay_us: int
    trials: int
    worst: "Scenario"
    worst_fraction: float
