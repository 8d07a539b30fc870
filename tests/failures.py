"""What safety rules exclude, read off a trace: halts, lost uploads, data that expired too early."""

from __future__ import annotations

from collections import defaultdict

from sim.trace.recorder import Trace
from sim.trace.records import (
    RETIRE_REASONS,
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    HaltRecord,
    RetireRecord,
)


def data(block: BlockRecord) -> set[int]:
    """Ordinals of the level-1 blocks whose data a block has."""
    ends = iter(block.data)
    return {ordinal for low in ends for ordinal in range(low, next(ends))}


def overlaps(trace: Trace) -> list[str]:
    """Halts at blocks that intersect."""
    halts = [r.reason for r in trace.records if isinstance(r, HaltRecord)]
    return [reason for reason in halts if reason.startswith("overlap")]


def abandoned(trace: Trace) -> list[str]:
    """Blocks that were deleted though nobody had retired them."""
    ids: dict[int, str] = {}
    retired: set[int] = set()
    found = []
    for record in trace.records:
        match record:
            case BlockRecord():
                ids[record.block] = record.id
            case RetireRecord():
                retired.add(record.block)
            case DeleteRecord() if record.block not in retired:
                found.append(ids[record.block])
    return found


def not_downsampled(trace: Trace, resolution: int) -> list[str]:
    """Blocks of a resolution that expired before all of their data was in the next one."""
    blocks: dict[int, BlockRecord] = {}
    made: dict[int, set[int]] = defaultdict(set)
    found = []
    for record in trace.records:
        match record:
            case BlockRecord():
                blocks[record.block] = record
            case CompactRecord() if blocks[record.block].resolution == resolution + 1:
                block = blocks[record.block]
                made[block.stream] |= data(block)
            case RetireRecord() if RETIRE_REASONS[record.why] == "retention":
                block = blocks[record.block]
                if block.resolution == resolution and not data(block) <= made[block.stream]:
                    found.append(block.id)
    return found
