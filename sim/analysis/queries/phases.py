"""The chance of a failing read over all phases of the readers, given the rest of a run.

Where every gateway syncs at a constant interval, one number decides which of its syncs meet which
deletions: the phase that was drawn once. Queries are not independent chances then, and neither are
deletions: all of them are one draw. Nothing else in the world depends on it, so it can be
integrated over instead of being drawn: at an instant *t* a gateway still answers from a block that
a sync would have dropped from *e* on if and only if no sync started in [e, t - s], which has
probability 1 - (t - s - e) / P. Replicas are independent; of several blocks the one with the latest
*e* decides. ``SEMANTICS.md`` G1, G4, G5, Q2-Q4.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.evidence.windows import absent_from_us
from sim.analysis.intervals import Ints, greatest
from sim.analysis.queries.exposure import Exposure
from sim.core.units import NEVER
from sim.scenario.schema import SchemeSpec
from sim.trace.records import RETIRE_REASONS
from sim.trace.timelines import Timelines

__all__ = ["failing_over_phases"]

_ROWS_MAX: Final = 20_000
"""Deletions beyond which a failure is no rare thing, and the trials say enough."""


class _Rows(NamedTuple):
    """Rows (n,): arrivals in [start_us, end_us) fail at a reader that has not synced since *e*."""

    start_us: Ints
    end_us: Ints
    e_us: Ints


def failing_over_phases(exposure: Exposure, takes_us: int) -> float | None:
    """Expected fraction of queries for which a read fails, over all phases of the readers.

    Parameters
    ----------
    exposure : Exposure
        Of a class on the timelines of a plain world, see ``plain.is_plain``.
    takes_us : int
        How long a query takes.

    Returns
    -------
    float or None
        In [0, 1]. Exact for queries that ask for all streams at one resolution and blocks that
        live longer than a sync interval; else an upper bound. None where there are too many
        deletions to go through, and for an empty window.
    """
    timelines, gateways = exposure.timelines, exposure.scenario.gateways
    length_us = timelines.horizon_us - timelines.warmup_us
    rows = _rows(exposure, takes_us)
    if rows is None or length_us <= 0:
        return None
    edges = np.unique(np.concatenate([t for r in rows for t in (r.start_us, r.end_us)]))
    if not edges.size:
        return 0.0
    period_us, sync_us = gateways.sync_interval.mean, gateways.sync_takes.mean
    # A query is fine only if it is fine at every gateway of every shard.
    latest = np.stack([_latest(of_shard, edges) for of_shard in rows])
    kinks = np.unique(np.concatenate([edges, *(_kinks(e, sync_us, period_us) for e in latest)]))
    kinks = kinks[(kinks >= edges[0]) & (kinks <= edges[-1])]
    piece = np.searchsorted(edges, kinks[:-1], side="right") - 1
    per_shard = gateways.count // gateways.shards
    low, width = kinks[:-1], np.diff(kinks)
    nodes, weights = np.polynomial.legendre.leggauss(min(32, 1 + gateways.count // 2))
    total_us = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        t = low + width * (node + 1.0) / 2.0
        fine = np.ones(t.size)
        for e in latest:
            since = t - sync_us - e[piece]
            fine *= np.clip(since / period_us, 0.0, 1.0) ** per_shard
        total_us += float(weight / 2.0 * (width * (1.0 - fine)).sum())
    return min(1.0, total_us / length_us)


def _rows(exposure: Exposure, takes_us: int) -> list[_Rows] | None:
    """Per shard, the deletions that some phase of a reader would meet too late; None: too many."""
    timelines, spec = exposure.timelines, exposure.scenario.gateways
    blocks = timelines.blocks
    gone_us = absent_from_us(timelines)
    scenario = exposure.scenario
    scheme = scenario.schemes[scenario.scheme_index(timelines.scheme)]
    let_go_us = _let_go_us(timelines, gone_us, scheme)
    asked_from, asked_to = exposure.asks(np.arange(gone_us.size))
    reach_us = int(spec.sync_interval.mean + spec.sync_takes.mean)
    start = np.maximum(asked_from, gone_us - takes_us)
    end = np.minimum(asked_to, let_go_us + reach_us)
    late = (end > start) & (gone_us < timelines.horizon_us) & exposure.may_use(blocks.resolution)
    if int(late.sum()) > _ROWS_MAX:
        return None
    shard = blocks.stream % spec.shards
    of_shards = [late & (shard == number) for number in range(spec.shards)]
    return [_Rows(start[those], end[those], let_go_us[those]) for those in of_shards]


def _let_go_us(timelines: Timelines, gone_us: Ints, scheme: SchemeSpec) -> Ints:
    """The first instant from which a sync that starts drops each block.

    It is that of the replacement, unless readers keep what is replaced, of a mark that is old
    enough, or of the deletion itself.
    """
    blocks, marks = timelines.blocks, timelines.marks
    let_go_us = gone_us.copy()
    if not scheme.composed.hide.keeps_what_is_replaced:
        replaced = np.isin(
            blocks.retired_why, [RETIRE_REASONS.index(why) for why in ("compacted", "garbage")]
        )
        replaced &= blocks.retired_us < NEVER
        np.minimum(let_go_us, blocks.retired_us, out=let_go_us, where=replaced)
    if scheme.hide_delay_us is not None:
        aged_us = np.maximum(marks.acknowledged_us, marks.stamp_us + scheme.hide_delay_us + 1)
        np.minimum.at(let_go_us, marks.block, aged_us)
    return let_go_us


def _latest(rows: _Rows, edges: Ints) -> npt.NDArray[np.float64]:
    """On each piece between edges, the latest *e* of the rows in force; -inf without any."""
    first, last = np.searchsorted(edges, rows.start_us), np.searchsorted(edges, rows.end_us)
    return greatest(first, last, rows.e_us.astype(np.float64), edges.size)


def _kinks(latest: npt.NDArray[np.float64], sync_us: float, period_us: float) -> Ints:
    """Where the chance of having synced begins to rise from 0, and where it reaches 1."""
    known = np.unique(latest[np.isfinite(latest)])
    return np.concatenate([known + sync_us, known + sync_us + period_us]).astype(np.int64)
