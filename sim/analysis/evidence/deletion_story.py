"""The story of one deletion, as data: who still read the block, what the store showed, who failed.

What a picture and a few sentences are made of. Nothing here draws or words anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.evidence.day import Day, day_around, day_of, stretch_of
from sim.analysis.evidence.windows import (
    absent_from_us,
    hidden_from_us,
    pick_deletion,
    replacement_of,
    windows_by_gateway,
)
from sim.analysis.queries.evaluate import class_hazards, sample_outcomes
from sim.analysis.queries.syncs import syncs
from sim.core.units import NEVER, US_PER_S
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.analysis.results import Result
    from sim.scenario.schema import Scenario
    from sim.trace.timelines import Timelines

__all__ = [
    "Absence",
    "Failures",
    "Hazard",
    "Load",
    "Story",
    "Tick",
    "story",
    "told",
    "told_deletion",
]

_ARRIVALS_MAX: Final = 2_000_000
_FAILURES_MAX: Final = 5_000
_SYNCS_MAX: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A gateway answers from the block in [start_us, end_us); ``crashed``: an outage ended it."""

    gateway: int
    start_us: int
    end_us: int
    crashed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A gateway synced in [start_us, end_us)."""

    gateway: int
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Some data object of the block is absent at ``replica`` in [start_us, end_us)."""

    replica: int
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """Queries of class ``query`` for all streams that arrive in [start_us, end_us) end so."""

    query: str
    start_us: int
    end_us: int
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Drawn queries of one class within a story that were not ok: their arrivals and outcomes.

    ``t_us`` is None where the class asks too often to draw its arrivals for a picture.
    """

    query: str
    t_us: tuple[int, ...] | None
    outcome: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One deletion from the block's retirement to the last reader, within [start_us, end_us).

    Times are absolute µs, NEVER for what did not happen. ``error_us`` is the longest error window
    any gateway had. From ``hidden_us`` on gateways ignore the block for its mark, if they look.
    ``replacement`` is the block that it was compacted into, or empty; ``syncs`` has those of the
    gateways that had the block.
    """

    scheme: str
    trial: int
    seed: int
    block: str
    stream: int
    start_us: int
    end_us: int
    retired_us: int
    retired_why: int
    marked_us: int
    absent_us: int
    error_us: int
    n_replicas: int
    loads: tuple[Load, ...]
    absences: tuple[Absence, ...]
    hazards: tuple[Hazard, ...]
    failures: tuple[Failures, ...]
    hidden_us: int = NEVER
    replacement: str = ""
    replacement_loads: tuple[Load, ...] = ()
    replacement_absences: tuple[Absence, ...] = ()
    syncs: tuple[Tick, ...] = ()
    day: Day | None = None


