"""Blocks that were deleted and uploaded again (``SEMANTICS.md`` P3)."""

from collections.abc import Iterator, Sequence

import numpy as np

from sim.core.units import NEVER
from sim.trace.changes import Change, Changes
from sim.trace.records import PutRecord
from sim.trace.timelines import ReturnTable


def returns(changes: Changes) -> ReturnTable:
    """The table of returns."""
    rows: list[tuple[int, int, int]] = []
    n_data = changes.n_data
    for index, history in changes.odd.items():
        commits = [r for r in history if isinstance(r, PutRecord) and n_data in r.objects]
        # As a rule a block is committed once.
        if len(commits) > 1:
            rows += ((index, *gap) for gap in _gaps(history, commits[0].t_us, n_data))
    block, gone_us, back_us = np.array(rows, np.int64).reshape(-1, 3).T
    return ReturnTable(block=block, gone_us=gone_us, back_us=back_us)


def _gaps(changes: Sequence[Change], committed_us: int, n_data: int) -> Iterator[tuple[int, int]]:
    """From when to when no chunk and no index was there, of a block that then came back."""
    there: set[int] = set()
    gone_us = NEVER
    for change in changes:
        is_put = isinstance(change, PutRecord)
        if is_put and gone_us < NEVER and change.objects[0] < n_data:
            yield gone_us, change.t_us
            gone_us = NEVER
        there = there.union(change.objects) if is_put else there.difference(change.objects)
        if not is_put and change.t_us >= committed_us and not there.intersection(range(n_data)):
            gone_us = min(gone_us, change.t_us)
