"""What the fast code tells, in the words of the plain reference."""

from __future__ import annotations

from sim.analysis.leftovers import left_behind
from sim.analysis.overdue import deletions_due
from sim.core.units import NEVER
from sim.scenario.schema import Scenario
from sim.trace.recorder import Trace
from sim.trace.records import BucketPutRecord, DeleteRecord, PutRecord
from sim.trace.timelines import Timelines


def objects(trace: Trace, timelines: Timelines) -> dict[str, list[tuple[int, bool]]]:
    """By key, when each version was acknowledged, and whether it is a put."""
    chunks = [f"chunks/{i + 1:06d}" for i in range(timelines.objects.chunk_files)]
    names = [*chunks, "index", "meta.json", "deletion-mark.json", "no-compact-mark.json"]
    found: dict[str, list[tuple[int, bool]]] = {}
    for record in trace.records:
        if isinstance(record, PutRecord | DeleteRecord):
            for i in record.objects:
                key = f"{timelines.blocks.id[record.block]}/{names[i]}"
                found.setdefault(key, []).append((record.t_us, isinstance(record, PutRecord)))
        elif isinstance(record, BucketPutRecord):
            found.setdefault(record.key, []).append((record.t_us, True))
    return found


def due(scenario: Scenario, timelines: Timelines) -> dict[str, tuple[int, int]]:
    """By block id, since when it is to be deleted, and when it is gone."""
    rows, due_us = deletions_due(scenario, timelines)
    gone_us, ids = timelines.blocks.deleted_us[rows], timelines.blocks.id
    found = zip(rows.tolist(), due_us.tolist(), gone_us.tolist(), strict=True)
    return {ids[b]: (d, g) for b, d, g in found if d < scenario.horizon_us and d <= g}


def left(timelines: Timelines) -> dict[tuple[str, int], int]:
    """By block id and copy, the chunks that the copy keeps of what is gone."""
    rows, copies, n_chunks = left_behind(timelines)
    found = zip(rows.tolist(), copies.tolist(), n_chunks.tolist(), strict=True)
    return {(timelines.blocks.id[b], copy): n for b, copy, n in found}


def loads(timelines: Timelines) -> dict[tuple[int, str, int, int], bool]:
    """Gateway, block id, load and drop of each that happened."""
    loads, ids = timelines.loads, timelines.blocks.id
    rows = zip(loads.gateway, loads.block, loads.load_us, loads.drop_us, strict=True)
    return {(int(g), ids[b], int(a), int(z)): True for g, b, a, z in rows if a < NEVER}
