"""What a run will take: records, events, memory and time, from the scenario alone.

Closed forms over a handful of numbers: no world is built, so that a scenario of 10^9 producers
is estimated as fast as one of ten. Records can be counted and are estimated well; memory and
time follow from them by measured costs. `tests/unit/test_effort.py` holds the estimates against
the worlds of ``scenarios/``; ``python -m tests.costs`` measures the costs again.
"""

import math
from dataclasses import dataclass
from typing import Final

from sim.analysis.effort.sizes import Sizes, sizes
from sim.core.units import US_PER_S
from sim.scenario.language.tables import DOWNSAMPLED_SPANS_US
from sim.scenario.schema import Scenario

__all__ = ["Effort", "busy_share", "effort", "effort_of", "sweep_share"]

# Costs: measured on 2026-11-24 with CPython 3.11 on a shared x86-64 machine, by
# `python -m tests.costs`. Bytes are peaks of resident memory, seconds are of one CPU.
_PROGRAM_BYTES: Final = 75e6
_RECORD_BYTES: Final = 300.0
_BLOCK_BYTES: Final = 1_000.0
_OBJECT_BYTES: Final = 160.0
_VERSION_BYTES: Final = 500.0
_LAG_BYTES: Final = 300.0
_HOLDING_BYTES: Final = 110.0
_ACTOR_BYTES: Final = 5_000.0
_FAULT_BYTES: Final = 1_500.0
_RESULT_BYTES: Final = 6_000.0
_SAMPLED_BYTES: Final = 250e6
_DRAWN_BYTES: Final = 40.0
_EVENT_S: Final = 15e-6
_RECORD_S: Final = 10e-6
_HOLDING_S: Final = 1e-6
_OBJECT_S: Final = 1.5e-6
_ARRIVAL_S: Final = 50e-9
_DRAW_S: Final = 5e-9
_EVALUATION_S: Final = 0.5e-6
_BIT_S: Final = 1.25e-11
_FAULT_S: Final = 50e-9
_TRIAL_S: Final = 0.02
_CLASS_S: Final = 0.02

_ASKED_TOGETHER: Final = 50.0
"""Blocks of which one failing request aborts a sync; how many there are decides little."""

_MEETING: Final = 0.01
"""Share of arrivals that meet something that may fail, and so draw their streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What running takes, about.

    Attributes
    ----------
    records, events : float
        Of one trial of one scheme: lines of its trace, and steps of its actors.
    all_events : float
        Records and steps of all schemes and trials; what is done as vectors counts by its time.
    memory_bytes : float
        Of one process that runs one trial after the other.
    results_bytes : float
        Of the results of all trials, in the process that collects them.
    cpu_s : float
        Of all schemes and trials, in seconds of one CPU.
    """

    records: float
    events: float
    all_events: float
    memory_bytes: float
    results_bytes: float
    cpu_s: float

    def total_bytes(self, workers: int) -> float:
        """Memory of a run in that many processes, with its results."""
        return workers * self.memory_bytes + self.results_bytes


def effort(scenario: Scenario, *, mode: str = "exact", schemes: int | None = None) -> Effort:
    """Estimate what a run takes.

    Parameters
    ----------
    scenario : Scenario
    mode : "exact" or "sampled"
        As for `sim.study.run.run_scenario`.
    schemes : int or None
        How many of the schemes are run; None is all of them.

    Returns
    -------
    Effort
    """
    return effort_of(sizes(scenario, schemes=schemes), mode)


def busy_share(scenario: Scenario) -> float:
    """Share of the run for which the busiest compactor has work; above 1 it never catches up.

    What a compaction and a downsampling take counts, not the syncs between them.
    """
    n = sizes(scenario)
    wanted, _ = _wanted(n)
    streams = math.ceil(n.producers * n.rivals / n.compactors)
    at_a_time = min(scenario.compactor.n_workers, streams)
    return wanted / n.producers * streams * n.work_us / (at_a_time * n.horizon_us)


