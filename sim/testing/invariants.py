"""What every trace must fulfil, whatever scenario it is a trace of.

A checker walks the records once and keeps the little it needs; it shares no code with the model
that wrote them. Rules in parentheses are those of ``SEMANTICS.md``.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sim.core.objects import MANIFEST, BlockObjects
from sim.core.units import US_PER_S
from sim.errors import ModelError
from sim.trace.recorder import Trace, encode
from sim.trace.records import (
    RETIRE_REASONS,
    UNREADABLE_US,
    BlockRecord,
    BucketPutRecord,
    CompactRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    HaltRecord,
    LoadRecord,
    NamesRecord,
    PassesRecord,
    PutRecord,
    Record,
    RequestsRecord,
    ResumeRecord,
    RetireRecord,
    SyncsRecord,
    UpRecord,
)

__all__ = ["Violation", "check_trace", "violations"]


class Violation(NamedTuple):
    """An invariant that a record breaks.

    Attributes
    ----------
    invariant : str
        What should hold, stated positively.
    number : int
        Which record, from 0.
    record : Record
    """

    invariant: str
    number: int
    record: Record


def check_trace(trace: Trace) -> None:
    """Refuse a trace that breaks an invariant.

    Raises
    ------
    ModelError
        With the first violation, its record and what would show it again.
    """
    found = next(violations(trace), None)
    if found is None:
        return
    header = trace.header
    detail = (
        f"record {found.number} {encode(found.record)} of {header.scenario!r}, scheme "
        f"{header.scheme!r}, trial {header.trial}, seed {header.seed}, digest {trace.digest}"
    )
    raise ModelError(found.invariant, detail)


def violations(trace: Trace) -> Iterator[Violation]:
    """Yield every violation of a trace, in the order of its records."""
    walk = _Walk(trace)
    for number, record in enumerate(trace.records):
        for invariant in walk.step(number, record):
            yield Violation(invariant, number, record)


class _Walk:
    """The state of the world as far as the records read so far tell it."""

    def __init__(self, trace: Trace) -> None:
        header = trace.header
        self._horizon_us = header.horizon_us
        self._replicas = header.replicas
        objects = BlockObjects(header.chunk_files)
        self._index, self._meta = objects.index, objects.meta
        self._last = len(trace.records) - 1
        self._now_us = 0
        self._blocks: list[BlockRecord] = []
        self._ids: set[str] = set()
        self._data: list[frozenset[int]] = []
        self._sources: list[frozenset[int]] = []
        self._held: list[set[int]] = []
        self._put_once: list[set[int]] = []
        self._shown_us: list[int | None] = []
        self._retired: set[int] = set()
        self._loaded: list[set[int]] = [set() for _ in range(header.gateways)]
        self._serving: set[int] = set()
        self._halted: set[str] = set()
        self._has_manifest = False

    def step(self, number: int, record: Record) -> Iterator[str]:
        """Take in one record; yield the invariants that it breaks."""
        if record.t_us < self._now_us:
            yield "records stand in the order of time"
        self._now_us = max(self._now_us, record.t_us)
        is_end = isinstance(record, RequestsRecord)
        if is_end != (number == self._last):
            yield "the counts of requests are the last record, and only the last"
        is_sum = isinstance(record, RequestsRecord | SyncsRecord | PassesRecord)
        if is_sum and record.t_us != self._horizon_us:
            yield "syncs, passes and requests are put together at the horizon"
        if not is_sum and not 0 <= record.t_us < self._horizon_us:
            yield "nothing happens outside [0, horizon) (T1)"
        yield from self._by_kind(record)

    def _by_kind(self, record: Record) -> Iterator[str]:
        if isinstance(record, BlockRecord):
            yield from self._block(record)
        elif isinstance(record, NamesRecord):
            self._sources[record.block] = _expanded(record.sources)
        elif isinstance(record, PutRecord):
            yield from self._put(record)
        elif isinstance(record, DeleteRecord):
            yield from self._delete(record)
        elif isinstance(record, BucketPutRecord):
            self._has_manifest |= record.key == MANIFEST
            yield from self._visible(record, 1)
        elif isinstance(record, RetireRecord):
            yield from self._retire(record)
        elif isinstance(record, CompactRecord):
            yield from self._compact(record)
        elif isinstance(record, LoadRecord):
            yield from self._load(record)
        elif isinstance(record, DropRecord):
            yield from self._drop(record)
        elif isinstance(record, DownRecord | UpRecord):
            yield from self._turn(record)
        elif isinstance(record, HaltRecord):
            if record.actor in self._halted:
                yield "what has halted does not halt (C6)"
            self._halted.add(record.actor)
        elif isinstance(record, ResumeRecord):
            if record.actor not in self._halted:
                yield "only what has halted begins again (C6)"
            self._halted.discard(record.actor)

    def _block(self, record: BlockRecord) -> Iterator[str]:
        if record.block != len(self._blocks):
            yield "blocks are numbered from 0"
        if record.id in self._ids:
            yield "no two blocks have one id (B1)"
        if not record.min_us < record.max_us:
            yield "a block covers some time (B1)"
        flat = record.data
        if list(flat) != sorted(set(flat)) or len(flat) % 2 or not flat:
            yield "data are ascending, disjoint ranges"
        if record.level == 1 and record.max_us > record.t_us:
            yield "a level-1 block is cut when its time is over (P1)"
        self._blocks.append(record)
        self._ids.add(record.id)
        self._data.append(_expanded(flat))
        self._sources.append(self._data[-1])
        self._held.append(set())
        self._put_once.append(set())
        self._shown_us.append(None)

    def _put(self, record: PutRecord) -> Iterator[str]:
        yield from self._change(record)
        held = self._held[record.block]
        for i in record.objects:
            # Whoever cleans up may have removed some of them since (C11).
            if i == self._meta and not self._put_once[record.block].issuperset(range(i)):
                yield "meta.json is put last (B2)"
            if i == self._meta:
                # Put again, after an answer that was lost, it may show sooner.
                before_us, shown_us = self._shown_us[record.block], self._first_shown(record, i)
                first_us = shown_us if before_us is None else min(before_us, shown_us)
                self._shown_us[record.block] = first_us
            if i > self._meta:
                # Which second it is depends on the clock of who makes it (T6).
                is_second = record.stamp_us % US_PER_S == 0
                if not is_second and record.stamp_us != UNREADABLE_US:
                    yield "a mark is stamped with a whole second (C9)"
            held.add(i)
            self._put_once[record.block].add(i)

    def _first_shown(self, record: PutRecord, i: int) -> int:
        """When the first replica shows an object of a put to GETs."""
        first = record.objects.index(i) * self._replicas
        return min(record.get[first : first + self._replicas], default=record.t_us)

    def _delete(self, record: DeleteRecord) -> Iterator[str]:
        yield from self._change(record)
        held = self._held[record.block]
        if not held.issuperset(record.objects):
            yield "only what is there is deleted (B4)"
        held.difference_update(record.objects)

    def _change(self, record: PutRecord | DeleteRecord) -> Iterator[str]:
        """What holds for every acknowledged change."""
        if not record.objects or len(set(record.objects)) != len(record.objects):
            yield "a change is of some objects, of each once"
        yield from self._visible(record, len(record.objects))

    def _visible(
        self, record: PutRecord | DeleteRecord | BucketPutRecord, n_objects: int
    ) -> Iterator[str]:
        """What holds of when replicas show a change."""
        cells = n_objects * self._replicas
        for plane in (record.get, record.list):
            if len(plane) not in (0, cells):
                yield "every replica shows every object, or all do at once"
            if any(shown_us < record.t_us for shown_us in plane):
                yield "nothing is visible before it is acknowledged (S2)"

    def _retire(self, record: RetireRecord) -> Iterator[str]:
        if record.block in self._retired:
            yield "a block is retired once"
        if self._shown_us[record.block] is None:
            yield "only committed blocks are retired"
        if not 1 <= record.why < len(RETIRE_REASONS):
            yield "a block is retired for a reason"
        self._retired.add(record.block)

    def _compact(self, record: CompactRecord) -> Iterator[str]:
        block = self._blocks[record.block]
        for part, what in ((self._sources, "sources"), (self._data, "data")):
            if frozenset().union(*(part[p] for p in record.parents)) != part[record.block]:
                yield f"a block has the {what} of its parents (B1)"
        if any(self._blocks[p].stream != block.stream for p in record.parents):
            yield "parents are of the block's stream (C7)"
        if any(self._blocks[p].t_us > block.t_us for p in record.parents):
            yield "parents are older than what is made of them"
        if block.level != 1 + max(self._blocks[p].level for p in record.parents):
            yield "a block is one level above its highest parent (B1)"
        if self._shown_us[record.block] is None:
            yield "a compaction ends with its block committed (C8)"
        if "compactor" in self._halted:
            yield "an only compactor that halted makes nothing (C6)"

    def _load(self, record: LoadRecord) -> Iterator[str]:
        loaded = self._loaded[record.gateway]
        for i in record.blocks:
            shown_us = self._shown_us[i]
            if shown_us is None:
                yield "a block is loaded after it was committed (G3)"
            elif record.t_us < shown_us and not self._has_manifest:
                yield "a block is loaded after some replica showed its meta.json (G3)"
            if i in loaded:
                yield "a block is loaded once until it is dropped (G5)"
        loaded.update(record.blocks)

    def _drop(self, record: DropRecord) -> Iterator[str]:
        loaded = self._loaded[record.gateway]
        if not loaded.issuperset(record.blocks):
            yield "a block is dropped after it was loaded (G5)"
        loaded.difference_update(record.blocks)

    def _turn(self, record: DownRecord | UpRecord) -> Iterator[str]:
        """A gateway begins or ends to serve."""
        if isinstance(record, UpRecord):
            if record.gateway in self._serving:
                yield "a gateway comes up when it was down (G1)"
            self._serving.add(record.gateway)
            return
        was_serving = record.gateway in self._serving
        if record.unhealthy_us < record.t_us or (
            not was_serving and record.unhealthy_us != record.t_us
        ):
            yield "queriers count only on a gateway that served (G7)"
        self._serving.discard(record.gateway)
        self._loaded[record.gateway].clear()


def _expanded(flat: Sequence[int]) -> frozenset[int]:
    """Numbers in flattened half-open ranges."""
    ranges = zip(flat[::2], flat[1::2], strict=False)
    return frozenset(i for low, high in ranges for i in range(low, high))
