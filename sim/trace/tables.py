"""Records of one kind as typed columns.

A field that is a number becomes a column of integers; one of few different values the numbers of
these values, in the order in which they first appear; one of many numbers their values, end to end.
Integers are kept in as few bytes as the largest of a column needs, and given as 64 bits.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, starmap
from typing import Any, Final, Self, get_type_hints

import numpy as np
import numpy.typing as npt

from sim.core.arrays import pairs
from sim.trace.records import KIND_OF, Record

__all__ = ["Coded", "Ints", "Numbers", "Ragged", "Table"]

Ints = npt.NDArray[np.int64]

_CHUNK: Final = 1 << 14


def _narrow(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same integers in as few bytes as they need."""
    if not values.size:
        return values.astype(np.int8)
    low, high = int(values.min()), int(values.max())
    kept = np.min_scalar_type(min(low, -1 - high))
    # What is in every row is there once.
    some = values[:1] if low == high else values
    return np.broadcast_to(some.astype(kept, copy=False), values.shape)


def _wide(values: npt.NDArray[Any]) -> Ints:
    """The same integers as 64 bits; one that is in every row stays there once."""
    some = values if any(values.strides) else values[:1]
    return np.broadcast_to(some.astype(np.int64, copy=False), values.shape)


def _listed(values: npt.NDArray[Any]) -> Iterator[int]:
    """Integers as Python has them, of which a few at a time are objects."""
    for first in range(0, values.size, _CHUNK):
        yield from values[first : first + _CHUNK].tolist()


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of few different values.

    Attributes
    ----------
    code : array of int of shape (n_rows,)
        Positions in :attr:`values`, which first appear in ascending order.
    values : tuple
        Texts, or tuples of texts or integers.
    """

    code: npt.NDArray[Any]
    values: tuple[Any, ...]

    @classmethod
    def of(cls, rows: Sequence[Any]) -> Self:
        """The column of some values."""
        number = {value: i for i, value in enumerate(dict.fromkeys(rows))}
        code = np.fromiter(map(number.__getitem__, rows), np.int32, len(rows))
        return cls(_narrow(code), tuple(number))

    @classmethod
    def alike(cls, value: Any, n_rows: int) -> Self:
        """One value in every row."""
        return cls(_narrow(np.zeros(n_rows, np.int32)), (value,) if n_rows else ())

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Columns end to end."""
        number = {v: i for i, v in enumerate(dict.fromkeys(chain(*(p.values for p in parts))))}
        code = [np.array([number[v] for v in p.values], np.int32)[p.code] for p in parts]
        return cls(_narrow(np.concatenate(code)), tuple(number))

    def take(self, order: Ints) -> "Coded":
        """Some rows, in some order."""
        code = self.code[order]
        known, first = np.unique(code, return_index=True)
        known = known[np.argsort(first)]
        number = np.zeros(len(self.values), np.int32)
        number[known] = np.arange(known.size)
        return Coded(_narrow(number[code]), tuple(self.values[i] for i in known.tolist()))

    def row(self, i: int) -> Any:
        """The value of one row."""
        return self.values[self.code[i]]

    def rows(self) -> Iterator[Any]:
        """The value of each row."""
        return map(self.values.__getitem__, _listed(self.code))

    def packed(self) -> Iterator[npt.NDArray[Any]]:
        """What a digest is made of, last of all the values as JSON."""
        yield self.code.astype(np.int32)
        yield np.frombuffer(json.dumps(self.values, separators=(",", ":")).encode(), np.uint8)


