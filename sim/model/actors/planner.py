"""What to compact next: the planner of the system modelled (``SEMANTICS.md`` C6, C7)."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Protocol, TypeVar


class Spanned(Protocol):
    """What a plan needs to know of a block."""

    @property
    def index(self) -> int: ...

    @property
    def min_us(self) -> int: ...

    @property
    def max_us(self) -> int: ...


B = TypeVar("B", bound=Spanned)

by_time = attrgetter("min_us", "max_us", "index")
"""Sort key of the blocks of a group: ascending in the start of their data."""


def overlapping(blocks: Sequence[B]) -> list[B]:
    """The first blocks of a group, given in order of time, that overlap one another, or none.

    Each begins before the end of those before it; the first two are neighbours that intersect.
    """
    for i, (earlier, later) in enumerate(pairwise(blocks)):
        if later.min_us < earlier.max_us:
            return _run(blocks[i:])
    return []


def _run(blocks: Sequence[B]) -> list[B]:
    run, end_us = [blocks[0]], blocks[0].max_us
    for block in blocks[1:]:
        if block.min_us >= end_us:
            break
        run.append(block)
        end_us = max(end_us, block.max_us)
    return run


def plan(blocks: Sequence[B], ranges_us: Sequence[int], excluded: Collection[int] = ()) -> list[B]:
    """Of a group's blocks in order of time, those to compact into one; empty if nothing is due.

    The newest block is never planned. For each range, ascending, the blocks inside one aligned
    window are due if they span it or if a newer block is there, so that gaps do not hold a window
    back for ever. Of such a window the first two or more neighbours are taken between ``excluded``
    ones (ordinals). Source: Thanos 0.43, pkg/compact/planner.go, after Prometheus' tsdb/compact.go.
    """
    older = blocks[:-1]
    if len(older) < 2:
        return []
    newest_min_us = older[-1].min_us
    for range_us in ranges_us[1:]:
        # As a rule hardly any block is shorter.
        shorter = [block for block in older if block.max_us - block.min_us < range_us]
        for window in _windows(shorter, range_us) if len(shorter) > 1 else ():
            last_us = window[-1].max_us
            if last_us <= newest_min_us or last_us - window[0].min_us == range_us:
                run = _free(window, excluded) if excluded else window
                if run:
                    return run
    return []


def _free(window: Sequence[B], excluded: Collection[int]) -> list[B]:
    """The first two or more neighbours of which none is excluded; empty if there are none."""
    run: list[B] = []
    for block in window:
        if block.index not in excluded:
            run.append(block)
        elif len(run) > 1:
            break
        else:
            run = []
    return run if len(run) > 1 else []


def _windows(blocks: Sequence[B], range_us: int) -> Iterator[list[B]]:
    """Two or more blocks inside one aligned window of ``range_us``, by window; all are shorter."""
    window: list[B] = []
    end_us = 0
    for block in blocks:
        if block.min_us >= end_us:
            if len(window) > 1:
                yield window
            window = []
            end_us = block.min_us - block.min_us % range_us + range_us
        if block.max_us <= end_us:
            window.append(block)
    if len(window) > 1:
        yield window
