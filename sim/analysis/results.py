"""What trials amount to: the value that runs hand to judges and reports, and sums over it.

A :class:`TrialResult` is one scheme in one trial, small enough to cross a process boundary; a
:class:`Result` is all of them in a fixed order. Nothing here knows how they were computed, in how
many processes, or how they will be shown.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.analysis.estimators import Interval, fraction_interval
from sim.analysis.evidence.exercised import Exercised
from sim.analysis.queries.outcomes import Bound, added
from sim.analysis.sequences import Precision, sequence_interval
from sim.core.strata import GROUPS
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.curve.critical import CriticalSample
    from sim.analysis.evidence.deletion_story import Story
    from sim.analysis.queries.outcomes import ClassOutcome
    from sim.scenario.schema import Scenario

__all__ = [
    "Estimate",
    "Result",
    "SchemeResult",
    "TrialResult",
    "bound_of",
    "collect",
    "digest_of",
    "estimate",
    "fraction_of_trial",
    "fractions_per_trial",
    "proofs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """One scheme in one trial, over [warm-up, horizon).

    Attributes
    ----------
    scheme, trial : int
        Ordinals in the scenario, from 0.
    seed : int
        Seed of the trial: the scenario's seed + ``trial``.
    digest : str
        SHA-256 of the trace, hexadecimal.
    records : int
        Records in the trace.
    classes : tuple of ClassOutcome
        One per query class, in the scenario's order.
    counts : dict
        What was observed beside the queries; leaves are numbers.
    garbage_byte_seconds : float
        Integral over time of the bytes that are retired but still stored.
    garbage_parts : tuple of float
        Mean bytes that are retired but still stored in each of equal parts, see ``warmup.py``.
    window_count : int
        Deletions a gateway could have met: pairs of a loaded block and its first absence.
    windows_us : tuple of int
        Sorted sample of the lengths of their error windows, see ``windows.window_sample``.
    exercised : Exercised
        What of all that may fail was tried at all.
    story : Story or None
        The deletion that a reader outlasted for longest, see ``explain.told``.
    critical : tuple of CriticalSample
        Per query class, the delete delays that would just have been long enough; none where a
        delay is no matter of when a block goes.
    """

    scheme: int
    trial: int
    seed: int
    digest: str
    records: int
    classes: "tuple[ClassOutcome, ...]"
    counts: dict[str, Any]
    garbage_byte_seconds: float
    window_count: int = 0
    windows_us: tuple[int, ...] = ()
    exercised: Exercised = field(default_factory=Exercised)
    story: "Story | None" = None
    critical: "tuple[CriticalSample, ...]" = ()
    garbage_parts: tuple[float, ...] = ()

    def __repr__(self) -> str:
        place = f"scheme={self.scheme}, trial={self.trial}, seed={self.seed}"
        return f"<TrialResult {place}, {self.records:,} records, {_short(self.digest)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeResult:
    """One scheme over all trials, in order; ``digest`` is over the digests of the trials.

    ``precision`` is what decided the number of trials; None if they were counted beforehand.
    ``groups``: how many groups of trials are independent of each other; 0 if all trials are.
    """

    index: int
    name: str
    kind: str
    digest: str
    trials: tuple[TrialResult, ...]
    precision: Precision | None = None
    groups: int = 0

    @property
    def exercised(self) -> Exercised:
        """What was tried, over all trials."""
        return sum((trial.exercised for trial in self.trials), Exercised())

    def __repr__(self) -> str:
        classes = [c for trial in self.trials for c in trial.classes if c.queries]
        asked = math.fsum(c.queries for c in classes)
        outcomes = dict.fromkeys(outcome for c in classes for outcome in c.fractions)
        hits = {o: math.fsum(c.queries * c.fractions[o] for c in classes) for o in outcomes}
        seen = "".join(f", {o} {n / asked:.3g}" for o, n in hits.items() if n)
        count = len(self.trials)
        runs = f"{count} {'trial' if count == 1 else 'trials'}, {asked:,.0f} queries"
        return f"<SchemeResult {self.name!r} ({self.kind}), {runs}{seen}, {_short(self.digest)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All schemes that ran, in the scenario's order; ``digest`` is over the schemes' digests.

    ``precision`` is as for a scheme.
    """

    scenario: "Scenario"
    mode: str
    digest: str
    schemes: tuple[SchemeResult, ...]
    precision: Precision | None = None

    def __repr__(self) -> str:
        title = f"<Result {self.scenario.name!r}, {self.mode}, {_short(self.digest)}"
        return "\n  ".join([title, *map(repr, self.schemes)]) + ">"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Fraction of queries with some outcome, over all trials.

    Attributes
    ----------
    interval : Interval
        Fraction with its 95 % interval over trials and the method that made it.
    expected : float
        Number of such queries, summed over trials.
    seen_in_trials : int
        Trials in which the fraction was above zero.
    """

    interval: Interval
    expected: float
    seen_in_trials: int


def _short(digest: str) -> str:
    """Beginning of a digest, enough to tell two apart at a glance."""
    return f"digest {digest[:8]}"


def digest_of(digests: Iterable[str]) -> str:
    """SHA-256, in hexadecimal, over digests in order, one a line."""
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def collect(
    scenario: "Scenario",
    mode: str,
    trials: Sequence[TrialResult],
    precision: Precision | None = None,
) -> Result:
    """Put trial results in any order together; schemes and trials come out in order."""
    ordered = sorted(trials, key=lambda result: (result.scheme, result.trial))
    schemes = []
    for index in sorted({result.scheme for result in ordered}):
        own = tuple(result for result in ordered if result.scheme == index)
        spec = scenario.schemes[index]
        digest = digest_of(result.digest for result in own)
        schemes.append(
            SchemeResult(
                index=index,
                name=spec.name,
                kind=spec.kind,
                digest=digest,
                trials=own,
                precision=precision,
                groups=GROUPS if scenario.is_spread else 0,
            )
        )
    return Result(
        scenario=scenario,
        mode=mode,
        digest=digest_of(scheme.digest for scheme in schemes),
        schemes=tuple(schemes),
        precision=precision,
    )


def fractions_per_trial(
    scheme: SchemeResult, outcomes: Iterable[str], query: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Fraction of queries that had one of ``outcomes``, and number of queries, trial by trial.

    Parameters
    ----------
    scheme : SchemeResult
    outcomes : iterable of str
        Their fractions are added: outcomes exclude each other.
    query : str or None
        One class only; None weighs all classes by their number of queries.

    Returns
    -------
    fractions, queries : float64 arrays of shape (n_trials,)
        ``fractions`` is nan where a trial had no queries.
    """
    wanted = tuple(outcomes)
    found = [fraction_of_trial(trial, wanted, query) for trial in scheme.trials]
    return np.array([f for f, _ in found], np.float64), np.array([n for _, n in found], np.float64)


