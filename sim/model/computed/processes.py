"""A compactor's process: its passes, its other jobs, and what it knows (``SEMANTICS.md`` C2, C16).

Each works on streams of its own, so that none changes what another one decides.
"""

from dataclasses import dataclass

import numpy as np

from sim.core.streams import Streams
from sim.model.computed.conditions import Rules
from sim.model.computed.log import Log
from sim.model.computed.moments import Moments, Turn
from sim.model.computed.passes import Passes
from sim.model.computed.uploads import Uploads
from sim.scenario.schema import Compactor, Scenario
from sim.trace.tables import Ragged
from sim.trace.timelines import Ints

__all__ = ["Process", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one process did.

    Attributes
    ----------
    uploads : int64 array
        Which of all uploads are of its streams (rows).
    uploaded, made : int64 arrays
        Ordinals of these, and of the blocks that its passes began, among those of its streams.
    columns : int64 array of shape (6, n_made)
        Of ``made``: stream, resolution, first and end of the data, level, bytes.
    is_compaction : int64 array of shape (n_made,)
        1 for those that replace their parents.
    parents : Ragged
        What each was made of.
    finished : int64 array
        Which of ``made`` were uploaded, in that order (rows).
    contained : int64 array of shape (2, n)
        Blocks that another one contains, and that one.
    retired_blocks, stamp_us, reasons : int64 arrays
        What was declared obsolete, the seconds in the marks, and why (of `RETIRE_REASONS`).
    again_us : int64 array
        When blocks were to be retired that were already.
    begun, done, retired : Moments
        Of ``made``, ``finished`` and ``retired_blocks``.
    syncs, looks : Moments
        When any of its jobs listed the bucket, and when one looked what is due, in order.
    learnt, deleting : int64 arrays of shape (n_retired,)
        The look that is the first to know of each mark, and the one that deletes the block; their
        number if none does.
    """

    uploads: Ints
    uploaded: Ints
    made: Ints
    columns: Ints
    is_compaction: Ints
    parents: Ragged
    finished: Ints
    contained: Ints
    retired_blocks: Ints
    stamp_us: Ints
    reasons: Ints
    again_us: Ints
    begun: Moments
    done: Moments
    retired: Moments
    syncs: Moments
    looks: Moments
    learnt: Ints
    deleting: Ints


def process(
    number: int, scenario: Scenario, rules: Rules, up: Uploads, streams: Streams
) -> Process:
    """What compactor ``number`` does with the uploads of its streams.

    Raises
    ------
    NotComputableError
        If it takes actors to say.
    """
    spec, horizon_us = scenario.compactor, scenario.horizon_us
    rows = np.flatnonzero(up.stream % spec.n_shards == number)
    own = up.at(rows)
    passes = Passes(
        spec.names[number],
        spec,
        scenario.producers,
        rules,
        uploads=own,
        streams=streams,
        horizon_us=horizon_us,
    )
    passes.run()
    log, turn = passes.log, Turn.COMPACTOR + number
    rows_begun, rows_done, rows_retired = (r.columns for r in (log.begun, log.done, log.retired))
    begun, done = Moments.of(rows_begun[:2], turn), Moments.of(rows_done[:2], turn)
    retired = Moments.of(rows_retired[:2], turn)
    retired_blocks, stamp_us, reasons = rows_retired[2:]
    syncs, looks = _syncs_and_looks(number, log, spec, rules, horizon_us)
    known = _known(syncs, looks, retired)
    # Marks become known from the first look on that knows as many, and are then old enough or not.
    learnt = np.searchsorted(known, np.arange(retired.at_us.size), side="right")
    old_enough = np.searchsorted(looks.at_us, stamp_us + rules.delay_us, side="right")
    return Process(
        uploads=rows,
        uploaded=np.arange(rows.size) + np.searchsorted(begun.at_us, own.at_us, side="left"),
        made=rows_begun[2],
        columns=rows_begun[3:9],
        is_compaction=rows_begun[9],
        parents=Ragged(rows_begun[10], log.parents.columns[0]),
        finished=rows_done[2],
        contained=log.contained.columns,
        retired_blocks=retired_blocks,
        stamp_us=stamp_us,
        reasons=reasons,
        again_us=log.again.columns[0],
        begun=begun,
        done=done,
        retired=retired,
        syncs=syncs,
        looks=looks,
        learnt=learnt,
        deleting=np.maximum(learnt, old_enough),
    )


def _syncs_and_looks(
    number: int, log: Log, spec: Compactor, rules: Rules, horizon_us: int
) -> tuple[Moments, Moments]:
    """When any job of the process lists the bucket, and when one looks what is due."""
    every_us = rules.cleanup.every_us
    compactor, cleaner = Turn.COMPACTOR + number, Turn.CLEANER + number
    syncs = Moments.of(log.syncs.columns, compactor).then(
        Moments.ticks(spec.progress_interval_us, horizon_us, Turn.PROGRESS + number),
        Moments.ticks(every_us, horizon_us, cleaner),
    )
    looks = Moments.of(log.looks.columns[:, : 0 if rules.deletes_at_once else None], compactor)
    if rules.cleanup.when == "every" and not rules.deletes_at_once:
        looks = Moments.ticks(every_us, horizon_us, cleaner, place=1)
    return syncs.at(syncs.order), looks.at(looks.order)


def _known(syncs: Moments, looks: Moments, marks: Moments) -> Ints:
    """Per look, how many marks the last sync before it found."""
    order = syncs.then(looks, marks).order
    n_syncs, n_looks = syncs.at_us.size, looks.at_us.size
    is_sync, is_mark = order < n_syncs, order >= n_syncs + n_looks
    synced = np.cumsum(is_sync, dtype=np.int64)
    marked = np.cumsum(is_mark, dtype=np.int64)
    at_sync = np.append(0, marked[is_sync])
    return at_sync[synced[~is_sync & ~is_mark]]
