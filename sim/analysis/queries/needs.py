"""What data queries need of the bucket, and when no answer has it (``SEMANTICS.md`` Q5)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import GroupedSpans, Ints, merge_groups
from sim.analysis.queries.lapses import Covers, Gone, Lapses, Need, lapses
from sim.core.arrays import pairs
from sim.core.objects import RESOLUTIONS

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure

__all__ = ["Needs"]

_COVERS_MAX: Final = 1 << 18
"""Covers of about as many streams are looked at together as have this many, to bound memory."""


class _Part(NamedTuple):
    """What is needed of some streams, rows (n,), and the blocks that have it."""

    rows: Ints
    need: Need
    covers: Covers

    def open(self) -> tuple[Ints, Ints, Ints]:
        """What is left of each need, perhaps nothing: rows (need, start, end)."""
        covers, end_us = self.covers, self.need.end_us
        covered = merge_groups(covers.need, covers.start_us, covers.end_us)
        # What is left of each need runs from its start, or the end of a covered piece, to the
        # start of the next covered piece, or its end.
        n = self.rows.size
        group = np.concatenate([np.arange(n), covered.group])
        opens = np.concatenate([self.need.start_us, covered.end])
        order = np.lexsort((opens, group))
        group, opens = group[order], opens[order]
        closes = end_us[group]
        closes[np.flatnonzero(order >= n) - 1] = covered.start
        return group, opens, closes


class Needs:
    """Data of one class for which only the bucket can answer, and the blocks that have it.

    Parameters
    ----------
    exposure : Exposure
        Of the class, whose run, arrivals and uses of blocks count.
    gone : Gone or None
        What absent objects take out of answers; None where they fail those of whole gateways.
    """

    def __init__(self, exposure: "Exposure", gone: Gone | None) -> None:
        self._blocks, self._loads = exposure.timelines.blocks, exposure.timelines.loads
        self._rows, self._start_us, self._end_us = _needed(exposure)
        self._used = exposure.uses
        self._chunk = self._chunks(exposure.n_streams)
        self._members = [
            _by_chunk(self._chunk[self._blocks.stream[block]], int(self._chunk[-1]) + 1)
            for block in (self._rows, self._loads.block[self._used.load])
        ]
        self._gone = gone
        self._whole: _Part | None = None
        self._missing: dict[tuple[frozenset[int], int], GroupedSpans] = {}
        self._lapses: dict[frozenset[int], Lapses] = {}

    def __len__(self) -> int:
        return int(self._rows.size)

    def missing(self, takes_us: int, left_out: frozenset[int]) -> GroupedSpans:
        """Arrivals for which data of a stream is missing if ``left_out`` gateways give nothing."""
        # How long queries take matters only where they lack blocks.
        key = left_out, 0 if self._gone is None else takes_us
        if key not in self._missing:
            self._missing[key] = (
                self._find_missing(left_out)
                if self._gone is None
                else self.lapses(left_out).merged(takes_us)
            )
        return self._missing[key]

    def lapses(self, left_out: frozenset[int]) -> Lapses:
        """The same for queries of any duration."""
        if self._gone is None:
            found = self.missing(0, left_out)
            return Lapses(*found, np.zeros_like(found.start))
        if left_out not in self._lapses:
            by_row = self._lapses_by_row(left_out, self._gone)
            self._lapses[left_out] = by_row._replace(stream=self._blocks.stream[by_row.stream])
        return self._lapses[left_out]

    def unserved(self, left_out: frozenset[int]) -> Lapses:
        """The same by level-1 block, whose ordinal stands for the stream."""
        if self._gone is not None:
            return self._lapses_by_row(left_out, self._gone)
        found = []
        for part in self._parts(left_out):
            need, opens, closes = part.open()
            spans = merge_groups(part.rows[need], opens, closes)
            found.append(Lapses(*spans, np.zeros_like(spans.start)))
        return _in_order(found)

    def lacking(self, at_us: int, takes_us: int, left_out: frozenset[int]) -> Ints:
        """Level-1 blocks, ordinals ascending, whose data is missing for one arrival."""
        found = []
        for rows, need, covers in self._parts(left_out):
            holds = (covers.start_us <= at_us) & (at_us < covers.end_us)
            if self._gone is not None:
                holds &= ~np.isin(covers.load, self._gone.loads(at_us, takes_us))
            asked = (need.start_us <= at_us) & (at_us < need.end_us)
            asked[covers.need[holds]] = False
            found.append(rows[asked])
        return np.sort(np.concatenate(found))

    def _find_missing(self, left_out: frozenset[int]) -> GroupedSpans:
        found = []
        for part in self._parts(left_out):
            need, opens, closes = part.open()
            found.append(merge_groups(part.need.stream[need], opens, closes))
        return GroupedSpans(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def _lapses_by_row(self, left_out: frozenset[int], gone: Gone) -> Lapses:
        parts = self._parts(left_out)
        return _in_order([lapses(p.need._replace(stream=p.rows), p.covers, gone) for p in parts])

    def _chunks(self, n_streams: int) -> Ints:
        """Which streams, by number, are looked at together: a number for each, ascending."""
        blocks = self._blocks
        block = self._loads.block[self._used.load]
        size = blocks.data_ptr[block + 1] - blocks.data_ptr[block]
        covers = np.bincount(blocks.stream[block], weights=size, minlength=n_streams)
        _, number = np.unique(np.cumsum(covers) // _COVERS_MAX, return_inverse=True)
        return number

    def _parts(self, left_out: frozenset[int]) -> Iterator[_Part]:
        """What is needed of all streams, without what some gateways have."""
        n_parts = int(self._chunk[-1]) + 1
        for number in range(n_parts):
            part = self._whole or self._part(number)
            if n_parts == 1:
                self._whole = part
            if left_out:
                gateway = self._loads.gateway[part.covers.load]
                keep = ~np.isin(gateway, np.array(sorted(left_out), np.int64))
                covers = Covers(*(column[keep] for column in part.covers))
                part = part._replace(covers=covers)
            yield part

    def _part(self, number: int) -> _Part:
        """One chunk of streams."""
        blocks, used = self._blocks, self._used
        streams = np.flatnonzero(self._chunk == number)
        low, high = int(streams[0]), int(streams[-1]) + 1
        mine, asked = (rows[bounds[number] : bounds[number + 1]] for rows, bounds in self._members)
        rows = self._rows[mine]
        need = Need(blocks.stream[rows], self._start_us[mine], self._end_us[mine])
        block = self._loads.block[used.load[asked]]
        width = int(blocks.data_ordinal.max(initial=0)) + 1
        position = np.full((high - low) * width, -1)
        key = (need.stream - low) * width + blocks.data_ordinal[blocks.data_ptr[rows]]
        position[key] = np.arange(rows.size)
        left, member = pairs(blocks.data_ptr[block], blocks.data_ptr[block + 1])
        which = position[(blocks.stream[block[left]] - low) * width + blocks.data_ordinal[member]]
        which, use = which[which >= 0], asked[left[which >= 0]]
        start = np.maximum(used.start_us[use], need.start_us[which])
        end = np.minimum(used.end_us[use], need.end_us[which])
        keep = end > start
        covers = Covers(which[keep], used.load[use[keep]], start[keep], end[keep])
        return _Part(rows, need, covers)


def _by_chunk(chunk: Ints, n_chunks: int) -> tuple[npt.NDArray[np.int32], Ints]:
    """Rows by their chunk and else in order; chunk *i* has [bounds[i], bounds[i + 1]) of them."""
    order = np.argsort(chunk, kind="stable").astype(np.int32)
    return order, np.searchsorted(chunk[order], np.arange(n_chunks + 1))


def _in_order(found: Sequence[Lapses]) -> Lapses:
    """The lapses of all parts, by block and then by time."""
    if len(found) == 1:
        return found[0]
    every = Lapses(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
    order = np.argsort(every.stream, kind="stable")
    return Lapses(*(column[order] for column in every))


def _needed(exposure: "Exposure") -> tuple[Ints, Ints, Ints]:
    """Level-1 blocks and the arrivals [start, end) for which only the bucket has their data."""
    blocks, spec = exposure.timelines.blocks, exposure.scenario
    is_kept = spec.producers.unuploaded != "dropped"
    rows = blocks.of_producers if is_kept else blocks.cut
    start, end = exposure.asks(rows)
    start = np.maximum(start, blocks.max_us[rows] + spec.producers.kept_us)
    if is_kept:
        start = np.maximum(start, blocks.committed_us[rows])
    finest = RESOLUTIONS.index(exposure.query_class.max_resolution) + 1
    kept = spec.compactor.retention_us[: finest if spec.compactor.downsampling else 1]
    if all(kept):
        end = np.minimum(end, blocks.max_us[rows] + max(kept))
    keep = end > start
    return rows[keep], start[keep], end[keep]