def fraction_of_trial(
    trial: TrialResult, outcomes: Sequence[str], query: str | None = None
) -> tuple[float, float]:
    """The same of one trial: its fraction, nan without queries, and its number of queries."""
    classes = [c for c in trial.classes if query is None or c.name == query]
    total = math.fsum(c.queries for c in classes)
    if len(classes) == 1 and total:
        # One class needs no weighing, and 0.3 stays 0.3.
        return math.fsum(classes[0].fractions[o] for o in outcomes), total
    hits = math.fsum(c.queries * c.fractions[o] for c in classes if c.queries for o in outcomes)
    return (hits / total if total else math.nan), total


def estimate(scheme: SchemeResult, outcomes: Iterable[str], query: str | None = None) -> Estimate:
    """Estimate the fraction of queries with one of ``outcomes``; nan if there were no queries."""
    wanted = tuple(outcomes)
    fractions, queries = fractions_per_trial(scheme, wanted, query)
    asked = queries > 0
    return Estimate(
        interval=_interval(scheme, wanted, query),
        expected=math.fsum(fractions[asked] * queries[asked]),
        seen_in_trials=int((fractions[asked] > 0).sum()),
    )


def proofs(scheme: SchemeResult, outcome: str, query: str | None = None) -> str:
    """What proves of every trial that no query has an outcome; empty if nothing does.

    ``query`` is one class; None means all of them.

    Rules speak of delays and laws, so they say the same of every trial.
    """
    bounds = [bound_of(trial, (outcome,), query) for trial in scheme.trials]
    found = dict.fromkeys(bound.proof for bound in bounds)
    return "; ".join(found) if all(found) else ""


def _interval(scheme: SchemeResult, outcomes: tuple[str, ...], query: str | None) -> Interval:
    fractions, queries = fractions_per_trial(scheme, outcomes, query)
    if "ok" in outcomes:
        # What is known is known of the outcomes that are not ok: of their sum, from below.
        others = tuple(o for o in OUTCOMES if o not in outcomes)
        rest = _interval(scheme, others, query)
        fraction = fraction_interval(fractions, queries).fraction
        return Interval(
            fraction,
            min(1.0 - rest.high, fraction),
            max(1.0 - rest.low, fraction),
            rest.method,
        )
    bounds = [bound_of(trial, outcomes, query) for trial in scheme.trials]
    if scheme.precision is not None:
        goal = scheme.precision.goal_of(outcomes, query)
        return sequence_interval(fractions, queries, bounds, scheme.precision, goal)
    groups = [trial.trial % scheme.groups for trial in scheme.trials] if scheme.groups else None
    return fraction_interval(fractions, queries, bounds, groups)


def bound_of(trial: TrialResult, outcomes: Iterable[str], query: str | None) -> Bound:
    """What is known of several outcomes, of one class or of all weighed by their queries."""
    classes = [c for c in trial.classes if c.queries and query in (None, c.name)]
    total = math.fsum(c.queries for c in classes)
    return added(
        (c.queries / total, added((1.0, c.bounds.get(o, Bound())) for o in outcomes))
        for c in classes
    )
