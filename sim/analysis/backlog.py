"""Compactions that were due and not done: whether a compactor keeps up with what is uploaded.

It is what Thanos tells as `thanos_compact_todo_compactions`, worked out from what happened: a
window of each of `compactor.ranges` but the first is due once all of its blocks, and a newer one,
are old enough to be looked at, and is done once a block that contains them is in the store. What
people have removed, or what has expired before, is not due any more. Blocks that people put there
are left out, and downsampling is not counted.
"""

from itertools import pairwise
from typing import Self

import numpy as np

from sim.analysis.queue import Queue
from sim.core.arrays import pairs
from sim.core.units import NEVER
from sim.scenario.schema import Scenario
from sim.trace.records import RETIRE_REASONS
from sim.trace.timelines import BlockTable, Ints, Timelines

__all__ = ["Backlog"]

_LOST = tuple(RETIRE_REASONS.index(why) for why in ("retention", "by-hand", "lifecycle"))


class Backlog(Queue):
    """Every compaction that was due; it begins when the block comes into being that does it."""

    @classmethod
    def of(cls, scenario: Scenario, timelines: Timelines) -> Self:
        """The backlog of all compactors of a run, after the warm-up."""
        length_us = scenario.producers.block_length_us
        lengths = [range_us // length_us for range_us in scenario.compactor.ranges_us]
        delay_us = scenario.compactor.consistency_delay_us
        raw = _Raw(timelines.blocks, lengths[-1], delay_us)
        found = [raw.windows(*both) for both in pairwise(lengths)]
        none = np.zeros((3, 0), np.int64)
        due_us, begun_us, end_us = np.concatenate([none, *found], axis=1)
        is_due = (due_us < end_us) & (due_us < timelines.horizon_us)
        return cls(
            low_us=timelines.warmup_us,
            high_us=timelines.horizon_us,
            due_us=due_us[is_due],
            begun_us=begun_us[is_due],
            end_us=end_us[is_due],
        )


class _Raw:
    """Raw blocks by the level-1 blocks in them, which are placed on a line: stream after stream.

    The line is cut into windows of any range without a window of two streams.
    """

    def __init__(self, blocks: BlockTable, longest: int, delay_us: int) -> None:
        begin, end = blocks.data_ptr[:-1], blocks.data_ptr[1:]
        is_raw = (blocks.resolution == 0) & ~blocks.by_hand & (end > begin)
        newest = int(blocks.data_ordinal.max(initial=0))
        self._width = (newest // longest + 1) * longest
        at = blocks.stream * self._width
        cut = np.flatnonzero(is_raw & (blocks.level == 1) & (blocks.committed_us < NEVER))
        place = at[cut] + blocks.data_ordinal[begin[cut]]
        order = np.argsort(place)
        self._cut, self._seen_us = place[order], blocks.committed_us[cut[order]] + delay_us
        # What else there is made windows of uploads, or is lost to them.
        is_lost = np.isin(blocks.retired_why, _LOST)
        rows = np.flatnonzero(is_raw & ((blocks.level > 1) | is_lost))
        self._first = at[rows] + blocks.data_ordinal[begin[rows]]
        self._last = at[rows] + blocks.data_ordinal[end[rows] - 1]
        self._is_made = blocks.level[rows] > 1
        self._created_us = blocks.created_us[rows]
        self._committed_us = blocks.committed_us[rows]
        self._lost_us = np.where(is_lost[rows], blocks.retired_us[rows], NEVER)

    def windows(self, part: int, length: int) -> Ints:
        """When compactions of windows of ``length`` were due, begun, and no longer due.

        Such a window has blocks in two or more of the windows of ``part``, the range before.
        """
        if not self._cut.size:
            return np.zeros((3, 0), np.int64)
        start = _starts(self._cut // length)
        # Uploads of a stream come in order: the next one is the first that is newer.
        after = np.append(start[1:], self._cut.size)
        stream = np.append(self._cut // self._width, -1)
        is_followed = stream[after] == stream[start]
        due_us = np.where(is_followed, np.append(self._seen_us, NEVER)[after], NEVER)
        begun_us, end_us = np.full(start.size, NEVER), np.full(start.size, NEVER)
        row, where = self._reach(self._cut[start] // length, length)
        does = self._is_made[row] & (self._first[row] <= self._cut[start[where]])
        does &= self._last[row] >= self._cut[after[where] - 1]
        np.minimum.at(begun_us, where[does], self._created_us[row[does]])
        np.minimum.at(end_us, where[does], self._committed_us[row[does]])
        is_lost = self._lost_us[row] < NEVER
        np.minimum.at(end_us, where[is_lost], self._lost_us[row[is_lost]])
        parts = self._cut[_starts(self._cut // part)] // length
        work: Ints = np.array([due_us, begun_us, end_us])[:, np.diff(_starts(parts, ends=True)) > 1]
        return work

    def _reach(self, window: Ints, length: int) -> tuple[Ints, Ints]:
        """Every pair of a block (row) and one of some windows (position) that it has blocks of."""
        first, last = self._first // length, self._last // length
        row, at = pairs(first, last + 1)
        where = np.searchsorted(window, at)
        is_there = np.append(window, -1)[where] == at
        return row[is_there], where[is_there]


def _starts(numbers: Ints, *, ends: bool = False) -> Ints:
    """Where each number begins in ascending ones; with ``ends`` their size behind that."""
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    return np.append(starts, numbers.size) if ends else starts
