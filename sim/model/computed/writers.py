"""What producers and the compactor do to the bucket, and in which order (``SEMANTICS.md`` T2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.computed.conditions import Rules
from sim.model.computed.passes import Passes
from sim.model.computed.uploads import Uploads, uploads
from sim.scenario.schema import Compactor, Scenario
from sim.trace.records import RETIRE_REASONS
from sim.trace.tables import Ragged
from sim.trace.timelines import Ints

__all__ = ["Blocks", "Moments", "Turn", "Writers", "written"]


class Turn(IntEnum):
    """Who acts first at one instant, among those of such a world."""

    PRODUCER = 0
    COMPACTOR = 1
    PROGRESS = 2
    CLEANER = 3
    GATEWAY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When things of one kind happen: instants (µs), whose turn it is, the place among its acts."""

    at_us: Ints
    turn: Ints
    place: Ints

    @classmethod
    def of(cls, pairs: Sequence[tuple[int, int]], turn: Turn) -> "Moments":
        """Instants and places of one actor."""
        at_us, place = np.array(pairs, np.int64).reshape(-1, 2).T
        return cls(at_us=at_us, turn=np.full(at_us.size, turn), place=place)

    @classmethod
    def ticks(cls, every_us: int, horizon_us: int, turn: Turn, *, place: int = 0) -> "Moments":
        """Every ``every_us`` from 0 on; none if that is 0."""
        at_us = np.arange(0, horizon_us if every_us else 0, every_us or 1)
        # A tick may have more than one act.
        return cls(
            at_us=at_us, turn=np.full(at_us.size, turn), place=2 * np.arange(at_us.size) + place
        )

    def then(self, *others: "Moments") -> "Moments":
        """These and others, in no order."""
        every = (self, *others)
        return Moments(
            at_us=np.concatenate([one.at_us for one in every]),
            turn=np.concatenate([one.turn for one in every]),
            place=np.concatenate([one.place for one in every]),
        )

    def at(self, rows: Ints) -> "Moments":
        """Those at the rows given."""
        return Moments(at_us=self.at_us[rows], turn=self.turn[rows], place=self.place[rows])

    @property
    def order(self) -> Ints:
        """Rows in the order in which they happen; those of one place keep theirs."""
        return np.lexsort((self.place, self.turn, self.at_us))


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
    """What was written, and when the compactor's process looked.

    Attributes
    ----------
    uploaded, made : int64 arrays
        Ordinals of the blocks of producers and of the compactor, in order of their making.
    parents : Ragged
        What each of ``made`` was made of (ordinals).
    is_compaction : bool array
        Whether each of ``made`` replaces its parents.
    puts, begun, done : Moments
        Of ``uploaded``; of ``made``; of those of them that were uploaded, which come first.
    retired : Moments
        With ``retired_blocks`` (ordinals) and ``reasons`` (of `RETIRE_REASONS`), in order.
    again_us : int64 array
        When blocks were to be retired that were already.
    syncs, looks : Moments
        When the bucket was listed, and when marked blocks were looked through, in order.
    n_syncs : int64 array of shape (n_looks,)
        How many of ``syncs`` came before each look.
    known : int64 array of shape (n_looks,)
        How many of the marks, in order, the look knew.
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
    retired: Moments
    retired_blocks: Ints
    reasons: Ints
    again_us: Ints
    syncs: Moments
    looks: Moments
    n_syncs: Ints
    known: Ints
    deleting: Ints


def written(scenario: Scenario, rules: Rules, streams: Streams) -> Writers:
    """What producers and the compactor do under the rules of a scheme.

    Raises
    ------
    NotComputableError
        If it takes actors to say.
    """
    horizon_us, spec = scenario.horizon_us, scenario.compactor
    up = uploads(scenario.producers, streams, horizon_us)
    passes = Passes(
        spec,
        scenario.producers,
        rules,
        uploads=up,
        streams=streams,
        horizon_us=horizon_us,
    )
    passes.run()
    puts = Moments(
        at_us=up.at_us,
        turn=np.full(up.at_us.size, Turn.PRODUCER),
        place=np.arange(up.at_us.size),
    )
    begun = Moments.of(passes.begun, Turn.COMPACTOR)
    retired = Moments.of([(t_us, place) for t_us, place, _, _ in passes.retired], Turn.COMPACTOR)
    syncs, looks = _syncs_and_looks(passes, spec, rules, horizon_us)
    n_syncs, known = _knowledge(syncs, looks, retired)
    retired_blocks = [block for _, _, block, _ in passes.retired]
    stamp_us = np.array([block.stamp_us for block in retired_blocks], np.int64)
    # Marks become known from the first look on that knows as many, and are then old enough or not.
    learnt = np.searchsorted(known, np.arange(retired.at_us.size), side="right")
    old_enough = np.searchsorted(looks.at_us, stamp_us + rules.delay_us, side="right")
    deleting = np.maximum(learnt, old_enough)
    uploaded = np.arange(up.at_us.size) + np.searchsorted(begun.at_us, up.at_us, side="left")
    return Writers(
        blocks=_blocks(
            scenario, up, uploaded, passes, rules, np.append(looks.at_us, NEVER)[deleting]
        ),
        uploaded=uploaded,
        made=np.array([block.index for block in passes.made], np.int64),
        parents=Ragged.of([[block.index for block in parents] for parents in passes.parents]),
        is_compaction=np.array(
            [
                block.group == parents[0].group
                for block, parents in zip(passes.made, passes.parents, strict=True)
            ],
            np.bool_,
        ),
        puts=puts,
        begun=begun,
        done=Moments.of(passes.done, Turn.COMPACTOR),
        retired=retired,
        retired_blocks=np.array([block.index for block in retired_blocks], np.int64),
        reasons=np.array([RETIRE_REASONS.index(why) for *_, why in passes.retired], np.int64),
        again_us=np.array(passes.again_us, np.int64),
        syncs=syncs,
        looks=looks,
        n_syncs=n_syncs,
        known=known,
        deleting=deleting,
    )


def _syncs_and_looks(
    passes: Passes, spec: Compactor, rules: Rules, horizon_us: int
) -> tuple[Moments, Moments]:
    """When any job of the compactor's process lists the bucket, and when one looks what is due."""
    every_us = rules.cleanup.every_us
    syncs = Moments.of(passes.syncs, Turn.COMPACTOR).then(
        Moments.ticks(spec.progress_interval_us, horizon_us, Turn.PROGRESS),
        Moments.ticks(every_us, horizon_us, Turn.CLEANER),
    )
    looks = Moments.of([] if rules.deletes_at_once else passes.looks, Turn.COMPACTOR)
    if rules.cleanup.when == "every" and not rules.deletes_at_once:
        looks = Moments.ticks(every_us, horizon_us, Turn.CLEANER, place=1)
    return syncs.at(syncs.order), looks.at(looks.order)


