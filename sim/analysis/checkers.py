"""What happened beside the queries: lost, dangling and leaked blocks, bytes, requests, delays.

Each number is defined in the docstring of the function that counts it. Statistics are over
[warm-up, horizon); what is counted *at the horizon* is the state at the end of the run.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.analysis.backlog import Backlog
from sim.analysis.damage import lost_data, unnoticed_us
from sim.analysis.leftovers import left_behind
from sim.analysis.overdue import Overdue
from sim.analysis.queries.exposure import Exposure, exposures
from sim.analysis.queue import Queue
from sim.conventions.placement import Shards
from sim.core.units import NEVER, US_PER_S
from sim.scenario.schema import Scenario
from sim.trace.records import REQUEST_KINDS, RETIRE_REASONS
from sim.trace.timelines import Ints, Timelines

SETTLE_US = 3600 * US_PER_S
"""A block that changed this shortly before the horizon may be under way, and is not judged."""

Counts = dict[str, float | dict[str, float]]


def observe(
    scenario: Scenario, timelines: Timelines, exposed: Sequence[Exposure] | None = None
) -> Counts:
    """Every count of one trial, by the names of ``scenario/metrics.py``.

    ``exposed`` is what other judges of the trial share, if there are any. ``stored-bytes`` and
    ``garbage-bytes`` are means over time. An empty window or sample gives 0 and ``n = 0``.
    ``backlog`` and ``compaction-wait`` are those of `sim.analysis.backlog`, ``sweep-backlog`` and
    ``deletion-wait`` those of `sim.analysis.overdue`. A reference dangles if
    all that the block had is gone at the horizon; they are counted where there are referrers, and
    what is left behind at the horizon where a bucket is copied.
    """
    counters = timelines.counters
    exposed = exposed or exposures(scenario, timelines)
    due = Backlog.of(scenario, timelines)
    referenced = ("dangling-reference", "re-references") if scenario.referrers else ()
    moved = observe_deletions(scenario, timelines, garbage_byte_seconds(timelines), exposed)
    return {
        "duplicate-compaction": counters["duplicate-compaction"],
        "compactor-halt": counters["compactor-halt"],
        "compactor-error": counters["compactor-error"],
        "lost-block": moved["lost-block"],
        "dangling-block": moved["dangling-block"],
        "leaked-block": moved["leaked-block"],
        "orphan-mark": counters["orphan-mark"],
        **{name: counters[name] for name in referenced},
        **{name: moved[name] for name in ("left-behind", "left-behind-bytes") if name in moved},
        "compactions": counters["compactions"],
        "stored-bytes": moved["stored-bytes"],
        "garbage-bytes": moved["garbage-bytes"],
        "requests": {kind: counters[f"requests.{kind}"] for kind in REQUEST_KINDS},
        "time-to-visible": time_to_visible(scenario, timelines),
        "retention-overshoot": moved["retention-overshoot"],
        "damage-found": moved["damage-found"],
        "backlog": _queued(due),
        "compaction-wait": _summary(due.waits_us),
        "sweep-backlog": moved["sweep-backlog"],
        "deletion-wait": moved["deletion-wait"],
    }


def _queued(due: Queue) -> dict[str, float]:
    """How much of something is due."""
    return {"mean": due.mean, "most": due.most, "last": due.last, "grows": int(due.grows)}


def grows(counts: Counts) -> bool:
    """Whether the backlog that was counted grows."""
    backlog = counts["backlog"]
    assert isinstance(backlog, dict)
    return bool(backlog["grows"])


def observe_deletions(
    scenario: Scenario,
    timelines: Timelines,
    garbage_byte_seconds: float,
    exposed: Sequence[Exposure],
) -> Counts:
    """Those of the counts of :func:`observe`, but for requests, that depend on when blocks go."""
    stored = _byte_seconds(timelines, timelines.blocks.committed_us)
    due = Overdue.of(scenario, timelines)
    seconds = max(timelines.horizon_us - timelines.warmup_us, 1) / US_PER_S
    return {
        **({} if scenario.store.replication is None else _left_behind(timelines)),
        "lost-block": lost_blocks(scenario, timelines),
        "dangling-block": int(_dangling(timelines).sum()),
        "leaked-block": leaked_blocks(scenario, timelines),
        "stored-bytes": stored / seconds,
        "garbage-bytes": garbage_byte_seconds / seconds,
        "retention-overshoot": retention_overshoot(scenario, timelines),
        "damage-found": damage_found(scenario, timelines, exposed),
        "sweep-backlog": _queued(due),
        "deletion-wait": _summary(due.waits_us),
    }


def _left_behind(timelines: Timelines) -> Counts:
    """Blocks that are gone from a bucket and stay in its copies, in each, and their bytes."""
    rows, _, n_chunks = left_behind(timelines)
    share = timelines.blocks.bytes[rows] // timelines.objects.chunk_files
    return {"left-behind": int(rows.size), "left-behind-bytes": float((share * n_chunks).sum())}


def garbage_byte_seconds(timelines: Timelines) -> float:
    """Bytes that are retired and still stored, integrated over [warm-up, horizon)."""
    return _byte_seconds(timelines, timelines.blocks.retired_us)


def lost_blocks(scenario: Scenario, timelines: Timelines) -> int:
    """How many blocks :func:`sim.analysis.damage.lost_data` finds."""
    return int(lost_data(scenario, timelines)[0].size)


def _dangling(timelines: Timelines) -> npt.NDArray[np.bool_]:
    """At the horizon, something is left of the block, not all of it, and nobody is at it."""
    blocks = timelines.blocks
    is_stored = (blocks.deleted_us == NEVER) & (blocks.changed_us < NEVER)
    is_broken = blocks.broken_us < NEVER
    is_quiet = blocks.changed_us < timelines.horizon_us - SETTLE_US
    dangling: npt.NDArray[np.bool_] = is_stored & is_broken & is_quiet
    return dangling


def leaked_blocks(scenario: Scenario, timelines: Timelines) -> int:
    """Retired or dangling blocks stored at the horizon that nothing will delete.

    Whatever deletes is part of a compactor, so it is those of streams of which every compactor has
    halted, and whole blocks with a mark that nobody can read; dangling blocks are everybody's,
    and stay where they are only marked.
    """
    blocks, halted, compactor = timelines.blocks, timelines.halted, scenario.compactor
    is_garbage = (blocks.retired_us < NEVER) & (blocks.deleted_us == NEVER)
    is_stuck = np.zeros(is_garbage.size, np.bool_)
    is_stuck[timelines.marks.unreadable] = True
    is_stuck &= blocks.broken_us == NEVER
    if halted:
        left = [halted.issuperset(compactor.of_stream(s)) for s in range(scenario.producers.count)]
        is_stuck |= np.array(left)[blocks.stream]
    is_leaked = is_garbage & is_stuck
    if halted.issuperset(compactor.names) or compactor.partial_cleanup == "mark":
        is_leaked |= _dangling(timelines)
    return int(is_leaked.sum())


def time_to_visible(scenario: Scenario, timelines: Timelines) -> dict[str, float]:
    """Seconds from the commit of a level-1 block until a gateway of its shard first served it.

    One sample per block committed after the warm-up and gateway; ``never`` counts the samples that
    were not served in the run, which the other numbers leave out.
    """
    blocks, loads = timelines.blocks, timelines.loads
    first_us = np.full((len(blocks.id), timelines.n_gateways), NEVER)
    np.minimum.at(first_us, (loads.block, loads.gateway), loads.load_us)
    rows = blocks.of_producers
    rows = rows[blocks.committed_us[rows] >= timelines.warmup_us]
    shards = Shards(scenario.gateways, scenario.streams(timelines.seed))
    own = np.array([shards.of_gateway(g) for g in range(timelines.n_gateways)])
    serves = shards.of_rows(blocks, rows)[:, None] == own[None, :]
    delays = (first_us[rows] - blocks.committed_us[rows][:, None])[serves]
    seen = delays[delays < NEVER // 2]
    return {**_summary(seen), "never": int(delays.size - seen.size)}


def retention_overshoot(scenario: Scenario, timelines: Timelines) -> dict[str, float]:
    """Seconds from the end of a block's retention until its objects were gone.

    One sample per block that retention retired and that was deleted after the warm-up.
    """
    blocks = timelines.blocks
    retention_us = np.array(scenario.compactor.retention_us)[blocks.resolution]
    rows = np.flatnonzero(
        (blocks.retired_why == RETIRE_REASONS.index("retention"))
        & (blocks.deleted_us < NEVER)
        & (blocks.deleted_us >= timelines.warmup_us)
    )
    return _summary((blocks.deleted_us - blocks.max_us - retention_us)[rows])


def damage_found(
    scenario: Scenario, timelines: Timelines, exposed: Sequence[Exposure]
) -> dict[str, float]:
    """Seconds from the damage of a block until one query is expected to have met it.

    One sample per block damaged after the warm-up, see `sim.analysis.damage`; ``never`` counts
    those of which less than one query is expected, which the other numbers leave out.
    """
    delays_us, never = unnoticed_us(scenario, timelines, exposed)
    return {**_summary(delays_us), "never": never}


def _byte_seconds(timelines: Timelines, since_us: Ints) -> float:
    """Bytes of blocks stored from ``since_us`` on, integrated over [warm-up, horizon)."""
    blocks = timelines.blocks
    start = np.maximum(since_us, timelines.warmup_us)
    end = np.minimum(blocks.deleted_us, timelines.horizon_us)
    held_us = np.maximum(end - start, 0)
    gaps = timelines.returns
    from_us = np.maximum(gaps.gone_us, start[gaps.block])
    until_us = np.minimum(gaps.back_us, end[gaps.block])
    np.subtract.at(held_us, gaps.block, np.maximum(until_us - from_us, 0))
    # Bytes times microseconds do not fit 64 bits; times do, and blocks of one size are many.
    sizes = np.unique(blocks.bytes)
    which = np.searchsorted(sizes, blocks.bytes)
    total_us = np.zeros(sizes.size, np.int64)
    np.add.at(total_us, which, held_us)
    held = zip(sizes.tolist(), total_us.tolist(), strict=True)
    return float(sum(size * span_us for size, span_us in held) / US_PER_S)


def _summary(samples_us: Ints) -> dict[str, float]:
    if not samples_us.size:
        return {"n": 0, "mean_s": 0.0, "p50_s": 0.0, "p99_s": 0.0, "max_s": 0.0}
    ordered = np.sort(samples_us)
    rank = {p: int(np.ceil(p / 100 * ordered.size)) - 1 for p in (50, 99)}
    return {
        "n": int(ordered.size),
        "mean_s": int(ordered.sum()) / ordered.size / US_PER_S,
        "p50_s": int(ordered[rank[50]]) / US_PER_S,
        "p99_s": int(ordered[rank[99]]) / US_PER_S,
        "max_s": int(ordered[-1]) / US_PER_S,
    }
