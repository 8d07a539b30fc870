"""What data queries need of the bucket, and when no answer has it (``SEMANTICS.md`` Q5)."""

from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.intervals import GroupedSpans, Ints, merge_groups, pairs
from sim.analysis.queries.lapses import Covers, Gone, Lapses, Need, lapses
from sim.analysis.queries.uses import Uses
from sim.core.objects import RESOLUTIONS

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure

__all__ = ["Needs"]


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
        self._covers = self._covering(exposure.uses, exposure.n_streams)
        self._gone = gone
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
            stream = self._blocks.stream[self._rows]
            need = Need(stream, self._start_us, self._end_us)
            self._lapses[left_out] = lapses(need, self._without(left_out), self._gone)
        return self._lapses[left_out]

    def unserved(self, left_out: frozenset[int]) -> Lapses:
        """The same by level-1 block, whose ordinal stands for the stream."""
        if self._gone is not None:
            rows = Need(self._rows, self._start_us, self._end_us)
            return lapses(rows, self._without(left_out), self._gone)
        need, opens, closes = self._open(left_out)
        found = merge_groups(self._rows[need], opens, closes)
        return Lapses(*found, np.zeros_like(found.start))

    def lacking(self, at_us: int, takes_us: int, left_out: frozenset[int]) -> Ints:
        """Level-1 blocks, ordinals ascending, whose data is missing for one arrival."""
        covers = self._without(left_out)
        holds = (covers.start_us <= at_us) & (at_us < covers.end_us)
        if self._gone is not None:
            holds &= ~np.isin(covers.load, self._gone.loads(at_us, takes_us))
        asked = (self._start_us <= at_us) & (at_us < self._end_us)
        asked[covers.need[holds]] = False
        return np.sort(self._rows[asked])

    def _covering(self, used: Uses, n_streams: int) -> Covers:
        """Which blocks in use have the data of a needed block."""
        blocks, rows = self._blocks, self._rows
        width = int(blocks.data_ordinal.max(initial=0)) + 1
        key = blocks.stream[rows] * width + blocks.data_ordinal[blocks.data_ptr[rows]]
        position = np.full(n_streams * width, -1)
        position[key] = np.arange(rows.size)
        block = self._loads.block[used.load]
        left, member = pairs(blocks.data_ptr[block], blocks.data_ptr[block + 1])
        need = position[blocks.stream[block[left]] * width + blocks.data_ordinal[member]]
        need, use = need[need >= 0], left[need >= 0]
        start = np.maximum(used.start_us[use], self._start_us[need])
        end = np.minimum(used.end_us[use], self._end_us[need])
        keep = end > start
        return Covers(need[keep], used.load[use[keep]], start[keep], end[keep])

    def _without(self, left_out: frozenset[int]) -> Covers:
        gateway = self._loads.gateway[self._covers.load]
        keep = ~np.isin(gateway, np.array(sorted(left_out), np.int64))
        return Covers(*(column[keep] for column in self._covers))

    def _find_missing(self, left_out: frozenset[int]) -> GroupedSpans:
        need, opens, closes = self._open(left_out)
        return merge_groups(self._blocks.stream[self._rows[need]], opens, closes)

    def _open(self, left_out: frozenset[int]) -> tuple[Ints, Ints, Ints]:
        """What is left of each need, perhaps nothing: rows (need, start, end)."""
        covers = self._without(left_out)
        covered = merge_groups(covers.need, covers.start_us, covers.end_us)
        # What is left of each need runs from its start, or the end of a covered piece, to the
        # start of the next covered piece, or its end.
        n = self._rows.size
        group = np.concatenate([np.arange(n), covered.group])
        opens = np.concatenate([self._start_us, covered.end])
        order = np.lexsort((opens, group))
        group, opens = group[order], opens[order]
        closes = self._end_us[group]
        closes[np.flatnonzero(order >= n) - 1] = covered.start
        return group, opens, closes


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