@dataclass(frozen=True, slots=True)
class Ragged:
    """A column of tuples of integers.

    Attributes
    ----------
    size : array of int of shape (n_rows,)
        How long each is.
    values : array of int
        All of them, end to end.
    """

    size: npt.NDArray[Any]
    values: npt.NDArray[Any]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """The column of some tuples."""
        values = np.array([*chain.from_iterable(rows)], np.int64)
        if not values.size:
            return cls.empty(len(rows))
        return cls(np.fromiter(map(len, rows), np.int64, len(rows)), values).narrow()

    @classmethod
    def single(cls, values: Ints) -> Self:
        """One row that has all of some values."""
        return cls(np.array([values.size]), values)

    def narrow(self) -> "Ragged":
        """The same in less memory."""
        return Ragged(_narrow(self.size), _narrow(self.values))

    def wide(self) -> "Ragged":
        """The same as 64-bit integers."""
        return Ragged(self.size.astype(np.int64), self.values.astype(np.int64, copy=False))

    @classmethod
    def empty(cls, n_rows: int) -> Self:
        """As many empty tuples."""
        return cls(np.broadcast_to(np.int64(0), (n_rows,)), np.zeros(0, np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Columns end to end."""
        values = np.concatenate([part.values for part in parts])
        if not values.size:
            return cls.empty(sum(part.size.size for part in parts))
        return cls(np.concatenate([part.size for part in parts]), values)

    @property
    def bounds(self) -> Ints:
        """Row i has ``values[bounds[i]:bounds[i + 1]]``."""
        return np.append(0, np.cumsum(self.size, dtype=np.int64))

    def take(self, order: Ints) -> "Ragged":
        """Some rows, in some order."""
        if not self.values.size:
            return Ragged.empty(order.size)
        bounds = self.bounds
        _, at = pairs(bounds[order], bounds[order + 1])
        return Ragged(self.size[order], self.values[at])

    def row(self, i: int) -> tuple[int, ...]:
        """The tuple of one row."""
        end = int(self.size[: i + 1].sum())
        return tuple(self.values[end - int(self.size[i]) : end].tolist())

    def rows(self) -> Iterator[tuple[int, ...]]:
        """The tuple of each row."""
        bounds = self.bounds
        for first in range(0, self.size.size, _CHUNK):
            ends = bounds[first : first + _CHUNK + 1]
            values = self.values[ends[0] : ends[-1]].tolist()
            yield from (tuple(values[a:b]) for a, b in pairwise((ends - ends[0]).tolist()))

    def packed(self) -> Iterator[npt.NDArray[Any]]:
        """What a digest is made of."""
        yield self.size.astype(np.int64)
        yield self.values.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of integers; ``values``: array of int of shape (n_rows,)."""

    values: npt.NDArray[Any]

    @classmethod
    def of(cls, rows: Sequence[int]) -> Self:
        """The column of some integers."""
        return cls(_narrow(np.array(rows, np.int64)))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Columns end to end."""
        return cls(np.concatenate([part.values for part in parts]))

    def take(self, order: Ints) -> "Numbers":
        """Some rows, in some order."""
        return Numbers(self.values[order])

    def row(self, i: int) -> int:
        """The integer of one row."""
        return int(self.values[i])

    def rows(self) -> Iterator[int]:
        """The integer of each row."""
        return _listed(self.values)

    def packed(self) -> Iterator[npt.NDArray[Any]]:
        """What a digest is made of."""
        yield self.values.astype(np.int64)


Column = Numbers | Coded | Ragged


def _columns_of(kind: type) -> dict[str, type[Column]]:
    """What each field of a kind of records becomes."""
    found: dict[str, type[Column]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        is_ragged = hint == tuple[int, ...]
        found[name] = Numbers if hint is int else Ragged if is_ragged else Coded
    return found


_COLUMNS: Final = {kind: _columns_of(kind) for kind in KIND_OF}


@dataclass(frozen=True, slots=True)
class Table:
    """Records of one kind in order; a column for each field of the kind, by name."""

    kind: type
    columns: dict[str, Column]

    @classmethod
    def of(cls, kind: type, records: Sequence[Record]) -> Self:
        """The table of some records of one kind."""
        makers = _COLUMNS[kind]
        fields = zip(*records, strict=True) if records else ((),) * len(makers)
        columns = zip(makers.items(), fields, strict=True)
        return cls(kind, {name: maker.of(field) for (name, maker), field in columns})

    @classmethod
    def of_columns(cls, kind: type, **columns: Ints | Coded | Ragged) -> Self:
        """The table of columns, in the order of the fields."""
        made: dict[str, Column] = {}
        for name in _COLUMNS[kind]:
            column = columns[name]
            if isinstance(column, np.ndarray):
                made[name] = Numbers(_narrow(column))
            else:
                made[name] = column.narrow() if isinstance(column, Ragged) else column
        return cls(kind, made)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Tables of one kind end to end."""
        if len(parts) == 1:
            return parts[0]
        kind = parts[0].kind
        joined: dict[str, Column] = {}
        for name, maker in _COLUMNS[kind].items():
            columns: list[Any] = [part.columns[name] for part in parts]
            joined[name] = maker.joined(columns)
        return cls(kind, joined)

    def __len__(self) -> int:
        return int(self.numbers("t_us").size)

    def take(self, order: Ints) -> "Table":
        """Some rows, in some order."""
        return Table(self.kind, {name: c.take(order) for name, c in self.columns.items()})

    def row(self, i: int) -> Record:
        """One record."""
        record: Record = self.kind(*(column.row(i) for column in self.columns.values()))
        return record

    def rows(self) -> Iterator[Record]:
        """Each record; a few at a time are objects."""
        columns = (column.rows() for column in self.columns.values())
        return starmap(self.kind, zip(*columns, strict=True))

    def numbers(self, name: str) -> Ints:
        """The integers of a field."""
        column = self.columns[name]
        assert isinstance(column, Numbers)
        return _wide(column.values)

    def coded(self, name: str) -> Coded:
        """A field of few different values."""
        column = self.columns[name]
        assert isinstance(column, Coded)
        return column

    def ragged(self, name: str) -> Ragged:
        """A field of tuples of integers."""
        column = self.columns[name]
        assert isinstance(column, Ragged)
        return column.wide()