def sweep_share(scenario: Scenario, scheme_index: int) -> float:
    """Objects that come to be deleted, for each that ``delete.rate`` lets go; 0 without a rate.

    Above 1 more and more of them are left. Marks count where blocks have them.
    """
    scheme = scenario.schemes[scheme_index].composed
    if scheme.delete.rate_per_s is None:
        return 0.0
    n = sizes(scenario)
    _, _, retired = _blocks(n)
    objects = n.chunk_files + 2.0 + (scheme.record.kind == "mark")
    return retired * objects / (scheme.delete.rate_per_s * n.horizon_us / US_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """How many there are in one trial; `first` are the blocks of producers."""

    objects: float
    first: float
    made: float
    retired: float
    puts: float
    attempts: float
    failed_puts: float
    syncs: float
    loads: float
    drops: float
    versions: float
    holdings: float
    absences: float
    arrivals: float

    @property
    def blocks(self) -> float:
        return self.first + self.made


def effort_of(n: Sizes, mode: str = "exact") -> Effort:
    """Estimate from the sizes; in floats, which reach from one record to 10^300."""
    c = _counts(n, mode)
    passes = n.compactors * _times(n, n.pass_us)
    records = (
        1.0
        + c.blocks * (1.0 + c.puts)
        + c.attempts * (1.0 + c.failed_puts)
        + c.made
        + c.retired * (2.0 + (1.0 if n.marks else 0.0))
        + c.loads
        + c.drops
        + n.gateways
        + (c.syncs + passes) * (1.0 - (1.0 - n.failing) ** _ASKED_TOGETHER)
    )
    events = (
        c.blocks * c.puts
        + c.attempts
        + c.syncs
        + 2.0 * passes
        + n.compactors * _times(n, n.cleanup_us)
        + c.made
        + n.producers
        + n.faults * 2.0
    )
    vectors_s = _vectors_s(n, c, events)
    runs = n.trials * n.schemes
    return Effort(
        records=records,
        events=events,
        all_events=runs * (records + events + vectors_s / _EVENT_S),
        memory_bytes=_memory_bytes(n, c, records),
        results_bytes=runs * _RESULT_BYTES,
        cpu_s=runs * (_TRIAL_S + events * _EVENT_S + records * _RECORD_S + vectors_s),
    )


def _counts(n: Sizes, mode: str) -> _Counts:
    objects = n.chunk_files + 2.0
    first, made, retired = _blocks(n)
    attempts = _attempts(n, first, objects)
    takes_time, fails = n.upload_us >= 1.0, n.failing > 0.0 or n.fault_attempts > 0.0
    # An upload that takes time, or may fail, acknowledges its objects one by one.
    puts = objects if fails else min(objects, n.upload_us) if takes_time else 1.0
    loads, drops = _noticed(n, first, made, retired)
    has_versions = n.has_lags or n.legs > 0.0 or fails or takes_time
    per_shard = n.gateways / n.shards
    return _Counts(
        objects=objects,
        first=first,
        made=made,
        retired=retired,
        puts=puts,
        attempts=attempts,
        # As many objects of a failed attempt are put before it fails.
        failed_puts=min(objects, (1.0 - n.failing) / n.failing) if n.failing else 0.0,
        syncs=n.gateways * _times(n, n.sync_us),
        loads=loads,
        drops=drops,
        versions=(first + made + attempts + retired) * objects if has_versions else 0.0,
        holdings=per_shard * (first + made + first * (1.0 + len(n.ranges_us))),
        absences=per_shard * retired * n.chunk_files,
        arrivals=n.rate_per_s * n.horizon_us / US_PER_S if mode == "sampled" or n.fills else 0.0,
    )


def _copies(n: Sizes) -> float:
    """Replicas that show a change when they like, and messages that decide when they do."""
    return (n.replicas if n.has_lags or n.legs else 0.0) + n.legs


def _memory_bytes(n: Sizes, c: _Counts, records: float) -> float:
    return (
        _PROGRAM_BYTES
        + records * _RECORD_BYTES
        + c.blocks * _BLOCK_BYTES
        + (n.chunk_files + c.blocks * 0.1 * n.chunk_files + c.absences) * _OBJECT_BYTES
        + c.versions * (_VERSION_BYTES + _copies(n) * _LAG_BYTES)
        + c.holdings * _HOLDING_BYTES
        + (n.producers + n.compactors + n.gateways) * _ACTOR_BYTES
        + n.faults * _FAULT_BYTES
        + n.drawn * _DRAWN_BYTES
        + (_SAMPLED_BYTES * min(1.0, c.arrivals / 1e6) if n.drawn else 0.0)
    )


def _vectors_s(n: Sizes, c: _Counts, events: float) -> float:
    """Time for what is neither a record nor a step."""
    return (
        n.classes * (_CLASS_S + c.holdings * _HOLDING_S)
        + (c.versions * (1.0 + _copies(n)) + c.absences + c.blocks * c.objects) * _OBJECT_S
        # Sets of objects are numbers of as many bits, copied at each change.
        + (c.versions + c.blocks * c.objects) * c.objects * _BIT_S
        + c.arrivals * (_EVALUATION_S if n.drawn else _ARRIVAL_S)
        + c.arrivals * _MEETING * n.drawn**2 * _DRAW_S
        + (n.producers + n.gateways + events) * n.faults * _FAULT_S
    )


def _times(n: Sizes, interval_us: float) -> float:
    """How often something with that mean interval happens; 0 for no interval."""
    return n.horizon_us / interval_us if interval_us else 0.0


def _blocks(n: Sizes) -> tuple[float, float, float]:
    """Blocks of producers, blocks made of them, and how many of all are retired."""
    ready_us = max(0.0, n.horizon_us - n.upload_after_us)
    first = n.producers * math.floor(ready_us / max(n.block_length_us, n.upload_us))
    wanted, counts = _wanted(n)
    made = min(wanted, n.hands * _times(n, n.work_us)) if n.work_us else wanted
    share = made / wanted if wanted else 0.0
    # What the next range is made of goes; so does, with a retention, what is too old.
    spans_us = (n.block_length_us, *n.ranges_us)
    merged = sum(c * spans_us[i + 1] / spans_us[i] for i, c in enumerate(counts)) * share
    retired = min(first + made, merged)
    if n.retention_us:
        left = first + made - retired
        retired += left * max(0.0, 1.0 - n.retention_us / n.horizon_us)
    # Those who work on one stream may each make it all, and one of each is enough.
    again = (n.rivals - 1.0) * made
    return first, made + again, retired + again


def _wanted(n: Sizes) -> tuple[float, list[float]]:
    """Blocks that compactors would make if they kept up; of each range, those of raw samples."""
    ready_us = max(0.0, n.horizon_us - n.upload_after_us - n.block_length_us)
    counts = [float(n.producers * math.floor(ready_us / range_us)) for range_us in n.ranges_us]
    floors = DOWNSAMPLED_SPANS_US if n.downsampling else ()
    coarse = [
        sum(c for c, range_us in zip(counts, n.ranges_us, strict=True) if range_us >= floor_us)
        for floor_us in floors
    ]
    return sum(counts) + sum(coarse), counts


def _attempts(n: Sizes, first: float, objects: float) -> float:
    """Uploads of producers that fail."""
    most = n.producers * _times(n, n.retry_us)
    chance = 1.0 - (1.0 - n.failing) ** objects
    again = first * chance / (1.0 - chance) if chance < 1.0 else most
    return min(most, again + n.producers * n.fault_attempts)


def _noticed(n: Sizes, first: float, made: float, retired: float) -> tuple[float, float]:
    """Syncs of gateways that load something, and that drop something."""
    slots = _times(n, n.sync_us)
    instants = first / n.shards if n.is_spread else first / n.producers

    def occupied(news: float) -> float:
        return slots * -math.expm1(-news / slots) if slots else 0.0

    loads, drops = occupied(instants + made / n.shards), occupied(min(retired, made) / n.shards)
    return n.gateways * loads, n.gateways * drops
