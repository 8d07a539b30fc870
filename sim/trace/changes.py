"""What was put and deleted of each block, in order (``SEMANTICS.md`` B2, S1)."""

from functools import cached_property
from itertools import groupby
from typing import cast

import numpy as np
import numpy.typing as npt

from sim.core.objects import BlockObjects
from sim.core.units import NEVER
from sim.trace.recorded import Records
from sim.trace.records import DeleteRecord, PutRecord
from sim.trace.tables import Ints, Table

__all__ = ["Change", "Changes"]

Change = PutRecord | DeleteRecord
Bools = npt.NDArray[np.bool_]


class Changes:
    """The changes of all blocks, as columns by block and then by time.

    Attributes
    ----------
    n_data : int
        Number of objects that hold data; it is that of meta.json as well.
    mark : int
        Number of deletion-mark.json.
    block, t_us : int64 arrays of shape (n_changes,)
        Whose each is, ascending, and when.
    is_plain : bool array of shape (n_blocks,)
        Whether data and meta.json came at one instant, everywhere, and went likewise if they did.
    shown_us, gone_us : int64 arrays of shape (n_blocks,)
        When that was of the plain ones; NEVER for what did not go.
    """

    def __init__(self, records: Records, n_blocks: int, objects: BlockObjects) -> None:
        self.n_data, self.mark = objects.meta, objects.mark
        self._n_blocks = n_blocks
        self._puts = records.table(PutRecord)
        self._deletes = records.table(DeleteRecord)
        tables, n_puts = (self._puts, self._deletes), len(self._puts)
        place = np.concatenate([records.places(PutRecord), records.places(DeleteRecord)])
        block = np.concatenate([table.numbers("block") for table in tables])
        order = np.lexsort((place, block))
        self.block, self._place = block[order], place[order]
        self.t_us = np.concatenate([table.numbers("t_us") for table in tables])[order]
        self._row = np.where(order < n_puts, order, order - n_puts)
        self._is_put = order < n_puts
        facts = zip(*map(self._facts, tables), strict=True)
        has_data, is_whole, has_more = (np.concatenate(columns)[order] for columns in facts)
        self._find_plain(has_data, is_whole)
        # Beside its data such a block has at most the mark.
        self._is_simple = self.is_plain.copy()
        self._is_simple[self.block[has_more]] = False

    def _facts(self, table: Table) -> tuple[Bools, Bools, Bools]:
        """Of each row: whether it is of data or meta.json, of all of them, everywhere, of more."""
        objects, n_data, mark = table.coded("objects"), self.n_data, self.mark
        values = objects.values
        has_data = np.array([value[0] <= n_data for value in values], np.bool_)
        is_whole = np.array([sum(i <= n_data for i in v) == n_data + 1 for v in values], np.bool_)
        has_more = np.array([any(i > mark for i in value) for value in values], np.bool_)
        at_once = table.ragged("get").size == 0
        code = objects.code
        return has_data[code], is_whole[code] & at_once, has_more[code]

    def _find_plain(self, has_data: Bools, is_whole: Bools) -> None:
        rows = np.flatnonzero(has_data)
        block = self.block[rows]
        nth = np.arange(block.size) - np.searchsorted(block, block)
        fits = is_whole[rows] & (nth < 2) & (self._is_put[rows] == (nth == 0))
        count = np.bincount(block, minlength=self._n_blocks)
        fitting = np.bincount(block[fits], minlength=self._n_blocks)
        self.is_plain = (count > 0) & (count == fitting)
        instants = []
        for number in (0, 1):
            for column in (self.t_us, self._place):
                found = np.full(self._n_blocks, NEVER)
                found[block[nth == number]] = column[rows[nth == number]]
                instants.append(found)
        self.shown_us, self._shown, self.gone_us, self._gone = instants

    @cached_property
    def changed_us(self) -> Ints:
        """The last change of each block; NEVER without any."""
        ends = np.searchsorted(self.block, np.arange(self._n_blocks), side="right")
        is_changed = np.diff(ends, prepend=0) > 0
        return np.where(is_changed, np.append(self.t_us, NEVER)[ends - 1], NEVER)

    @cached_property
    def odd(self) -> dict[int, list[Change]]:
        """Blocks that are not plain, ascending, with their changes in order, perhaps none."""
        rest = ~self.is_plain
        return {**{block: [] for block in np.flatnonzero(rest).tolist()}, **self._of(rest)}

    def of(self, blocks: Ints) -> dict[int, list[Change]]:
        """The changes of some blocks that have any, in order."""
        wanted = np.zeros(self._n_blocks, np.bool_)
        wanted[blocks] = True
        return self._of(wanted)

    def _of(self, wanted: Bools) -> dict[int, list[Change]]:
        rows = np.flatnonzero(wanted[self.block])
        is_put, row = self._is_put[rows], self._row[rows]
        puts, deletes = self._puts.take(row[is_put]).rows(), self._deletes.take(row[~is_put]).rows()
        records = (cast(Change, next(puts if put else deletes)) for put in is_put.tolist())
        return {block: list(own) for block, own in groupby(records, key=lambda r: r.block)}

    @cached_property
    def marks(self) -> Ints:
        """Rows of the table of puts that are marks, in order."""
        objects = self._puts.coded("objects")
        is_mark = np.array([value == (self.mark,) for value in objects.values], np.bool_)
        return np.flatnonzero(is_mark[objects.code])

    def orphan_marks(self, places: Ints, since_us: int) -> int:
        """Marks put from an instant on, of blocks of which nothing else was stored.

        ``places`` are those of the records of puts.
        """
        puts, marks = self._puts, self.marks[self._puts.numbers("t_us")[self.marks] >= since_us]
        block, place = puts.numbers("block")[marks], places[marks]
        simple = self._is_simple[block]
        is_alone = (place < self._shown[block]) | (place > self._gone[block])
        others = self.of(np.unique(block[~simple])).values()
        alone = sum(self._alone(history, since_us) for history in others)
        return int((simple & is_alone).sum()) + alone

    def _alone(self, history: list[Change], since_us: int) -> int:
        mark, found = self.mark, 0
        stored: set[int] = set()
        for change in history:
            is_put = isinstance(change, PutRecord)
            if is_put and change.objects == (mark,) and change.t_us >= since_us:
                found += not stored - {mark}
            stored = stored.union(change.objects) if is_put else stored.difference(change.objects)
        return found
