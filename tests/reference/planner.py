"""Which blocks of a group are compacted together, and which overlap (rules C6, C7)."""

from __future__ import annotations

from collections.abc import Collection

from tests.reference.world import Block


def overlapping(group: list[Block]) -> list[Block]:
    """The first blocks that overlap one another, by time; empty if none do (C6)."""
    blocks = sorted(group, key=lambda block: (block.min_us, block.max_us, block.order))
    connected: list[Block] = []
    for block in blocks:
        if connected and block.min_us >= max(other.max_us for other in connected):
            if len(connected) > 1:
                return connected
            connected = []
        connected.append(block)
    return connected if len(connected) > 1 else []


def share_sources(blocks: list[Block]) -> bool:
    """Whether some level-1 block is a source of two of them (C6)."""
    return any(
        one.sources & other.sources for one in blocks for other in blocks if one is not other
    )


def plan(
    group: list[Block], ranges_us: tuple[int, ...], excluded: Collection[str] = ()
) -> list[Block]:
    """The blocks to compact, by time; empty if there is nothing to do (C7)."""
    blocks = sorted(group, key=lambda block: (block.min_us, block.max_us, block.order))[:-1]
    for range_us in sorted(ranges_us)[1:]:
        for window in sorted({block.min_us // range_us for block in blocks}):
            low_us, high_us = window * range_us, (window + 1) * range_us
            inside = [b for b in blocks if low_us <= b.min_us and b.max_us <= high_us]
            if len(inside) < 2:
                continue
            first_us = min(block.min_us for block in inside)
            last_us = inside[-1].max_us
            if last_us - first_us == range_us or last_us <= blocks[-1].min_us:
                stretches: list[list[Block]] = [[]]
                for block in inside:
                    if block.id in excluded:
                        stretches.append([])
                    else:
                        stretches[-1].append(block)
                for stretch in stretches:
                    if len(stretch) > 1:
                        return stretch
    return []
