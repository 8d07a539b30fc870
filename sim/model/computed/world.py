"""A world from its settings to its records."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import numpy as np

from sim.core.objects import BlockObjects, block_stem
from sim.core.streams import Streams
from sim.model.actors.gateway import first_sync_us
from sim.model.computed.conditions import NotComputableError, Rules, rules
from sim.model.computed.ledger import accounts
from sim.model.computed.syncs import Reading, SyncTimes, reading, sync_times
from sim.model.computed.writers import Moments, Turn, Writers, written
from sim.scenario.schema import Scenario
from sim.trace.records import (
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    DropRecord,
    LoadRecord,
    PutRecord,
    Record,
    RetireRecord,
    UnloadedRecord,
    UpRecord,
)
from sim.trace.timelines import Ints

__all__ = ["computed_records"]


def computed_records(scenario: Scenario, scheme_index: int, streams: Streams) -> list[Record]:
    """Every record of one trial of a scheme, in order.

    Raises
    ------
    NotComputableError
        If something happens on the way that arrays do not know.
    """
    scheme, horizon_us = rules(scenario, scheme_index), scenario.horizon_us
    done = written(scenario, scheme, streams)
    spec = scenario.gateways
    times = [
        sync_times(g, spec, first_sync_us(g, spec, streams), streams, horizon_us)
        for g in range(spec.count)
    ]
    readings = [
        reading(g, done.blocks, own, spec, scheme, horizon_us) for g, own in enumerate(times)
    ]
    records = _Records(scenario, scheme)
    records.add_uploads(done)
    records.add_made(done)
    records.add_retired(done)
    if not scheme.deletes_at_once:
        records.add_deleted(done)
    records.add_gateways(times, readings)
    return [*records.in_order(), *accounts(scenario, scheme, done, times, readings)]


class _Records:
    """Records with the moment of each, to be put in order."""

    def __init__(self, scenario: Scenario, scheme: Rules) -> None:
        self._scenario = scenario
        self._scheme = scheme
        objects = BlockObjects(scenario.producers.chunk_files)
        self._whole = tuple(range(objects.mark))
        self._mark = (objects.mark,)
        there = {*self._whole, objects.mark} if scheme.marks else {*self._whole}
        order = objects.deletion_order(scenario.compactor.deletion_order)
        self._held = tuple(i for i in order if i in there)
        self._records: list[Record] = []
        self._at: list[tuple[Moments, Ints]] = []

    def in_order(self) -> Iterator[Record]:
        """All of them; those of one place by their number in it."""
        when, number = self._at[0][0].then(*(at for at, _ in self._at[1:])), self._at
        within = np.concatenate([n for _, n in number])
        order = np.lexsort((within, when.place, when.turn, when.at_us))
        return map(self._records.__getitem__, order.tolist())

    def add_uploads(self, done: Writers) -> None:
        """Blocks of producers, which are cut and uploaded at once."""
        blocks, at_us = done.uploaded.tolist(), done.puts.at_us.tolist()
        self._add(self._blocks(done, done.uploaded), done.puts, 0)
        self._add(self._puts(at_us, blocks), done.puts, 1)

    def add_made(self, done: Writers) -> None:
        """Blocks of the compactor, which are uploaded later than begun."""
        at_us = done.done.at_us.tolist()
        made = done.made[: len(at_us)].tolist()
        self._add(self._blocks(done, done.made), done.begun, 0)
        self._add(self._puts(at_us, made), done.done, 0)
        compacted = zip(at_us, made, done.parents, repeat(0))
        self._add(map(CompactRecord._make, compacted), done.done, 1)

    def add_retired(self, done: Writers) -> None:
        """Each retired block, with the mark that says so or the deletion that follows."""
        at_us, blocks = done.retired.at_us.tolist(), done.retired_blocks.tolist()
        nth = 2 * np.arange(len(blocks))
        retired = zip(at_us, blocks, done.reasons.tolist(), strict=True)
        self._add(map(RetireRecord._make, retired), done.retired, nth + self._scheme.marks)
        if self._scheme.marks:
            stamps_us = done.blocks.stamp_us[done.retired_blocks].tolist()
            marks = zip(at_us, blocks, repeat(self._mark), repeat(()), repeat(()), stamps_us)
            self._add(map(PutRecord._make, marks), done.retired, nth)
        if self._scheme.deletes_at_once:
            self._add(self._deletes(at_us, blocks), done.retired, nth + 1)

    def add_deleted(self, done: Writers) -> None:
        """What goes at each look, by creation."""
        goes = np.flatnonzero(done.deleting < done.looks.at_us.size)
        index, table = done.retired_blocks[goes], done.blocks
        by_creation = np.lexsort(
            (index, table.resolution[index], table.stream[index], table.created_us[index])
        )
        when = done.looks.at(done.deleting[goes][by_creation])
        index = index[by_creation]
        self._add(self._deletes(when.at_us.tolist(), index.tolist()), when, np.arange(index.size))

    def add_gateways(self, times: Sequence[SyncTimes], readings: Sequence[Reading]) -> None:
        """What gateways load and drop; those that act together do so as they went to sleep."""
        horizon_us = self._scenario.horizon_us
        rows: list[tuple[int, int, int, int]] = []
        records: list[Record] = []
        for g, (own, one) in enumerate(zip(times, readings, strict=True)):
            if own.end_us.size and own.end_us[0] < horizon_us:
                rows.append((int(own.end_us[0]), int(own.end_slept_us[0]), g, 3))
                records.append(UpRecord(int(own.end_us[0]), g))
            loads = (own.load_us, own.load_slept_us)
            ends = (own.end_us, own.end_slept_us)
            for kind, sync, which, (at_us, slept_us), stage in (
                (LoadRecord, one.load, one.is_loaded, loads, 0),
                (UnloadedRecord, one.load, ~one.is_loaded, loads, 1),
                (DropRecord, one.drop, one.drop < own.at_us.size, ends, 2),
            ):
                for k, blocks in _grouped(sync[which], one.block[which]):
                    rows.append((int(at_us[k]), int(slept_us[k]), g, 4 * k + stage))
                    records.append(kind(int(at_us[k]), g, blocks))
        at_us, slept_us, number, nth = np.array(rows, np.int64).reshape(-1, 4).T
        order = np.lexsort((nth, number, slept_us, at_us))
        together = (np.diff(at_us[order]) == 0) & (np.diff(slept_us[order]) == 0)
        if (together & (np.diff(number[order]) != 0)).any() and not _are_alike(times):
            raise NotComputableError("gateways act together twice")
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        when = Moments(at_us=at_us, turn=np.full(at_us.size, Turn.GATEWAY), place=place)
        self._add(records, when, 0)

    def _add(self, records: Iterable[Record], when: Moments, number: Ints | int) -> None:
        self._records += records
        self._at.append((when, np.broadcast_to(number, when.at_us.shape)))

    def _blocks(self, done: Writers, index: Ints) -> Iterator[BlockRecord]:
        table, length_us = done.blocks, self._scenario.producers.block_length_us
        columns = (
            table.begun_us,
            table.stream,
            table.resolution,
            table.first * length_us,
            table.end * length_us,
            table.level,
            table.bytes,
            table.first,
            table.end,
        )
        rows = zip(index.tolist(), *(column[index].tolist() for column in columns), strict=True)
        for i, t_us, stream, resolution, min_us, max_us, level, size, first, end in rows:
            stem = block_stem(
                stream=stream, resolution=resolution, min_us=min_us, max_us=max_us, level=level
            )
            what = (stream, resolution, min_us, max_us, level, size, (first, end))
            yield BlockRecord(t_us, i, f"{stem}.0", *what)

    def _puts(self, at_us: Iterable[int], blocks: Iterable[int]) -> Iterator[PutRecord]:
        """Uploads; the meta.json of each says when it came."""
        at_us = list(at_us)
        rows = zip(at_us, blocks, repeat(self._whole), repeat(()), repeat(()), at_us)
        return map(PutRecord._make, rows)

    def _deletes(self, at_us: Iterable[int], blocks: Iterable[int]) -> Iterator[DeleteRecord]:
        rows = zip(at_us, blocks, repeat(self._held), repeat(()), repeat(()))
        return map(DeleteRecord._make, rows)


def _grouped(sync: Ints, block: Ints) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The blocks of each sync that has any, ascending."""
    order = np.lexsort((block, sync))
    numbers, starts = np.unique(sync[order], return_index=True)
    bounds = [*starts.tolist(), sync.size]
    sorted_blocks = block[order].tolist()
    for i, k in enumerate(numbers.tolist()):
        yield k, tuple(sorted_blocks[bounds[i] : bounds[i + 1]])


def _are_alike(times: Sequence[SyncTimes]) -> bool:
    first = times[0]
    return all(
        np.array_equal(one.at_us, first.at_us) and np.array_equal(one.end_us, first.end_us)
        for one in times[1:]
    )
