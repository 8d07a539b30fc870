"""One scheme in all trials as a function of the delete delay, and the inverse of that function."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from sim.analysis.curve.feedback import with_delay
from sim.analysis.evidence.exercised import lacking
from sim.analysis.results import SchemeResult, collect, estimate
from sim.analysis.sweep import FAILING
from sim.core.units import US_PER_S
from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.schema import OUTCOMES
from sim.study.curve import DelayFunction

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["FAILED", "GAPS", "SIMULATED_PART", "Delays", "fraction_of", "least_delay_us"]

FAILED: Final = "failed"
"""Stands for all outcomes that are no complete answer."""

GAPS: Final = ("silent-gap", "partial-response")
"""Outcomes that need data which only the bucket has."""

SIMULATED_PART: Final = 100
"""A delay that is simulated again for every step is found to a hundredth of it."""


class Delays:
    """All trials of one scheme as a function of the delete delay.

    Parameters
    ----------
    scenario : Scenario
    index : int
        Of a scheme that has a delete delay.
    longest_us : int
        As for :class:`sim.study.curve.DelayFunction`.
    say : callable
        Called with a sentence before each trial.
    """

    def __init__(
        self,
        scenario: "Scenario",
        index: int,
        longest_us: int,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.scenario = scenario
        self.index = index
        self._trials = []
        for trial in range(scenario.trials):
            say(f"trial {trial + 1} of {scenario.trials}")
            self._trials.append(DelayFunction(scenario, index, trial, longest_us))

    def scheme_at(self, delay_us: int) -> SchemeResult:
        """What comes out at a delay."""
        scenario = with_delay(self.scenario, self.index, delay_us)
        trials = [trial(delay_us) for trial in self._trials]
        (scheme,) = collect(scenario, "exact", trials).schemes
        return scheme

    @property
    def reason(self) -> str:
        """Why delays come off curves, or are simulated."""
        return self._trials[0].reason

    @property
    def is_curve(self) -> bool:
        """Whether longer delays than the shortest few come off curves in every trial."""
        return all(trial.base_us is not None for trial in self._trials)

    @property
    def critical_us(self) -> int | None:
        """Largest critical delay of all trials; None if one has no curve."""
        found = [trial.critical_us for trial in self._trials]
        known = [critical_us for critical_us in found if critical_us is not None]
        return max(known) if len(known) == len(found) else None


def fraction_of(scheme: SchemeResult, outcome: str, query: str | None = None) -> float:
    """Fraction of queries with an outcome, over all trials; nan if nothing was asked.

    Parameters
    ----------
    scheme : SchemeResult
    outcome : str
        An outcome, or "failed".
    query : str or None
        Name of a query class; None takes all together.

    Raises
    ------
    ValueError
        If there is no outcome or class of that name; the message names the nearest.
    """
    names = [own.name for own in scheme.trials[0].classes]
    for what, name, valid in (
        ("outcome", outcome, [*OUTCOMES, FAILED]),
        ("query", query, [*names]),
    ):
        if name is not None and name not in valid:
            hint = did_you_mean(name, valid)
            raise ValueError(f"{what}={name!r} must {one_of(valid)}{hint and f'; {hint}'}")
    wanted = FAILING if outcome == FAILED else (outcome,)
    return estimate(scheme, wanted, query).interval.fraction


def least_delay_us(
    known: Sequence[tuple[int, SchemeResult]],
    between: Callable[[], Delays],
    fraction: float,
    outcome: str,
    query: str | None = None,
) -> int | None:
    """The shortest delay from which on an outcome is at most so frequent in the trials.

    Parameters
    ----------
    known : sequence of (int, SchemeResult)
        Delays, µs, rising, with what came out there; at least one.
    between : callable
        Gives what answers other delays; called only if there is a delay to be found between two
        that are known.
    fraction : float
        In [0, 1].
    outcome, query
        As for :func:`fraction_of`.

    Returns
    -------
    int or None
        µs: exact where delays come off curves, at most a second or a hundredth too long where each
        is simulated. The shortest known delay if all meet the fraction, None if the longest does
        not.

    Raises
    ------
    ValueError
        If ``fraction``, ``outcome`` or ``query`` is none, or nothing was tried that may have had
        the outcome, so that its absence says nothing.
    """
    if not 0.0 <= fraction <= 1.0:
        raise ValueError(f"fraction={fraction!r} must be in [0, 1]")
    found = [fraction_of(scheme, outcome, query) for _, scheme in known]
    # A long delay may let no deletion happen; the shortest shows what can be tried.
    reason = lacking(known[0][1].exercised, is_gap=outcome in GAPS)
    if reason:
        raise ValueError(f"no delay is known to be enough: {reason}")
    enough = len(found)
    while enough and found[enough - 1] <= fraction:
        enough -= 1
    if enough in (0, len(found)):
        return None if enough else known[0][0]
    low_us, high_us = known[enough - 1][0], known[enough][0]
    function = between()
    while high_us - low_us > _step_us(function, high_us):
        middle_us = (low_us + high_us) // 2
        if fraction_of(function.scheme_at(middle_us), outcome, query) <= fraction:
            high_us = middle_us
        else:
            low_us = middle_us
    return high_us


def _step_us(function: Delays, delay_us: int) -> int:
    return 1 if function.is_curve else max(US_PER_S, delay_us // SIMULATED_PART)