def story(
    scenario: "Scenario",
    timelines: "Timelines",
    exposed: "Sequence[Exposure]",
    *,
    scheme_index: int,
    trial: int,
    block: int,
    met_us: tuple[int, ...] = (),
) -> Story:
    """Tell the deletion of one block.

    Parameters
    ----------
    scenario : Scenario
    timelines : Timelines
        Of that scheme and trial.
    exposed : sequence of Exposure
        Of every query class to them.
    scheme_index, trial : int
        From 0.
    block : int
        Ordinal of the block, for example ``windows.pick_deletion``'s.
    met_us : tuple of int
        Instants that the stretch of time must show as well, for example those of a query.
    """
    blocks, marks = timelines.blocks, timelines.marks
    loads, absences = _loads_of(timelines, block), _absences_of(timelines, block)
    absent_us = int(absent_from_us(timelines)[block])
    retired_us = int(blocks.retired_us[block])
    moments = [retired_us, absent_us, *(load.end_us for load in loads)]
    if met_us:
        # What ended long before the query, or comes long after it, says nothing of it.
        soon_us = max(met_us) + 2 * int(min(scenario.gateways.sync_interval.mean, NEVER // 4))
        ends = [load.end_us for load in loads if load.end_us >= min(met_us)]
        moments = [*met_us, *(t for t in (retired_us, absent_us, *ends) if t <= soon_us)]
    start_us, end_us = stretch_of(moments, timelines.horizon_us)
    after = replacement_of(timelines, block)
    lengths_us = [w.length_us[w.block == block] for w in windows_by_gateway(timelines)]
    marked = marks.acknowledged_us[marks.block == block]
    return Story(
        scheme=scenario.schemes[scheme_index].name,
        trial=trial,
        seed=scenario.seed + trial,
        block=blocks.id[block],
        stream=int(blocks.stream[block]),
        start_us=start_us,
        end_us=end_us,
        retired_us=retired_us,
        retired_why=int(blocks.retired_why[block]),
        marked_us=int(marked.min()) if len(marked) else NEVER,
        absent_us=absent_us,
        error_us=max(int(length_us.max(initial=0)) for length_us in lengths_us),
        n_replicas=scenario.store.replicas,
        loads=tuple(load for load in loads if load.end_us > start_us and load.start_us < end_us),
        absences=tuple(a for a in absences if a.end_us > start_us and a.start_us < end_us),
        hazards=_hazards_within(exposed, start_us, end_us),
        failures=tuple(_failures(exposure, start_us, end_us) for exposure in exposed),
        hidden_us=hidden_from_us(timelines, block, scenario.schemes[scheme_index]),
        replacement="" if after is None else blocks.id[after],
        replacement_loads=() if after is None else tuple(_loads_of(timelines, after)),
        replacement_absences=() if after is None else tuple(_absences_of(timelines, after)),
        syncs=tuple(
            Tick(gateway=gateway, start_us=sync.start_us, end_us=sync.end_us)
            for gateway in sorted({load.gateway for load in loads})
            for sync in syncs(scenario, timelines, gateway, start_us, end_us)[:_SYNCS_MAX]
        ),
    )


def told(
    scenario: "Scenario",
    timelines: "Timelines",
    exposed: "Sequence[Exposure]",
    *,
    scheme_index: int,
    trial: int,
) -> Story | None:
    """Tell the deletion that a reader outlasted for longest, and the day around it.

    Without any, the first deletion, to show that readers let go first; None if there was none,
    or where queries act on readers, so that no interval of arrivals ends badly as a whole.
    """
    if any(exposure.tries_again for exposure in exposed):
        return None
    block = pick_deletion(timelines)
    if block is None:
        return None
    found = story(scenario, timelines, exposed, scheme_index=scheme_index, trial=trial, block=block)
    span = day_of(found.absent_us, timelines.horizon_us)
    hazards = _hazards_within(exposed, *span)
    return replace(found, day=day_around(scenario, timelines, hazards, span, found.stream))


def told_deletion(result: "Result") -> Story | None:
    """Pick the deletion that a reader outlasted for longest, in the first scheme that has one.

    Without any, that of the first scheme that deletes; None if nothing was deleted.
    """
    met = [
        max((trial for trial in scheme.trials if trial.story), key=lambda t: t.windows_us[-1:])
        for scheme in result.schemes
        if any(trial.story for trial in scheme.trials)
    ]
    if not met:
        return None
    return next((trial for trial in met if trial.windows_us[-1] > 0), met[0]).story


def _loads_of(timelines: "Timelines", block: int) -> list[Load]:
    """Times at which gateways answered from the block, by gateway and time."""
    loads = timelines.loads
    rows = np.flatnonzero(loads.block == block)
    found = [
        Load(
            gateway=int(loads.gateway[row]),
            start_us=int(loads.load_us[row]),
            end_us=int(loads.drop_us[row]),
            crashed=bool(loads.crashed[row]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda load: (load.gateway, load.start_us))


def _absences_of(timelines: "Timelines", block: int) -> list[Absence]:
    """Per replica, the union over objects of the times at which one is absent."""
    rows = timelines.absences.of(block)
    columns = (rows.replica, rows.start_us, rows.end_us)
    spans = sorted(zip(*(column.tolist() for column in columns), strict=True))
    merged: list[tuple[int, int, int]] = []
    for replica, start, end in spans:
        if merged and merged[-1][0] == replica and start <= merged[-1][2]:
            merged[-1] = (replica, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((replica, start, end))
    return [Absence(replica=r, start_us=start, end_us=end) for r, start, end in merged]


def _hazards_within(
    exposed: "Sequence[Exposure]", start_us: int, end_us: int
) -> tuple[Hazard, ...]:
    """Hazards of every class that touch [start_us, end_us), clipped to it."""
    found = []
    for exposure in exposed:
        hazards = class_hazards(exposure)
        found += [
            Hazard(
                query=exposure.query_class.name,
                start_us=max(int(start), start_us),
                end_us=min(int(end), end_us),
                outcome=str(outcome),
            )
            for start, end, outcome in zip(
                hazards.start_us, hazards.end_us, hazards.outcome, strict=True
            )
            if start < end_us and end > start_us
        ]
    return tuple(found)


def _failures(exposure: "Exposure", start_us: int, end_us: int) -> Failures:
    """Arrivals of one class in [start_us, end_us) whose outcome was not ok."""
    query_class = exposure.query_class
    # What comes before is counted, a sixteenth of the work of drawing it.
    before = query_class.rate_per_s * end_us / US_PER_S / 16
    within = query_class.rate_per_s * (end_us - start_us) / US_PER_S
    if before + within > _ARRIVALS_MAX:
        return Failures(query=query_class.name, t_us=None, outcome=())
    times, outcomes = sample_outcomes(exposure, start_us, end_us)
    rows = np.flatnonzero(outcomes != OUTCOMES.index("ok"))
    if len(rows) > _FAILURES_MAX:
        return Failures(query=query_class.name, t_us=None, outcome=())
    return Failures(
        query=query_class.name,
        t_us=tuple(int(t) for t in times[rows]),
        outcome=tuple(OUTCOMES[int(code)] for code in outcomes[rows]),
    )
