"""What shows that something was seen: one small value per kind, found while a trial is judged.

A witness is data; ``report/sentences.py`` words it. Judges leave one for every query class and
outcome that a trial saw, so that nothing needs to be simulated again to show it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.outcomes import Hazards
from sim.scenario.schema import QueryClass

__all__ = [
    "Counted",
    "DrawnOnly",
    "Exceeded",
    "FailedRead",
    "Measured",
    "MissingData",
    "QueryWitness",
    "Seen",
    "TooMany",
    "Unexplained",
    "Witness",
    "witnesses",
]

_LAST_UNIFORM: Final = 1.0 - 2.0**-53


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRead:
    """Queries for all streams that arrive in [at_us, until_us) read a block that is gone."""

    query: str
    at_us: int
    until_us: int
    stream: int
    gateway: int
    block: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingData:
    """Queries for all streams that arrive in [at_us, until_us) lack data of ``stream``."""

    query: str
    at_us: int
    until_us: int
    stream: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """Queries that arrive in [at_us, until_us) end so; no read and no block alone makes them.

    Where a query acts on readers it is one that was drawn, and the interval is its microsecond.
    """

    query: str
    at_us: int
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnOnly:
    """Only queries that draw some of the streams, or their replicas, can have the outcome."""

    query: str


QueryWitness = FailedRead | MissingData | Unexplained | DrawnOnly


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Something beside the queries was observed so often."""

    count: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one trial saw."""

    trial: int
    seed: int
    what: QueryWitness | Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """The fraction that breaks a bound, with its interval, and what the worst trial saw of it."""

    fraction: float
    low: float
    high: float
    worst: Seen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TooMany:
    """The number of observations that breaks a bound, and the trial with most of them."""

    total: float
    worst: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The measure that breaks a bound, in its unit, and the trial that breaks it most.

    ``value`` is the mean over trials with its interval, or the largest of all, which has none: its
    ``low`` and ``high`` are ``value``.
    """

    unit: str
    value: float
    low: float
    high: float
    worst_trial: int
    worst_seed: int
    worst_value: float


Witness = Seen | Exceeded | TooMany | Measured


def witnesses(
    exposure: Exposure, hazards: Hazards, fractions: Mapping[str, float]
) -> dict[str, QueryWitness]:
    """Find what shows each outcome but ``ok`` that queries of a class had in a trial.

    Parameters
    ----------
    exposure : Exposure
    hazards : Hazards
        Of queries for all streams, of the longest duration, see ``whole.whole_hazards``.
    fractions : Mapping
        By outcome.

    Returns
    -------
    dict
        By outcome, where the fraction is above 0: the first place at which it is met.
    """
    seen = [o for o, fraction in fractions.items() if o != "ok" and fraction > 0]
    return {outcome: _first(exposure, hazards, outcome) for outcome in seen}


def _first(exposure: Exposure, hazards: Hazards, outcome: str) -> QueryWitness:
    timelines, name = exposure.timelines, exposure.query_class.name
    for start, end, found in zip(hazards.start_us, hazards.end_us, hazards.outcome, strict=True):
        at_us = max(int(start), timelines.warmup_us)
        until_us = min(int(end), timelines.horizon_us)
        if found == outcome and at_us < until_us:
            return _cause(exposure, at_us, until_us)
    return DrawnOnly(query=name)


def _cause(exposure: Exposure, at_us: int, until_us: int) -> QueryWitness:
    """Name a read that fails for a query that arrives at ``at_us``, else data that is missing."""
    query_class, failures = exposure.query_class, exposure.failures
    name = query_class.name
    takes_us = longest_us(query_class, exposure.timelines.horizon_us)
    start_us, end_us = failures.during(takes_us)
    rows = np.flatnonzero((start_us <= at_us) & (at_us < end_us))
    if len(rows):
        row = rows[np.lexsort((failures.block[rows], failures.gateway[rows]))[0]]
        if failures.gateway[row] == exposure.timelines.n_gateways:
            stream = int(failures.stream[row])
            return MissingData(query=name, at_us=at_us, until_us=until_us, stream=stream)
        return FailedRead(
            query=name,
            at_us=at_us,
            until_us=until_us,
            stream=int(failures.stream[row]),
            gateway=int(failures.gateway[row]),
            block=exposure.timelines.blocks.id[int(failures.block[row])],
        )
    missing = exposure.missing(takes_us)
    rows = np.flatnonzero((missing.start <= at_us) & (at_us < missing.end))
    if len(rows):
        stream = int(missing.group[rows].min())
        return MissingData(query=name, at_us=at_us, until_us=until_us, stream=stream)
    return Unexplained(query=name, at_us=at_us, until_us=until_us)


def longest_us(query_class: QueryClass, horizon_us: int) -> int:
    """How long a query of the class may read, as far as the horizon lets it matter."""
    law = query_class.takes
    return law.draw_us(0.5) if law.is_constant else min(horizon_us, law.draw_us(_LAST_UNIFORM))
