"""Which blocks of a group are compacted together, and which overlap (rules C6, C7)."""

from __future__ import annotations

from tests.reference.world import Block


def overlapping(group: list[Block]) -> bool:
    """Whether a block begins before an earlier one has ended (C6)."""
    by_min = sorted(group, key=lambda block: block.min_us)
    return any(
        by_min[i].min_us < max(earlier.max_us for earlier in by_min[:i])
        for i in range(1, len(by_min))
    )


def plan(group: list[Block], ranges_us: tuple[int, ...]) -> list[Block]:
    """The blocks to compact, by time; empty if there is nothing to do (C7)."""
    blocks = sorted(group, key=lambda block: block.min_us)[:-1]
    for range_us in sorted(ranges_us)[1:]:
        for window in sorted({block.min_us // range_us for block in blocks}):
            low_us, high_us = window * range_us, (window + 1) * range_us
            inside = [b for b in blocks if low_us <= b.min_us and b.max_us <= high_us]
            if len(inside) < 2:
                continue
            first_us = min(block.min_us for block in inside)
            last_us = max(block.max_us for block in inside)
            if last_us - first_us == range_us or last_us <= blocks[-1].min_us:
                return inside
    return []
