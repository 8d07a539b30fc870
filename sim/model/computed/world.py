"""A world from its settings to its records."""

from collections.abc import Sequence

import numpy as np

from sim.core.objects import BlockObjects
from sim.core.streams import Streams
from sim.model.actors.gateway import first_sync_us
from sim.model.computed.conditions import NotComputableError, Rules, rules
from sim.model.computed.ledger import accounts
from sim.model.computed.moments import Moments, Turn
from sim.model.computed.syncs import Reading, SyncTimes, reading, sync_times
from sim.model.computed.writers import Writers, written
from sim.scenario.schema import Scenario
from sim.trace.recorded import Records
from sim.trace.records import (
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    DropRecord,
    LoadRecord,
    PutRecord,
    RetireRecord,
    UnloadedRecord,
    UpRecord,
)
from sim.trace.tables import Coded, Ragged, Table
from sim.trace.timelines import Ints

__all__ = ["computed_records"]


def computed_records(scenario: Scenario, scheme_index: int, streams: Streams) -> Records:
    """Every record of one trial of a scheme, in order.

    Raises
    ------
    NotComputableError
        If something happens on the way that arrays do not know.
    """
    tables, last = _tables(scenario, rules(scenario, scheme_index), streams)
    return tables.in_order(last)


def _tables(
    scenario: Scenario, scheme: Rules, streams: Streams
) -> tuple["_Tables", Sequence[Table]]:
    """All tables of records, and those that come last."""
    horizon_us = scenario.horizon_us
    done = written(scenario, scheme, streams)
    spec = scenario.gateways
    times = [
        sync_times(g, spec, first_sync_us(g, spec, streams), streams, horizon_us)
        for g in range(spec.count)
    ]
    readings = [
        reading(g, done.blocks, own, spec, scheme, horizon_us) for g, own in enumerate(times)
    ]
    tables = _Tables(scenario, scheme)
    tables.add_uploads(done)
    tables.add_made(done)
    tables.add_retired(done)
    if not scheme.deletes_at_once:
        tables.add_deleted(done)
    tables.add_gateways(times, readings)
    return tables, accounts(scenario, scheme, done, times, readings)


