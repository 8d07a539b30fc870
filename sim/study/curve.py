"""What one scheme does in one trial, as a function of its delete delay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.analysis.results import TrialResult
from sim.study.run import Mode, run_trial

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["DelayCurve", "trials_over_delays"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayCurve:
    """Results of one trial at several delete delays.

    Attributes
    ----------
    results : tuple of TrialResult
        One per delay, in the order asked for.
    origins : tuple of str
        Per delay how its result was found: "simulated".
    reason : str
        Why, in a sentence.
    """

    results: tuple[TrialResult, ...]
    origins: tuple[str, ...]
    reason: str


def trials_over_delays(
    scenario: "Scenario",
    scheme_index: int,
    trial: int,
    delays_us: Sequence[int],
    *,
    mode: Mode = "exact",
) -> DelayCurve:
    """Give the result of one scheme in one trial at each of several delete delays.

    Parameters
    ----------
    scenario : Scenario
    scheme_index, trial : int
        From 0; the scheme has a ``delete_delay``.
    delays_us : sequence of int
        Microseconds, >= 0; empty gives an empty curve.
    mode : "exact" or "sampled"
        As for ``run_trial``.
    """
    results = []
    for delay_us in delays_us:
        schemes = list(scenario.schemes)
        schemes[scheme_index] = schemes[scheme_index].model_copy(
            update={"delete_delay_us": delay_us}
        )
        changed = scenario.model_copy(update={"schemes": tuple(schemes)})
        results.append(run_trial(changed, scheme_index, trial, mode))
    return DelayCurve(
        results=tuple(results),
        origins=("simulated",) * len(results),
        reason="every delay was simulated",
    )
