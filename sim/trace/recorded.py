"""The records of a run, in order, kept as columns (:mod:`sim.trace.tables`)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar, cast, overload

import numpy as np
import numpy.typing as npt

from sim.trace.records import KIND_OF, Record
from sim.trace.tables import Ints, Table

__all__ = ["Packer", "Records"]

_KINDS: Final = tuple(KIND_OF)
_NUMBER: Final = {kind: number for number, kind in enumerate(_KINDS)}
_BATCH: Final = 1 << 14

R = TypeVar("R")


class Records(Sequence[Record]):
    """Records in order; as a sequence it makes each of them when it is asked for.

    Parameters
    ----------
    kind : uint8 array of shape (n,)
        What each record is, as a position in ``KIND_OF``.
    tables : dict
        By kind, as many rows as there are records of it, in order; kinds without any may lack.
    """

    def __init__(self, kind: npt.NDArray[np.uint8], tables: dict[type, Table]) -> None:
        self._kind = kind
        self._tables = tables

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Records":
        """Some records as columns."""
        packer = Packer()
        packer.record_all(records)
        return packer.packed()

    @classmethod
    def ordered(cls, tables: list[Table], order: Ints) -> "Records":
        """The rows of some tables, which count through, in an order; the tables are used up."""
        sizes = [len(table) for table in tables]
        numbers = np.array([_NUMBER[table.kind] for table in tables], np.uint8)
        kind = np.repeat(numbers, sizes)[order]
        by_kind: dict[type, list[Table]] = {}
        starts = np.zeros(len(tables), np.int64)
        for i, table in enumerate(tables):
            before = by_kind.setdefault(table.kind, [])
            starts[i] = sum(map(len, before))
            before.append(table)
        tables.clear()
        firsts = np.cumsum([0, *sizes[:-1]])
        row = order + np.repeat(starts - firsts, sizes)[order]
        made = {}
        for own in [*by_kind]:
            # One kind at a time is there twice.
            parts = by_kind.pop(own)
            if any(map(len, parts)):
                made[own] = Table.joined(parts).take(row[kind == _NUMBER[own]])
        return cls(kind, made)

    def only(self, *kinds: type) -> "Records":
        """The records of some kinds."""
        left = np.isin(self._kind, [_NUMBER[kind] for kind in kinds])
        tables = {kind: table for kind, table in self._tables.items() if kind in kinds}
        return Records(self._kind[left], tables)

    def without(self, *kinds: type) -> "Records":
        """All records but those of some kinds."""
        return self.only(*(kind for kind in _KINDS if kind not in kinds))

    def with_table(self, table: Table) -> "Records":
        """The same with other records of one kind, as many as there were."""
        return Records(self._kind, {**self._tables, table.kind: table})

    def table(self, kind: type) -> Table:
        """The records of one kind."""
        return self._tables.get(kind) or Table.of(kind, ())

    def places(self, kind: type) -> Ints:
        """Positions of the records of one kind, ascending."""
        return np.flatnonzero(self._kind == _NUMBER[kind])

    def each(self, kind: type[R]) -> Iterator[R]:
        """The records of one kind, in order."""
        return cast(Iterator[R], self.table(kind).rows())

    def iter_of(self, *kinds: type) -> Iterator[Record]:
        """The records of some kinds, in order; the others cost nothing."""
        wanted = np.isin(self._kind, [_NUMBER[kind] for kind in kinds])
        return self._made(self._kind[wanted])

    def packed(self) -> Iterator[npt.NDArray[Any]]:
        """The arrays that a digest is made of: kinds, then the columns of each kind."""
        yield self._kind
        for kind in _KINDS:
            if kind in self._tables:
                for column in self._tables[kind].columns.values():
                    yield from column.packed()

    def _made(self, kinds: npt.NDArray[np.uint8]) -> Iterator[Record]:
        # What is not asked for is not begun.
        rows = {_NUMBER[kind]: table.rows() for kind, table in self._tables.items()}
        return (next(rows[kind]) for kind in kinds.tolist())

    def __len__(self) -> int:
        return int(self._kind.size)

    def __iter__(self) -> Iterator[Record]:
        return self._made(self._kind)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        number = self._kind[place]
        nth = int(np.count_nonzero(self._kind[:place] == number))
        return self._tables[_KINDS[number]].row(nth)

    def __eq__(self, other: object) -> bool:
        """Whether the other has the same records, in the same order."""
        if not isinstance(other, Records):
            return NotImplemented
        if not np.array_equal(self._kind, other._kind):
            return False
        pairs = zip(self.packed(), other.packed(), strict=True)
        return all(np.array_equal(one, two) for one, two in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, islice(self, 3)))
        return f"<{len(self):,} records: {shown}{', …' if len(self) > 3 else ''}>"


class Packer:
    """Takes records one by one, and turns them into columns batch by batch."""

    def __init__(self) -> None:
        self._batch: list[Record] = []
        self._kinds: list[npt.NDArray[np.uint8]] = []
        self._parts: dict[type, list[Table]] = {}

    def record(self, record: Record) -> None:
        """Take in one record."""
        self._batch.append(record)
        if len(self._batch) >= _BATCH:
            self._pack()

    def record_all(self, records: Iterable[Record]) -> None:
        """Take in some."""
        for record in records:
            self.record(record)

    def packed(self) -> Records:
        """All of them."""
        self._pack()
        tables = {kind: Table.joined(parts) for kind, parts in self._parts.items()}
        return Records(np.concatenate([np.zeros(0, np.uint8), *self._kinds]), tables)

    def _pack(self) -> None:
        kinds = [_NUMBER[type(record)] for record in self._batch]
        by_kind: dict[type, list[Record]] = {_KINDS[number]: [] for number in sorted(set(kinds))}
        for record in self._batch:
            by_kind[type(record)].append(record)
        self._kinds.append(np.array(kinds, np.uint8))
        for kind, records in by_kind.items():
            self._parts.setdefault(kind, []).append(Table.of(kind, records))
        self._batch.clear()
