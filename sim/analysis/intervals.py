"""Sets of half-open integer intervals, as arrays.

An interval set is a pair of int64 arrays (start, end) of one shape; *merged* means sorted, disjoint
and without empty members. Grouped sets carry a third array of group numbers (>= 0).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.core.arrays import pairs

Ints = npt.NDArray[np.int64]


class Spans(NamedTuple):
    """Merged intervals."""

    start: Ints
    end: Ints

    def measure(self) -> int:
        """Total length."""
        return int((self.end - self.start).sum())

    def holds(self, at: Ints) -> npt.NDArray[np.bool_]:
        """Whether each instant lies in one of the intervals."""
        if not self.start.size:
            return np.zeros(at.shape, np.bool_)
        row = np.searchsorted(self.start, at, side="right") - 1
        return (row >= 0) & (at < self.end[np.maximum(row, 0)])


class GroupedSpans(NamedTuple):
    """Merged intervals of each group, sorted by group, then start."""

    group: Ints
    start: Ints
    end: Ints


EMPTY = Spans(np.empty(0, np.int64), np.empty(0, np.int64))


def merge(start: Ints, end: Ints) -> Spans:
    """The union of intervals; empty and reversed ones are ignored."""
    merged = merge_groups(np.zeros(start.shape, np.int64), start, end)
    return Spans(merged.start, merged.end)


def merge_groups(group: Ints, start: Ints, end: Ints) -> GroupedSpans:
    """The union of the intervals of each group; empty and reversed ones are ignored."""
    keep = end > start
    group, start, end = group[keep], start[keep], end[keep]
    if not group.size:
        return GroupedSpans(group, start, end)
    order = np.lexsort((start, group))
    group, start, end = group[order], start[order], end[order]
    # Groups laid end to end on one line, by the rank of each instant, so that it fits 63 bits.
    instants, rank = np.unique(np.concatenate([start, end]), return_inverse=True)
    base = (np.cumsum(np.diff(group, prepend=group[0]) > 0)) * instants.size
    start, end = rank[: group.size], rank[group.size :]
    reach = np.maximum.accumulate(base + end)
    first = np.ones(group.shape, np.bool_)
    first[1:] = (base + start)[1:] > reach[:-1]
    last = np.append(np.flatnonzero(first)[1:] - 1, group.size - 1)
    return GroupedSpans(group[first], instants[start[first]], instants[reach[last] - base[last]])


def intersect(one: Spans, two: Spans) -> Spans:
    """What two merged sets share, merged."""
    if not one.start.size or not two.start.size:
        return EMPTY
    first = np.searchsorted(two.end, one.start, side="right")
    last = np.searchsorted(two.start, one.end, side="left")
    left, right = pairs(first, last)
    start = np.maximum(one.start[left], two.start[right])
    end = np.minimum(one.end[left], two.end[right])
    keep = end > start
    return Spans(start[keep], end[keep])


def subtract(one: Spans, two: Spans) -> Spans:
    """What is in the first merged set and not in the second, merged."""
    if not one.start.size or not two.start.size:
        return one
    low = min(int(one.start[0]), int(two.start[0]))
    high = max(int(one.end[-1]), int(two.end[-1]))
    return intersect(one, complement(two, low, high))


def subtract_groups(one: GroupedSpans, two: GroupedSpans) -> GroupedSpans:
    """Per group, what is in the first set and not in the second."""
    if not one.group.size or not two.group.size:
        return one
    # Groups laid end to end on one line are one set; ranks in place of times keep it short.
    instants = np.unique(np.concatenate([*one[1:], *two[1:]]))
    span = instants.size
    lines = [
        Spans(
            s.group * span + np.searchsorted(instants, s.start),
            s.group * span + np.searchsorted(instants, s.end),
        )
        for s in (one, two)
    ]
    rest = subtract(lines[0], lines[1])
    group = rest.start // span
    start, end = (instants[column - group * span] for column in (rest.start, rest.end))
    return GroupedSpans(group, start, end)


def complement(spans: Spans, low: int, high: int) -> Spans:
    """What of [low, high) is not in a merged set that lies inside it."""
    start = np.concatenate([[low], spans.end]).astype(np.int64)
    end = np.concatenate([spans.start, [high]]).astype(np.int64)
    keep = end > start
    return Spans(start[keep], end[keep])


def steps(start: Ints, end: Ints, weight: Ints) -> tuple[Spans, Ints]:
    """The sum of ``weight`` (of any type) over the intervals that hold, as a step function.

    Returns the pieces on which the sum is constant, first start to last end, and the sum on each.
    Pieces on which nothing holds are included.
    """
    instants = np.concatenate([start, end])
    change = np.concatenate([weight, -weight])
    at, position = np.unique(instants, return_inverse=True)
    total = np.zeros(at.size, weight.dtype)
    np.add.at(total, position, change)
    value = np.cumsum(total)
    return Spans(at[:-1], at[1:]), value[:-1]


def greatest(
    first: Ints, last: Ints, value: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.float64]:
    """The greatest ``value`` of the intervals [first, last) that hold each of range(size).

    None of them is empty; -inf where none holds. It costs O((n + size) log size), however many
    intervals overlap: each is two stretches of a power of two, and stretches are halved together.
    """
    found = np.full(size, -np.inf)
    power = np.frexp((last - first).astype(np.float64))[1] - 1
    for exponent in range(int(power.max(initial=0)), -1, -1):
        half = 1 << exponent
        halved = found.copy()
        np.maximum(found[half:], found[:-half], out=halved[half:])
        rows = power == exponent
        np.maximum.at(halved, first[rows], value[rows])
        np.maximum.at(halved, last[rows] - half, value[rows])
        found = halved
    return found
