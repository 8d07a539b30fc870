"""A compactor's process: its passes, its other jobs, and what it knows (``SEMANTICS.md`` C2, C16).

Each works on streams of its own, so that none changes what another one decides.
"""

from dataclasses import dataclass

import numpy as np

from sim.core.streams import Streams
from sim.model.computed.conditions import Rules
from sim.model.computed.moments import Moments, Turn
from sim.model.computed.passes import Passes
from sim.model.computed.uploads import Uploads
from sim.scenario.schema import Compactor, Scenario
from sim.trace.timelines import Ints

__all__ = ["Process", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one process did.

    Attributes
    ----------
    uploads : int64 array
        Which of all uploads are of its streams (rows).
    passes : Passes
        Its passes.
    begun, done, retired : Moments
        Of what its passes did.
    syncs, looks : Moments
        When any of its jobs listed the bucket, and when one looked what is due, in order.
    learnt, deleting : int64 arrays of shape (n_retired,)
        The look that is the first to know of each mark, and the one that deletes the block; their
        number if none does.
    """

    uploads: Ints
    passes: Passes
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
    passes = Passes(
        spec.names[number],
        spec,
        scenario.producers,
        rules,
        uploads=up.at(rows),
        streams=streams,
        horizon_us=horizon_us,
    )
    passes.run()
    turn = Turn.COMPACTOR + number
    retired = Moments.of([(t_us, place) for t_us, place, _, _ in passes.retired], turn)
    syncs, looks = _syncs_and_looks(number, passes, spec, rules, horizon_us)
    known = _known(syncs, looks, retired)
    stamp_us = np.array([block.stamp_us for _, _, block, _ in passes.retired], np.int64)
    # Marks become known from the first look on that knows as many, and are then old enough or not.
    learnt = np.searchsorted(known, np.arange(retired.at_us.size), side="right")
    old_enough = np.searchsorted(looks.at_us, stamp_us + rules.delay_us, side="right")
    return Process(
        uploads=rows,
        passes=passes,
        begun=Moments.of(passes.begun, turn),
        done=Moments.of(passes.done, turn),
        retired=retired,
        syncs=syncs,
        looks=looks,
        learnt=learnt,
        deleting=np.maximum(learnt, old_enough),
    )


def _syncs_and_looks(
    number: int, passes: Passes, spec: Compactor, rules: Rules, horizon_us: int
) -> tuple[Moments, Moments]:
    """When any job of the process lists the bucket, and when one looks what is due."""
    every_us = rules.cleanup.every_us
    compactor, cleaner = Turn.COMPACTOR + number, Turn.CLEANER + number
    syncs = Moments.of(passes.syncs, compactor).then(
        Moments.ticks(spec.progress_interval_us, horizon_us, Turn.PROGRESS + number),
        Moments.ticks(every_us, horizon_us, cleaner),
    )
    looks = Moments.of([] if rules.deletes_at_once else passes.looks, compactor)
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