class _Tables:
    """Tables of records with the moment of each, to be put in order."""

    def __init__(self, scenario: Scenario, scheme: Rules) -> None:
        self._scenario = scenario
        self._scheme = scheme
        objects = BlockObjects(scenario.producers.chunk_files)
        self._whole = tuple(range(objects.mark))
        self._mark = (objects.mark,)
        there = {*self._whole, objects.mark} if scheme.marks else {*self._whole}
        order = objects.deletion_order(scenario.compactor.deletion_order)
        self._held = tuple(i for i in order if i in there)
        self._tables: list[Table] = []
        self._at: list[tuple[Moments, Ints]] = []

    def in_order(self, last: Sequence[Table]) -> Records:
        """All of them; those of one place by their number in it, and some last."""
        every = [(at.at_us, at.turn, at.place, within) for at, within in self._at]
        self._at.clear()
        order = np.lexsort([np.concatenate(keys) for keys in zip(*every, strict=True)][::-1])
        behind = order.size + np.arange(sum(map(len, last)))
        self._tables += last
        return Records.ordered(self._tables, np.concatenate([order, behind]))

    def add_uploads(self, done: Writers) -> None:
        """Blocks of producers, which are cut and uploaded at once."""
        self._add(self._blocks(done, done.uploaded), done.puts, 0)
        self._add(self._puts(done.puts.at_us, done.uploaded), done.puts, 1)

    def add_made(self, done: Writers) -> None:
        """Blocks of compactors, which are uploaded later than begun."""
        at_us = done.done.at_us
        made = done.made[done.finished]
        self._add(self._blocks(done, done.made), done.begun, 0)
        self._add(self._puts(at_us, made), done.done, 0)
        compacted = Table.of_columns(
            CompactRecord,
            t_us=at_us,
            block=made,
            parents=done.parents.take(done.finished),
            duplicate=np.zeros_like(at_us),
        )
        self._add(compacted, done.done, 1)

    def add_retired(self, done: Writers) -> None:
        """Each retired block, with the mark that says so or the deletion that follows."""
        at_us, blocks = done.retired.at_us, done.retired_blocks
        nth = 2 * np.arange(blocks.size)
        retired = Table.of_columns(RetireRecord, t_us=at_us, block=blocks, why=done.reasons)
        self._add(retired, done.retired, nth + self._scheme.marks)
        if self._scheme.marks:
            marks = Table.of_columns(
                PutRecord,
                t_us=at_us,
                block=blocks,
                stamp_us=done.blocks.stamp_us[blocks],
                **self._objects(self._mark, blocks.size),
            )
            self._add(marks, done.retired, nth)
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
        self._add(self._deletes(when.at_us, index), when, np.arange(index.size))

    def add_gateways(self, times: Sequence[SyncTimes], readings: Sequence[Reading]) -> None:
        """What gateways load and drop; those that act together do so as they went to sleep."""
        horizon_us = self._scenario.horizon_us
        rows: list[Ints] = []
        for g, (own, one) in enumerate(zip(times, readings, strict=True)):
            if own.end_us.size and own.end_us[0] < horizon_us:
                first = own.end_us[:1]
                rows.append(np.array([first, own.end_slept_us[:1], [g], [3]]))
                self._tables.append(Table.of_columns(UpRecord, t_us=first, gateway=np.array([g])))
            loads = (own.load_us, own.load_slept_us)
            ends = (own.end_us, own.end_slept_us)
            for kind, sync, which, (at_us, slept_us), stage in (
                (LoadRecord, one.load, one.is_loaded, loads, 0),
                (UnloadedRecord, one.load, ~one.is_loaded, loads, 1),
                (DropRecord, one.drop, one.drop < own.at_us.size, ends, 2),
            ):
                k, blocks = _grouped(sync[which], one.block[which])
                gateway = np.full(k.size, g)
                rows.append(np.array([at_us[k], slept_us[k], gateway, 4 * k + stage]))
                self._tables.append(
                    Table.of_columns(kind, t_us=at_us[k], gateway=gateway, blocks=blocks)
                )
        at_us, slept_us, number, nth = np.concatenate(rows, axis=1)
        order = np.lexsort((nth, number, slept_us, at_us))
        together = (np.diff(at_us[order]) == 0) & (np.diff(slept_us[order]) == 0)
        if (together & (np.diff(number[order]) != 0)).any() and not _are_alike(times):
            raise NotComputableError("gateways act together twice")
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        when = Moments(at_us=at_us, turn=np.full(at_us.size, Turn.GATEWAY), place=place)
        self._at.append((when, np.zeros_like(place)))

    def _add(self, table: Table, when: Moments, number: Ints | int) -> None:
        self._tables.append(table)
        self._at.append((when, np.broadcast_to(number, when.at_us.shape)))

    def _blocks(self, done: Writers, index: Ints) -> Table:
        table, length_us = done.blocks, self._scenario.producers.block_length_us
        first, end = table.first[index], table.end[index]
        return Table.of_columns(
            BlockRecord,
            t_us=table.begun_us[index],
            block=index,
            serial=np.zeros_like(index),
            stream=table.stream[index],
            resolution=table.resolution[index],
            min_us=first * length_us,
            max_us=end * length_us,
            level=table.level[index],
            bytes=table.bytes[index],
            data=Ragged(np.full(index.size, 2), np.stack([first, end], axis=1).ravel()),
        )

    def _puts(self, at_us: Ints, blocks: Ints) -> Table:
        """Uploads; the meta.json of each says when it came."""
        what = self._objects(self._whole, blocks.size)
        return Table.of_columns(PutRecord, t_us=at_us, block=blocks, stamp_us=at_us, **what)

    def _deletes(self, at_us: Ints, blocks: Ints) -> Table:
        what = self._objects(self._held, blocks.size)
        return Table.of_columns(DeleteRecord, t_us=at_us, block=blocks, **what)

    def _objects(self, objects: tuple[int, ...], n_rows: int) -> dict[str, Coded | Ragged]:
        """The same objects in every row, which everybody sees at once."""
        at_once = Ragged.empty(n_rows)
        return {"objects": Coded.alike(objects, n_rows), "get": at_once, "list": at_once}


def _grouped(sync: Ints, block: Ints) -> tuple[Ints, Ragged]:
    """The syncs that have any blocks, ascending, and the blocks of each, ascending."""
    order = np.lexsort((block, sync))
    numbers, size = np.unique(sync, return_counts=True)
    return numbers, Ragged(size.astype(np.int64), block[order])


def _are_alike(times: Sequence[SyncTimes]) -> bool:
    first = times[0]
    return all(
        np.array_equal(one.at_us, first.at_us) and np.array_equal(one.end_us, first.end_us)
        for one in times[1:]
    )
