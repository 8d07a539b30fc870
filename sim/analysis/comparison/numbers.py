"""A result as plain numbers, trial by trial: all that a comparison needs, and a document keeps.

They are made of a result here, and read back from its document by ``report/reading.py``; both ways
give the same numbers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sim import __version__
from sim.analysis.estimators import Interval
from sim.analysis.results import Result, SchemeResult, estimate, fractions_per_trial
from sim.analysis.totals import flat_counts
from sim.scenario.metrics import METRICS
from sim.scenario.schema import OUTCOMES

__all__ = ["Numbers", "OutcomeNumbers", "SchemeNumbers", "numbers_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeNumbers:
    """How often queries had one outcome.

    Attributes
    ----------
    interval : Interval
        Fraction over all trials.
    per_trial : tuple of float
        Fraction in each trial, in order; nan where nothing was asked.
    """

    interval: Interval
    per_trial: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeNumbers:
    """One scheme.

    Attributes
    ----------
    name, digest : str
        The digest is over the traces of its trials.
    world_digest : str
        Fingerprint of all that decides its trials but their seeds: the scenario with this scheme
        alone.
    outcomes : Mapping of str or None to Mapping of str to OutcomeNumbers
        By query class, None being all of them together, and by outcome.
    counts : Mapping of str to tuple of float
        By metric, of each trial, in order; nan where a trial has none.
    """

    name: str
    digest: str
    world_digest: str
    outcomes: Mapping[str | None, Mapping[str, OutcomeNumbers]]
    counts: Mapping[str, tuple[float, ...]]

    @property
    def queries(self) -> tuple[str, ...]:
        """Names of the query classes."""
        return tuple(query for query in self.outcomes if query is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A whole result; its trials have the seeds from ``seed`` on."""

    scenario: str
    scenario_digest: str
    seed: int
    trials: int
    version: str
    mode: str
    digest: str
    schemes: tuple[SchemeNumbers, ...]


def numbers_of(result: Result) -> Numbers:
    """Give the numbers of a result."""
    scenario = result.scenario
    return Numbers(
        scenario=scenario.name,
        scenario_digest=scenario.digest,
        seed=scenario.seed,
        trials=scenario.trials,
        version=__version__,
        mode=result.mode,
        digest=result.digest,
        schemes=tuple(_scheme(result, scheme) for scheme in result.schemes),
    )


def _scheme(result: Result, scheme: SchemeResult) -> SchemeNumbers:
    classes = (None, *(query_class.name for query_class in result.scenario.queries))
    found = [dict(flat_counts(trial.counts)) for trial in scheme.trials]
    return SchemeNumbers(
        name=scheme.name,
        digest=scheme.digest,
        world_digest=result.scenario.model_copy(
            update={"schemes": (result.scenario.schemes[scheme.index],)}
        ).digest,
        outcomes={query: _outcomes(scheme, query) for query in classes},
        counts={
            name: tuple(counts.get(name, math.nan) for counts in found)
            for name in METRICS
            if any(name in counts for counts in found)
        },
    )


def _outcomes(scheme: SchemeResult, query: str | None) -> dict[str, OutcomeNumbers]:
    return {
        outcome: OutcomeNumbers(
            interval=estimate(scheme, (outcome,), query).interval,
            per_trial=tuple(fractions_per_trial(scheme, (outcome,), query)[0].tolist()),
        )
        for outcome in OUTCOMES
    }
