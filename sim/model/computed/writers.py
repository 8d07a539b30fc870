"""What producers and compactors do to the bucket, and in which order (``SEMANTICS.md`` T2)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.computed.conditions import Rules
from sim.model.computed.moments import Acts, Moments, Turn
from sim.model.computed.processes import Process, process
from sim.model.computed.uploads import Uploads, uploads
from sim.scenario.schema import Scenario
from sim.trace.tables import Ragged
from sim.trace.timelines import Ints

__all__ = ["Blocks", "Writers", "written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Every block of a run, by ordinal; columns of shape (n_blocks,).

    ``first``, ``end``: its data, as ordinals of level-1 blocks. ``begun_us``: when it came into
    being, by ``created_us`` it says so itself. ``successor``: the first block that contained it,
    -1 without one. What did not happen is NEVER; ``stamp_us`` is that of the mark.
    """

    stream: Ints
    resolution: Ints
    first: Ints
    end: Ints
    level: Ints
    bytes: Ints
    created_us: Ints
    begun_us: Ints
    put_us: Ints
    successor: Ints
    marked_us: Ints
    stamp_us: Ints
    deleted_us: Ints

    def of_shard(self, shard: int, n_shards: int) -> npt.NDArray[np.bool_]:
        """Which of them are in one of ``n_shards`` shards of streams."""
        return np.asarray(self.stream % n_shards == shard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writers:
    """What was written, and when the processes of the compactors looked.

    Attributes
    ----------
    uploaded, made : int64 arrays
        Ordinals of the blocks of producers and of compactors, in order of their making.
    parents : Ragged
        What each of ``made`` was made of (ordinals).
    is_compaction : bool array
        Whether each of ``made`` replaces its parents.
    puts, begun, done : Moments
        Of ``uploaded``; of ``made``; of those of them that were uploaded, in order.
    finished : int64 array
        Which of ``made`` each of ``done`` is (rows).
    retired : Moments
        With ``retired_blocks`` (ordinals) and ``reasons`` (of `RETIRE_REASONS`), in order.
    again_us : int64 array
        When blocks were to be retired that were already.
    syncs, looks : Moments
        When the bucket was listed, and when marked blocks were looked through, in order.
    n_syncs : int64 array of shape (n_looks,)
        How many of ``syncs`` came before each look.
    learnt : int64 array
        The marked blocks (ordinals) of which looks came to know, in order.
    known : int64 array of shape (n_looks,)
        How many of ``learnt`` are of this look and those before it.
    deleting : int64 array of shape (n_retired,)
        The look at which each retired block goes; their number if none.
    """

    blocks: Blocks
    uploaded: Ints
    made: Ints
    parents: Ragged
    is_compaction: npt.NDArray[np.bool_]
    puts: Moments
    begun: Moments
    done: Moments
    finished: Ints
    retired: Moments
    retired_blocks: Ints
    reasons: Ints
    again_us: Ints
    syncs: Moments
    looks: Moments
    n_syncs: Ints
    learnt: Ints
    known: Ints
    deleting: Ints


def written(scenario: Scenario, rules: Rules, streams: Streams) -> Writers:
    """What producers and compactors do under the rules of a scheme.

    Raises
    ------
    NotComputableError
        If it takes actors to say.
    """
    up = uploads(scenario.producers, streams, scenario.horizon_us)
    numbers = range(len(scenario.compactor.names))
    fleet = [process(number, scenario, rules, up, streams) for number in numbers]
    begun, done = Acts([own.begun for own in fleet]), Acts([own.done for own in fleet])
    retired, looks = Acts([own.retired for own in fleet]), Acts([own.looks for own in fleet])
    syncs = Acts([own.syncs for own in fleet]).moments
    finished = done.column([begun.rows(k)[own.finished] for k, own in enumerate(fleet)])
    # Who is begun at the instant of an upload comes after it.
    begun_us, n_made = begun.moments.at_us, begun.moments.at_us.size
    uploaded = np.arange(up.at_us.size) + np.searchsorted(begun_us, up.at_us, side="left")
    made = np.arange(n_made) + np.searchsorted(up.at_us, begun_us, side="right")
    ordinals = [_ordinals(own, uploaded, made[begun.rows(k)]) for k, own in enumerate(fleet)]
    gone = [ordinals[k][own.retired_blocks] for k, own in enumerate(fleet)]
    retired_blocks = retired.column(gone)
    n_looks = looks.moments.at_us.size
    # The looks of a process among all; behind the last of them is none.
    look = [np.append(looks.rows(k), n_looks) for k in numbers]
    learnt = retired.column([look[k][own.learnt] for k, own in enumerate(fleet)])
    deleting = retired.column([look[k][own.deleting] for k, own in enumerate(fleet)])
    due_us = np.append(looks.moments.at_us, NEVER)[deleting]
    by_look = np.argsort(learnt, kind="stable")
    columns = np.stack([begun.column([own.columns[i] for own in fleet]) for i in range(6)])
    blocks = _blocks(scenario, up, uploaded, made, columns, begun_us)
    blocks.put_us[made[finished]] = done.moments.at_us
    parents = []
    for own, ordinal in zip(fleet, ordinals, strict=True):
        parents.append(Ragged(own.parents.size, ordinal[own.parents.values]))
        # Of several that came to contain a block the first counts.
        inner, outer = ordinal[own.contained[:, ::-1]]
        blocks.successor[inner] = outer
    blocks.deleted_us[retired_blocks] = retired.moments.at_us if rules.deletes_at_once else due_us
    if rules.marks:
        blocks.marked_us[retired_blocks] = retired.moments.at_us
        blocks.stamp_us[retired_blocks] = retired.column([own.stamp_us for own in fleet])
    return Writers(
        blocks=blocks,
        uploaded=uploaded,
        made=made,
        parents=begun.ragged(parents),
        is_compaction=begun.column([own.is_compaction for own in fleet]) == 1,
        puts=Moments.of(np.stack([up.at_us, np.arange(up.at_us.size)]), Turn.PRODUCER),
        begun=begun.moments,
        done=done.moments,
        finished=finished,
        retired=retired.moments,
        retired_blocks=retired_blocks,
        reasons=retired.column([own.reasons for own in fleet]),
        again_us=np.concatenate([own.again_us for own in fleet]),
        syncs=syncs,
        looks=looks.moments,
        n_syncs=_before(syncs, looks.moments),
        learnt=retired_blocks[by_look[: np.count_nonzero(learnt < n_looks)]],
        known=np.searchsorted(learnt[by_look], np.arange(n_looks), side="right"),
        deleting=deleting,
    )


def _ordinals(own: Process, uploaded: Ints, made: Ints) -> Ints:
    """The ordinals in the run of a process' blocks, by those it has among its own."""
    found = np.empty(own.uploaded.size + own.made.size, np.int64)
    found[own.uploaded] = uploaded[own.uploads]
    found[own.made] = made
    return found


def _before(syncs: Moments, looks: Moments) -> Ints:
    """Per look, how many syncs came before it."""
    order = syncs.then(looks).order
    is_sync = order < syncs.at_us.size
    return np.cumsum(is_sync, dtype=np.int64)[~is_sync]


def _blocks(
    scenario: Scenario, up: Uploads, uploaded: Ints, made: Ints, columns: Ints, begun_us: Ints
) -> Blocks:
    """The table of blocks, of which none is put, replaced or retired if a compactor made it."""
    producers, n = scenario.producers, uploaded.size + made.size
    stream, resolution, first, end, level, size_bytes = columns

    def column(of_uploads: Ints | int, of_made: Ints | int) -> Ints:
        values = np.empty(n, np.int64)
        values[uploaded], values[made] = of_uploads, of_made
        return values

    return Blocks(
        stream=column(up.stream, stream),
        resolution=column(0, resolution),
        first=column(up.ordinal, first),
        end=column(up.ordinal + 1, end),
        level=column(1, level),
        bytes=column(producers.block_bytes, size_bytes),
        created_us=column((up.ordinal + 1) * producers.block_length_us, begun_us),
        begun_us=column(up.at_us, begun_us),
        put_us=column(up.at_us, NEVER),
        successor=np.full(n, -1),
        marked_us=np.full(n, NEVER),
        stamp_us=np.full(n, NEVER),
        deleted_us=np.full(n, NEVER),
    )
