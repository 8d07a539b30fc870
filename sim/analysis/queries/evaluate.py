"""From timelines to outcomes: the exact expectation, and the outcomes of sampled arrivals.

Both look at the world through :class:`sim.analysis.queries.exposure.Exposure`; neither changes it.
*Exact* measures the intervals of arrival times by outcome: no sampling noise, and a cost that does
not depend on the rate of queries. *Sampled* evaluates actual Poisson arrivals as vectors.
"""

from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np
import numpy.typing as npt

from sim.analysis.evidence.witness import QueryWitness, Unexplained, witnesses
from sim.analysis.queries import sampled
from sim.analysis.queries.bounds import class_bounds
from sim.analysis.queries.every_stream import whole_hazards, whole_pieces
from sim.analysis.queries.exposure import Exposure, exposures
from sim.analysis.queries.outcomes import CODE, ClassOutcome, Hazards, fractions_of_counts
from sim.analysis.queries.some_streams import some_streams_fractions
from sim.core.units import LONGEST_US, NEVER, US_PER_S
from sim.errors import Problem, ScenarioError
from sim.scenario.laws.text import law_to_raw
from sim.scenario.schema import OUTCOMES, QueryClass, Scenario
from sim.trace.timelines import Timelines

TAKES_SLICES = 32
"""Equally likely slices by which a law of query durations enters the exact expectation; each is
represented by its mean, so that what is linear in the duration stays exact."""


def evaluate_exact(
    scenario: Scenario, timelines: Timelines, exposed: Sequence[Exposure] | None = None
) -> tuple[ClassOutcome, ...]:
    """Expected fraction of each outcome for every query class, given the trace.

    A class of duration law is taken as :data:`TAKES_SLICES` equally likely durations. With an
    empty window [warm-up, horizon) there are no queries and every fraction is nan.

    Raises
    ------
    ScenarioError
        If a class has no exact expectation that can be worked out (:func:`inexact`).
    """
    if problems := inexact(scenario):
        raise ScenarioError(problems)
    return tuple(map(class_outcome, exposed or exposures(scenario, timelines)))


def inexact(scenario: Scenario) -> list[Problem]:
    """Say what *exact* cannot evaluate.

    Those are classes of durations without a finite mean, of which a few queries would stand for
    all of time, and worlds on which queries act, so that only those that are drawn can be judged.
    """
    acting = [
        Problem(
            f"schemes[{position}].miss",
            scheme.composed.misses.kind,
            "not let queries act on readers, to be evaluated exactly",
            "use --mode sampled",
        )
        for position, scheme in enumerate(scenario.schemes)
        if scheme.tries_again
    ]
    return acting + [
        Problem(
            f"queries[{position}].takes",
            law_to_raw(query_class.takes),
            "have a finite mean, to be evaluated exactly",
            "give it an at_most, or use --mode sampled",
        )
        for position, query_class in enumerate(scenario.queries)
        if not isfinite(query_class.takes.mean)
    ]


def evaluate_sampled(
    scenario: Scenario, timelines: Timelines, exposed: Sequence[Exposure] | None = None
) -> tuple[ClassOutcome, ...]:
    """Fraction of each outcome among the arrivals of the trial, for every query class."""
    streams = scenario.streams(timelines.seed)
    results = []
    for exposure in exposed or exposures(scenario, timelines):
        query_class = exposure.query_class
        counts = sampled.count_outcomes(exposure, streams)
        queries = float(counts.sum())
        bounds = class_bounds(exposure, durations_us(query_class))
        fractions = fractions_of_counts(counts)
        results.append(
            ClassOutcome(
                name=query_class.name,
                queries=queries,
                fractions=fractions,
                witnesses=_witnesses(exposure, fractions),
                bounds={outcome: bound.of_sample(queries) for outcome, bound in bounds.items()},
            )
        )
    return tuple(results)


def sample_outcomes(
    exposure: Exposure, start_us: int = 0, end_us: int = NEVER
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """Every arrival in [warm-up, horizon): its time in µs and its outcome as index of OUTCOMES.

    Those outside of [start_us, end_us) are left out.
    """
    return sampled.outcomes(exposure, exposure.streams, start_us, end_us)


def class_hazards(exposure: Exposure) -> Hazards:
    """When a query of the class that asks for all streams would not be ok, and what it would be.

    Where reads draw their replica, the worst that can happen counts.
    """
    return whole_hazards(exposure, worst_takes_us(exposure.query_class))


def worst_takes_us(query_class: QueryClass) -> int:
    """The longest duration by which a class enters the exact expectation, in µs."""
    return durations_us(query_class)[-1]


def class_outcome(exposure: Exposure, *, with_witnesses: bool = True) -> ClassOutcome:
    """Expected fraction of each outcome for one query class, as :func:`evaluate_exact`."""
    query_class, timelines = exposure.query_class, exposure.timelines
    length_us = timelines.horizon_us - timelines.warmup_us
    queries = query_class.rate_per_s * length_us / US_PER_S
    is_whole = exposure.n_drawn == exposure.n_streams and not exposure.draws_replicas
    measure = every_stream_fractions if is_whole else some_streams_fractions
    parts = [measure(exposure, takes_us) for takes_us in durations_us(query_class)]
    mean = np.mean(parts, axis=0) if length_us > 0 else np.full(len(OUTCOMES), np.nan)
    fractions = dict(zip(OUTCOMES, map(float, mean), strict=True))
    return ClassOutcome(
        name=query_class.name,
        queries=queries,
        fractions=fractions,
        witnesses=_witnesses(exposure, fractions) if with_witnesses else {},
        bounds=class_bounds(exposure, durations_us(query_class)),
    )


def _witnesses(exposure: Exposure, fractions: Mapping[str, float]) -> dict[str, QueryWitness]:
    """What shows each outcome that a class had; nothing is looked for where all was well."""
    seen = [outcome for outcome, fraction in fractions.items() if outcome != "ok" and fraction > 0]
    if not seen:
        return {}
    if exposure.tries_again:
        return _drawn_witnesses(exposure, seen)
    return witnesses(exposure, class_hazards(exposure), fractions)


def _drawn_witnesses(exposure: Exposure, seen: Sequence[str]) -> dict[str, QueryWitness]:
    """The first query of those drawn that had each outcome."""
    at_us, codes = sample_outcomes(exposure)
    first_us = {outcome: int(at_us[codes == CODE[outcome]][0]) for outcome in seen}
    name = exposure.query_class.name
    return {
        outcome: Unexplained(query=name, at_us=t_us, until_us=t_us + 1)
        for outcome, t_us in first_us.items()
    }


def every_stream_fractions(exposure: Exposure, takes_us: int) -> npt.NDArray[np.float64]:
    """Fractions, shape (6,) in the order of OUTCOMES, for queries that ask for all streams."""
    length_us = exposure.timelines.horizon_us - exposure.timelines.warmup_us
    totals = [0] * len(OUTCOMES)
    for spans, outcome in whole_pieces(exposure, takes_us):
        totals[OUTCOMES.index(outcome)] += spans.measure()
    totals[-1] = length_us - sum(totals)
    return np.array(totals) / max(length_us, 1)


def durations_us(query_class: QueryClass) -> list[int]:
    """Equally likely durations that stand for those of a class, in µs."""
    law = query_class.takes
    if law.is_constant:
        return [law.draw_us(0.5)]
    # As with a draw, what a heavy tail gives beyond the longest duration is cut there.
    return [int(min(mean_us + 0.5, LONGEST_US)) for mean_us in law.slice_means(TAKES_SLICES)]
