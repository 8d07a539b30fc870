"""What is known of outcomes that few trials show, or none: one :class:`Bound` per outcome.

Queries of one trial are not independent chances. What chance decides are the phases of readers,
the durations of work and the lags of the store; a *cluster* is a part of a trial on which they are
as good as new. It is the whole trial, unless the interval of the syncs is itself drawn: then a
reader's phase is forgotten after a while, and the trial falls into several. The largest damage
that one cluster can do follows from how long one deletion can fail queries
(``safety.shortfall_us``) and from how many there are.
"""

import math
from typing import Final

import numpy as np

from sim.analysis.evidence.windows import absent_from_us
from sim.analysis.intervals import Spans, intersect, merge
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.outcomes import Bound
from sim.analysis.queries.phases import failing_over_phases
from sim.analysis.rules.safety import proof, shortfall_us
from sim.analysis.theory.plain_worlds import is_one_draw, is_plain
from sim.scenario.schema import OUTCOMES, Scenario

__all__ = ["class_bounds", "forgotten_after_us"]

_LEFT: Final = 1e-3
"""How much of a reader's phase may still be remembered from one cluster to the next."""

_FAILING: Final = ("query-error", "partial-response", "warned")


def class_bounds(exposure: Exposure, takes_us: "list[int]") -> dict[str, Bound]:
    """What bounds each outcome but ``ok`` for one query class in one trial.

    Parameters
    ----------
    exposure : Exposure
        The class on the timelines of the trial.
    takes_us : list of int
        Equally likely durations of its queries.
    """
    scenario = exposure.scenario
    index = scenario.scheme_index(exposure.timelines.scheme)
    classes = (exposure.query_class,)
    proofs = {o: proof(scenario, index, o, classes) for o in OUTCOMES if o != "ok"}
    bounds = {outcome: Bound(proof=text) for outcome, text in proofs.items()}
    open_failing = [outcome for outcome in _FAILING if not proofs[outcome]]
    if not open_failing:
        return bounds
    clusters, most = _damage(exposure, shortfall_us(scenario, index, classes))
    for outcome in open_failing:
        bounds[outcome] = Bound(clusters=clusters, most=most)
    scheme = scenario.schemes[index]
    ties_readers = any(part.ties_readers for part in scheme.composed.primitives.values())
    is_free = not ties_readers and not any(scheme.obstacles(scenario))
    is_plainly_read = is_plain(scenario) and is_free and not exposure.tries_again
    if "query-error" in open_failing and is_plainly_read:
        over_phases = [failing_over_phases(exposure, takes) for takes in takes_us]
        known = [fraction for fraction in over_phases if fraction is not None]
        if len(known) == len(takes_us):
            bounds["query-error"] = Bound(
                clusters=clusters,
                most=most,
                over_phases=math.fsum(known) / len(known),
                is_certain=is_one_draw(scenario),
            )
    return bounds


def _damage(exposure: Exposure, shortfall_us: float) -> tuple[int, float]:
    """Clusters of the trial, and the largest share of one of them in which reads can fail."""
    timelines = exposure.timelines
    low, high = timelines.warmup_us, timelines.horizon_us
    if high <= low or math.isinf(shortfall_us):
        return 1, 1.0
    takes = exposure.query_class.takes.longest_us
    gone_us = np.unique(absent_from_us(timelines))
    gone_us = gone_us[gone_us < high]
    start = gone_us - int(min(takes, float(high)))
    end = start + int(min(shortfall_us, 2.0 * high))
    harmed = merge(np.maximum(start, low), np.minimum(end, high))
    memory_us = forgotten_after_us(exposure.scenario)
    parts = int((high - low) // memory_us) if memory_us < high - low else 1
    edges = np.linspace(low, high, parts + 1).astype(np.int64)
    shares = [
        intersect(harmed, Spans(edges[i : i + 1], edges[i + 1 : i + 2])).measure()
        / (int(edges[i + 1]) - int(edges[i]))
        for i in range(parts)
    ]
    # Neighbours share what is left of a phase at their border, so every other one counts.
    return max(1, parts // 2), max(shares)


def forgotten_after_us(scenario: Scenario) -> float:
    """Time after which a reader's syncs no longer tell where they were; inf if they always do.

    Returns
    -------
    float
        Where the interval of syncs is drawn with mean m and variance v, n syncs blur a phase
        until exp(-2 π² n v / m²) of its first Fourier coefficient is left: the time of as many
        syncs as leave one in a thousand, at least one. It must have a variance, and syncs must
        be shorter than it; else inf.

    Source
    ------
    Wrapped normal distribution: K. V. Mardia, P. E. Jupp, "Directional Statistics", 2000, 3.5.7.
    """
    gateways = scenario.gateways
    interval, takes = gateways.sync_interval, gateways.sync_takes
    mean, variance = interval.mean, interval.variance
    is_short = takes.longest_us <= interval.ppf(0.0) and not gateways.sync_takes_per_block_us
    if not 0.0 < variance < math.inf or not is_short:
        return math.inf
    syncs = -math.log(_LEFT) / (2.0 * math.pi**2) * mean**2 / variance
    return max(1.0, syncs) * mean
