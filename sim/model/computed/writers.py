"""What producers and compactors do to the bucket, and in which order (``SEMANTICS.md`` T2)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.computed.conditions import Rules
from sim.model.computed.groups import Piece
from sim.model.computed.moments import Acts, Moments, Turn
from sim.model.computed.processes import Process, process
from sim.model.computed.uploads import Uploads, uploads
from sim.scenario.schema import Scenario
from sim.trace.records import RETIRE_REASONS
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
    made = begun.in_order([own.passes.made for own in fleet])
    parents = begun.in_order([own.passes.parents for own in fleet])
    finished = done.column([begun.rows(k)[own.passes.finished] for k, own in enumerate(fleet)])
    uploaded = _number(up, fleet, made, begun.moments.at_us)
    gone = retired.in_order([own.passes.retired for own in fleet])
    retired_blocks = np.array([block.index for *_, block, _ in gone], np.int64)
    n_looks = looks.moments.at_us.size
    # The looks of a process among all; behind the last of them is none.
    look = [np.append(looks.rows(k), n_looks) for k in numbers]
    learnt = retired.column([look[k][own.learnt] for k, own in enumerate(fleet)])
    deleting = retired.column([look[k][own.deleting] for k, own in enumerate(fleet)])
    due_us = np.append(looks.moments.at_us, NEVER)[deleting]
    by_look = np.argsort(learnt, kind="stable")
    ordinals = np.array([block.index for block in made], np.int64)
    blocks = _blocks(scenario, up, uploaded, made)
    blocks.put_us[ordinals[finished]] = done.moments.at_us
    _note_successors(blocks, fleet)
    blocks.deleted_us[retired_blocks] = retired.moments.at_us if rules.deletes_at_once else due_us
    if rules.marks:
        blocks.marked_us[retired_blocks] = retired.moments.at_us
        blocks.stamp_us[retired_blocks] = [block.stamp_us for *_, block, _ in gone]
    return Writers(
        blocks=blocks,
        uploaded=uploaded,
        made=ordinals,
        parents=Ragged.of([[block.index for block in each] for each in parents]),
        is_compaction=_are_compactions(made, parents),
        puts=Moments(
            at_us=up.at_us,
            turn=np.full(up.at_us.size, Turn.PRODUCER),
            place=np.arange(up.at_us.size),
        ),
        begun=begun.moments,
        done=done.moments,
        finished=finished,
        retired=retired.moments,
        retired_blocks=retired_blocks,
        reasons=np.array([RETIRE_REASONS.index(why) for *_, why in gone], np.int64),
        again_us=np.array([t_us for own in fleet for t_us in own.passes.again_us], np.int64),
        syncs=syncs,
        looks=looks.moments,
        n_syncs=_before(syncs, looks.moments),
        learnt=retired_blocks[by_look[: np.count_nonzero(learnt < n_looks)]],
        known=np.searchsorted(learnt[by_look], np.arange(n_looks), side="right"),
        deleting=deleting,
    )


def _number(up: Uploads, fleet: Sequence[Process], made: Sequence[Piece], begun_us: Ints) -> Ints:
    """Give each block its ordinal in the run; returned are those of uploads.

    Who is begun at the instant of an upload comes after it.
    """
    ordinals = np.arange(len(made)) + np.searchsorted(up.at_us, begun_us, side="right")
    for block, ordinal in zip(made, ordinals.tolist(), strict=True):
        block.index = ordinal
    uploaded = np.arange(up.at_us.size) + np.searchsorted(begun_us, up.at_us, side="left")
    for own in fleet:
        # The last uploads may not be seen any more.
        seen = zip(own.passes.seen, uploaded[own.uploads].tolist(), strict=False)
        for block, ordinal in seen:
            block.index = ordinal
    return uploaded


def _are_compactions(
    made: Sequence[Piece], parents: Sequence[Sequence[Piece]]
) -> npt.NDArray[np.bool_]:
    """Which of some blocks are of the group of what they were made of."""
    alike = [block.group == each[0].group for block, each in zip(made, parents, strict=True)]
    return np.array(alike, np.bool_)


def _before(syncs: Moments, looks: Moments) -> Ints:
    """Per look, how many syncs came before it."""
    order = syncs.then(looks).order
    is_sync = order < syncs.at_us.size
    return np.cumsum(is_sync, dtype=np.int64)[~is_sync]


def _note_successors(blocks: Blocks, fleet: Sequence[Process]) -> None:
    pairs = [(one.index, by.index) for own in fleet for one, by in own.passes.contained]
    inner, outer = np.array(pairs, np.int64).reshape(-1, 2).T
    # Of several that came to contain a block the first counts.
    blocks.successor[inner[::-1]] = outer[::-1]


def _blocks(scenario: Scenario, up: Uploads, uploaded: Ints, made: Sequence[Piece]) -> Blocks:
    """The table of blocks, of which none is put, replaced or retired if a compactor made it."""
    producers, n = scenario.producers, uploaded.size + len(made)
    length_us, begun_us = producers.block_length_us, [block.created_us for block in made]
    ordinals = np.array([block.index for block in made], np.int64)

    def column(of_uploads: Ints | int, of_made: Sequence[int] | int) -> Ints:
        values = np.empty(n, np.int64)
        values[uploaded], values[ordinals] = of_uploads, np.array(of_made, np.int64)
        return values

    return Blocks(
        stream=column(up.stream, [block.stream for block in made]),
        resolution=column(0, [block.resolution for block in made]),
        first=column(up.ordinal, [block.first for block in made]),
        end=column(up.ordinal + 1, [block.end for block in made]),
        level=column(1, [block.level for block in made]),
        bytes=column(producers.block_bytes, [block.bytes for block in made]),
        created_us=column((up.ordinal + 1) * length_us, begun_us),
        begun_us=column(up.at_us, begun_us),
        put_us=column(up.at_us, NEVER),
        successor=np.full(n, -1),
        marked_us=np.full(n, NEVER),
        stamp_us=np.full(n, NEVER),
        deleted_us=np.full(n, NEVER),
    )
