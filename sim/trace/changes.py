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
    is_whole : bool array of shape (n_blocks,)
        Whether data and meta.json came in one change, and went in one if they did.
    is_plain : bool array of shape (n_blocks,)
        Those of them of which every replica shows that at once.
    came_us, went_us : int64 arrays of shape (n_blocks,)
        When that was of the whole ones; NEVER for what did not go.
    """

    def __init__(self, records: Records, n_blocks: int, objects: BlockObjects) -> None:
        self.n_data, self.mark = objects.meta, objects.mark
        self._n_blocks = n_blocks
        self._puts = records.table(PutRecord)
        self._deletes = records.table(DeleteRecord)
        tables, n_puts = (self._puts, self._deletes), len(self._puts)
        self._put_places = records.places(PutRecord)
        place = np.concatenate([self._put_places, records.places(DeleteRecord)])
        block = np.concatenate([table.numbers("block") for table in tables])
        order = np.lexsort((place, block))
        self.block, self._place = block[order], place[order]
        self.t_us = np.concatenate([table.numbers("t_us") for table in tables])[order]
        self._row = np.where(order < n_puts, order, order - n_puts)
        self._is_put = order < n_puts
        facts = zip(*map(self._facts, tables), strict=True)
        has_data, has_all, has_more, lags = (np.concatenate(c)[order] for c in facts)
        self._find_whole(has_data, has_all)
        self.is_plain = self.is_whole.copy()
        self.is_plain[self.block[lags & has_data]] = False
        # Beside its data such a block has at most the mark.
        self._is_simple = self.is_whole.copy()
        self._is_simple[self.block[has_more]] = False

    def _facts(self, table: Table) -> tuple[Bools, Bools, Bools, Bools]:
        """Of each row: whether it is of data or meta.json, of all of them, of more, and lags."""
        objects, n_data, mark = table.coded("objects"), self.n_data, self.mark
        values = objects.values
        has_data = np.array([value[0] <= n_data for value in values], np.bool_)
        has_all = np.array([sum(i <= n_data for i in v) == n_data + 1 for v in values], np.bool_)
        has_more = np.array([any(i > mark for i in value) for value in values], np.bool_)
        code = objects.code
        return has_data[code], has_all[code], has_more[code], table.ragged("get").size > 0

    def _find_whole(self, has_data: Bools, has_all: Bools) -> None:
        rows = np.flatnonzero(has_data)
        block = self.block[rows]
        nth = np.arange(block.size) - np.searchsorted(block, block)
        fits = has_all[rows] & (self._is_put[rows] == (nth == 0))
        count = np.bincount(block, minlength=self._n_blocks)
        fitting = np.bincount(block[fits], minlength=self._n_blocks)
        self.is_whole = (count > 0) & (count == fitting)
        found = []
        for number in (0, 1):
            for column in (self.t_us, self._place, self._row):
                values = np.full(self._n_blocks, NEVER)
                values[block[nth == number]] = column[rows[nth == number]]
                found.append(values)
        self.came_us, self._came, self._put_row, self.went_us, self._went, self._delete_row = found

    def seen_us(self, blocks: Ints, n_replicas: int) -> tuple[Ints, Ints]:
        """When each replica shows that each data object of whole blocks came, and that it went.

        Shape (n, n_data, n_replicas) both; NEVER for what did not go.
        """
        came = self._seen_us(self._puts, self._put_row[blocks], n_replicas)
        went = np.full(came.shape, NEVER)
        gone = self._delete_row[blocks] < NEVER
        went[gone] = self._seen_us(self._deletes, self._delete_row[blocks[gone]], n_replicas)
        return came, went

    def _seen_us(self, table: Table, rows: Ints, n_replicas: int) -> Ints:
        objects, get, t_us = table.coded("objects"), table.ragged("get"), table.numbers("t_us")
        data = range(self.n_data)
        position = np.array(
            [[v.index(i) if i in v else 0 for i in data] for v in objects.values], np.int64
        ).reshape(-1, self.n_data)[objects.code[rows]]
        at = get.bounds[rows][:, None, None] + position[:, :, None] * n_replicas
        lags = np.broadcast_to(get.size[rows][:, None, None] > 0, (*position.shape, n_replicas))
        found = np.broadcast_to(t_us[rows][:, None, None], lags.shape).copy()
        found[lags] = get.values[(at + np.arange(n_replicas))[lags]]
        return found

    @cached_property
    def changed_us(self) -> Ints:
        """The last change of each block; NEVER without any."""
        ends = np.searchsorted(self.block, np.arange(self._n_blocks), side="right")
        is_changed = np.diff(ends, prepend=0) > 0
        return np.where(is_changed, np.append(self.t_us, NEVER)[ends - 1], NEVER)

    @cached_property
    def odd(self) -> dict[int, list[Change]]:
        """Blocks that are not whole, ascending, with their changes in order, perhaps none."""
        rest = ~self.is_whole
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

    def orphan_marks(self, since_us: int) -> int:
        """Marks put from an instant on, of blocks of which nothing else was stored."""
        puts, marks = self._puts, self.marks[self._puts.numbers("t_us")[self.marks] >= since_us]
        block, place = puts.numbers("block")[marks], self._put_places[marks]
        simple = self._is_simple[block]
        is_alone = (place < self._came[block]) | (place > self._went[block])
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
