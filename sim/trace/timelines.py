"""The columns that judges read: when blocks, marks, objects and views were what.

A :class:`Timelines` holds one run as arrays, made by :func:`sim.trace.columns.build`. Intervals are
half-open [start, end) in integer microseconds; ``NEVER`` stands for "not in this run". Nothing here
knows what an error is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from sim.core.arrays import pairs
from sim.core.objects import BlockObjects, block_id
from sim.core.units import NEVER
from sim.trace.tables import Ints as Ints

EVERY: Final = -1
"""In the place of an object and of a replica: each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTable:
    """One row per block made; columns of shape (n_blocks,).

    ``deleted_us``: when its last chunk or index was acknowledged as deleted, after which none came
    back. ``broken_us``: since when it lacks a chunk, its index or its meta.json for good.
    ``damaged_us``: when first its meta.json was in the store and a chunk or its index was not.
    ``changed_us``: its last put or delete. ``data_ordinal[data_ptr[b]:data_ptr[b + 1]]`` are
    the level-1 ordinals in block b. ``by_hand``: made by a person, with a tool.
    """

    serial: Ints
    stream: Ints
    resolution: Ints
    min_us: Ints
    max_us: Ints
    level: Ints
    bytes: Ints
    created_us: Ints
    committed_us: Ints
    retired_us: Ints
    retired_why: Ints
    deleted_us: Ints
    broken_us: Ints
    damaged_us: Ints
    changed_us: Ints
    data_ptr: Ints
    data_ordinal: Ints
    by_hand: npt.NDArray[np.bool_]

    @property
    def id(self) -> "BlockIds":
        """What each is called."""
        return BlockIds(self)

    @property
    def cut(self) -> Ints:
        """Rows of the level-1 blocks that producers made, ascending."""
        return np.flatnonzero((self.level == 1) & ~self.by_hand)

    @property
    def of_producers(self) -> Ints:
        """Rows of the level-1 blocks that producers committed, ascending."""
        return self.cut[self.committed_us[self.cut] < NEVER]


class BlockIds(Sequence[str]):
    """Ids of blocks, each made when it is asked for."""

    def __init__(self, blocks: BlockTable) -> None:
        self._blocks = blocks

    def __len__(self) -> int:
        return int(self._blocks.level.size)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        blocks = self._blocks
        return block_id(
            serial=int(blocks.serial[index]),
            stream=int(blocks.stream[index]),
            resolution=int(blocks.resolution[index]),
            min_us=int(blocks.min_us[index]),
            max_us=int(blocks.max_us[index]),
            level=int(blocks.level[index]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnTable:
    """``block`` was committed, had no chunk and no index in [gone_us, back_us), then came back."""

    block: Ints
    gone_us: Ints
    back_us: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTable:
    """``gateway`` answered from ``block`` in [load_us, drop_us); ``crashed``: by an outage."""

    gateway: Ints
    block: Ints
    load_us: Ints
    drop_us: Ints
    crashed: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceTable:
    """A data object (chunks from 0, then the index) is not shown to GETs by ``replica``.

    Rows of one object and replica may overlap; their union is the absence. Where all objects come
    and go together, and everywhere, a row stands for each object and replica: both are ``EVERY``.
    """

    block: Ints
    object: Ints
    replica: Ints
    start_us: Ints
    end_us: Ints
    n_objects: int
    n_replicas: int

    def each(self, rows: Ints) -> "AbsenceTable":
        """Some rows, object by object and replica by replica."""
        is_every = self.object[rows] == EVERY
        copies = self.n_objects * self.n_replicas
        place, copy = pairs(np.zeros_like(rows), np.where(is_every, copies, 1))
        row, is_every = rows[place], is_every[place]
        return replace(
            self,
            block=self.block[row],
            object=np.where(is_every, copy // self.n_replicas, self.object[row]),
            replica=np.where(is_every, copy % self.n_replicas, self.replica[row]),
            start_us=self.start_us[row],
            end_us=self.end_us[row],
        )

    def of(self, block: int) -> "AbsenceTable":
        """The same of one block."""
        return self.each(np.flatnonzero(self.block == block))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkTable:
    """Puts of deletion-mark.json: acknowledged, the second stamped inside, shown by replica 0.

    ``unreadable`` are the blocks whose mark at the horizon nobody can read, ascending.
    """

    block: Ints
    acknowledged_us: Ints
    stamp_us: Ints
    visible_us: Ints
    unreadable: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectTable:
    """A querier knew of ``block`` in [start_us, end_us) what an index of the bucket said.

    ``stamp_us`` is that of its mark, NEVER without one.
    """

    block: Ints
    start_us: Ints
    end_us: Ints
    uploaded_us: Ints
    stamp_us: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class DownTable:
    """``gateway`` does not serve in [start_us, end_us); counted on until ``unhealthy_until_us``."""

    gateway: Ints
    start_us: Ints
    unhealthy_until_us: Ints
    end_us: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTable:
    """At ``at_us`` queries that had found objects gone were tried again at ``gateway``."""

    gateway: Ints
    at_us: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Timelines:
    """One run as columns; ``scheme`` is the name of the scheme it ran under.

    ``halted`` are the compactors whose passes have come to an end when the run ends, ``commits_us``
    when each version of a manifest was written.
    """

    scheme: str
    horizon_us: int
    warmup_us: int
    n_gateways: int
    n_replicas: int
    objects: BlockObjects
    seed: int
    blocks: BlockTable
    returns: ReturnTable
    loads: LoadTable
    absences: AbsenceTable
    marks: MarkTable
    downs: DownTable
    expected: ExpectTable
    halted: frozenset[str]
    retries: RetryTable
    commits_us: Ints
    counters: dict[str, int]
    digest: str
    records: int