def _knowledge(syncs: Moments, looks: Moments, marks: Moments) -> tuple[Ints, Ints]:
    """Per look, how many syncs came before it, and how many marks the last of them found."""
    order = syncs.then(looks, marks).order
    n_syncs, n_looks = syncs.at_us.size, looks.at_us.size
    is_sync, is_mark = order < n_syncs, order >= n_syncs + n_looks
    synced = np.cumsum(is_sync, dtype=np.int64)
    marked = np.cumsum(is_mark, dtype=np.int64)
    at_sync = np.append(0, marked[is_sync])
    before = synced[~is_sync & ~is_mark]
    return before, at_sync[before]


def _blocks(
    scenario: Scenario,
    up: Uploads,
    uploaded: Ints,
    passes: Passes,
    rules: Rules,
    due_us: Ints,
) -> Blocks:
    """The table of blocks; ``due_us``: when a look deletes each retired one, NEVER if none."""
    n, n_made = uploaded.size + len(passes.made), len(passes.made)
    made = np.array([block.index for block in passes.made], np.int64)
    length_us, producers = scenario.producers.block_length_us, scenario.producers

    def column(of_uploads: Ints | int, of_made: Sequence[int]) -> Ints:
        values = np.empty(n, np.int64)
        values[uploaded] = of_uploads
        values[made] = np.array(of_made, np.int64)
        return values

    done_us = [t_us for t_us, _ in passes.done]
    begun_us = [t_us for t_us, _ in passes.begun]
    never = np.full(n, NEVER)
    successor, marked_us, stamp_us, deleted_us = np.full(n, -1), never, never.copy(), never.copy()
    inner, outer = np.array(passes.contained, np.int64).reshape(-1, 2).T
    # Of several that came to contain a block the first counts.
    successor[inner[::-1]] = outer[::-1]
    rows = [(block.index, t_us, block.stamp_us) for t_us, _, block, _ in passes.retired]
    retired, retired_us, second_us = np.array(rows, np.int64).reshape(-1, 3).T
    deleted_us[retired] = retired_us if rules.deletes_at_once else due_us
    if rules.marks:
        marked_us[retired], stamp_us[retired] = retired_us, second_us
    return Blocks(
        stream=column(up.stream, [block.stream for block in passes.made]),
        resolution=column(0, [block.resolution for block in passes.made]),
        first=column(up.ordinal, [block.first for block in passes.made]),
        end=column(up.ordinal + 1, [block.end for block in passes.made]),
        level=column(1, [block.level for block in passes.made]),
        bytes=column(producers.block_bytes, [block.bytes for block in passes.made]),
        created_us=column((up.ordinal + 1) * length_us, begun_us),
        begun_us=column(up.at_us, begun_us),
        put_us=column(up.at_us, done_us + [NEVER] * (n_made - len(done_us))),
        successor=successor,
        marked_us=marked_us,
        stamp_us=stamp_us,
        deleted_us=deleted_us,
    )
