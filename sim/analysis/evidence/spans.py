"""The lanes of a tale: for how long a replica showed, or a gateway had loaded, each block."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.core.units import NEVER
from sim.trace.absences import hidden_spans
from sim.trace.records import CompactRecord, DeleteRecord, PutRecord

if TYPE_CHECKING:
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["Span", "spans_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """``block`` (id) was in ``lane`` in [start_us, end_us), end NEVER if it still is.

    Lanes: get/0, a replica shows all data of it; list/0, a replica lists something of it;
    gateway/0, it is loaded; compactor, it is being made.
    """

    lane: str
    block: str
    start_us: int
    end_us: int


def spans_of(
    trace: "Trace",
    timelines: "Timelines",
    cast: Sequence[int],
    gateways: Iterable[int],
    replicas: Iterable[int],
) -> tuple[Span, ...]:
    """Give the lanes of some blocks (ordinals), by lane, block and time."""
    ids = timelines.blocks.id
    rows: list[tuple[str, int, int, int]] = []
    listed = _listings(trace, set(cast), timelines.n_replicas)
    for replica in replicas:
        for block in cast:
            rows += [(f"get/{replica}", block, *s) for s in _whole(timelines, block, replica)]
            rows += [(f"list/{replica}", block, *s) for s in listed.get((block, replica), ())]
    for record in trace.records:
        if isinstance(record, CompactRecord) and record.block in cast:
            begin_us = int(timelines.blocks.created_us[record.block])
            rows.append(("compactor", record.block, begin_us, record.t_us))
    loads = timelines.loads
    for gateway in gateways:
        for row in np.flatnonzero((loads.gateway == gateway) & np.isin(loads.block, list(cast))):
            span = int(loads.load_us[row]), int(loads.drop_us[row])
            rows.append((f"gateway/{gateway}", int(loads.block[row]), *span))
    return tuple(
        Span(lane=lane, block=ids[block], start_us=start, end_us=end)
        for lane, block, start, end in rows
        if start < end
    )


def _whole(timelines: "Timelines", block: int, replica: int) -> Iterator[tuple[int, int]]:
    """When a replica shows every data object of a block."""
    table = timelines.absences.of(block)
    rows = np.flatnonzero(table.replica == replica)
    spans = zip(table.start_us[rows].tolist(), table.end_us[rows].tolist(), strict=True)
    yield from _between(spans)


def _between(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What of [0, NEVER) lies in none of the spans."""
    free_us = 0
    for start_us, end_us in sorted(spans):
        if start_us > free_us:
            yield free_us, start_us
        free_us = max(free_us, end_us)
    if free_us < NEVER:
        yield free_us, NEVER


def _listings(
    trace: "Trace", cast: set[int], n_replicas: int
) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """When each replica lists some object of each block (``SEMANTICS.md`` S3, S5)."""
    versions: dict[tuple[int, int, int], list[tuple[bool, int]]] = {}
    for record in trace.records:
        if not isinstance(record, PutRecord | DeleteRecord) or record.block not in cast:
            continue
        for place, index in enumerate(record.objects):
            for replica in range(n_replicas):
                at = place * n_replicas + replica
                t_us = record.list[at] if record.list else record.t_us
                key = record.block, replica, index
                versions.setdefault(key, []).append((isinstance(record, PutRecord), t_us))
    shown: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (block, replica, _), seen in versions.items():
        shown.setdefault((block, replica), []).extend(_between(hidden_spans(seen)))
    return {key: list(_merged(spans)) for key, spans in shown.items()}


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The union of spans."""
    gaps = list(_between(spans))
    edges = [0, *(edge for gap in gaps for edge in gap), NEVER]
    yield from ((a, b) for a, b in list(pairwise(edges))[::2] if a < b)
