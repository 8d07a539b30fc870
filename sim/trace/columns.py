"""From records to columns: :func:`build` turns a trace into its timelines."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeVar

import numpy as np

from sim.core.collector import collector_paused
from sim.core.objects import BlockObjects
from sim.core.units import NEVER
from sim.trace.absences import Change, Span, absences, damaged_us, plain_span
from sim.trace.recorder import Trace
from sim.trace.records import (
    KIND_OF,
    REQUEST_KINDS,
    UNREADABLE_US,
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    ErrorRecord,
    ExpectRecord,
    HaltRecord,
    LoadRecord,
    NamesRecord,
    PutRecord,
    Record,
    RequestsRecord,
    ResumeRecord,
    RetireRecord,
    RetryRecord,
    UpRecord,
)
from sim.trace.returns import returns
from sim.trace.timelines import (
    BlockTable,
    DownTable,
    ExpectTable,
    Ints,
    LoadTable,
    MarkTable,
    RetryTable,
    Timelines,
)

R = TypeVar("R")


@collector_paused()
def build(trace: Trace) -> Timelines:
    """The columns of a finished run."""
    by_kind: dict[type, list[Record]] = {kind: [] for kind in KIND_OF}
    # Kinds between which the order matters share a list.
    by_kind[DeleteRecord] = by_kind[PutRecord]
    by_kind[DropRecord] = by_kind[DownRecord] = by_kind[UpRecord] = by_kind[LoadRecord]
    for record in trace.records:
        by_kind[type(record)].append(record)
    header = trace.header
    made = _of(by_kind, BlockRecord)
    changes: list[list[Change]] = [[] for _ in made]
    for change in by_kind[PutRecord]:
        changes[change.block].append(change)  # type: ignore[union-attr, arg-type]
    objects = BlockObjects(header.chunk_files)
    spans = [plain_span(history, objects.meta) for history in changes]
    resumed_us = {record.actor: record.t_us for record in _of(by_kind, ResumeRecord)}
    halts = _of(by_kind, HaltRecord)
    return Timelines(
        scheme=header.scheme,
        horizon_us=header.horizon_us,
        warmup_us=header.warmup_us,
        n_gateways=header.gateways,
        n_replicas=header.replicas,
        objects=objects,
        seed=header.seed,
        blocks=_blocks(by_kind, changes, spans, objects.meta),
        returns=returns(changes, spans, objects.meta),
        loads=_loads(by_kind[LoadRecord]),
        absences=absences(changes, spans, objects.meta, header.replicas),
        marks=_marks(by_kind[PutRecord], changes, objects.mark),
        downs=_downs(by_kind[DownRecord], header.gateways),
        expected=_expected(_of(by_kind, ExpectRecord)),
        halted=frozenset(r.actor for r in halts if r.t_us >= resumed_us.get(r.actor, 0)),
        retries=RetryTable(
            gateway=_ints(r.gateway for r in _of(by_kind, RetryRecord)),
            at_us=_ints(r.t_us for r in _of(by_kind, RetryRecord)),
        ),
        counters={
            **_counters(by_kind, header.warmup_us),
            "orphan-mark": _orphan_marks(
                by_kind[PutRecord], changes, objects.mark, header.warmup_us
            ),
        },
        digest=trace.digest,
        records=len(trace.records),
    )


def _of(by_kind: dict[type, list[Record]], kind: type[R]) -> list[R]:
    return by_kind[kind]  # type: ignore[return-value]


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _blocks(
    by_kind: dict[type, list[Record]],
    changes: Sequence[Sequence[Change]],
    spans: Sequence[Span | None],
    n_data: int,
) -> BlockTable:
    made = _of(by_kind, BlockRecord)
    created_us, _, ids, *numbers, data = zip(*made, strict=True) if made else [()] * 10
    data_ptr, data_ordinal = _expand(data)
    by_hand = np.zeros(len(made), np.bool_)
    by_hand[[record.block for record in _of(by_kind, NamesRecord) if record.by_hand]] = True
    lives = [
        (*span, span[1], NEVER, history[-1].t_us) if span else _life(history, n_data)
        for history, span in zip(changes, spans, strict=True)
    ]
    lived = np.array(lives, np.int64).reshape(-1, 5).T
    committed_us, deleted_us, broken_us, damaged_us, changed_us = lived
    stream, resolution, min_us, max_us, level, size_bytes = np.array(numbers, np.int64)
    why = np.zeros(len(made), np.int64)
    retired_us = np.full(len(made), NEVER)
    for record in _of(by_kind, RetireRecord):
        why[record.block] = record.why
        retired_us[record.block] = record.t_us
    return BlockTable(
        id=ids,
        stream=stream,
        resolution=resolution,
        min_us=min_us,
        max_us=max_us,
        level=level,
        bytes=size_bytes,
        created_us=np.array(created_us, np.int64),
        committed_us=committed_us,
        retired_us=retired_us,
        retired_why=why,
        deleted_us=deleted_us,
        broken_us=broken_us,
        damaged_us=damaged_us,
        changed_us=changed_us,
        data_ptr=data_ptr,
        data_ordinal=data_ordinal,
        by_hand=by_hand,
    )


def _expand(data: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Flattened half-open ranges, per block, as ordinals; block *i* has [ptr[i], ptr[i + 1])."""
    bounds = _ints(chain.from_iterable(data)).reshape(-1, 2)
    size = bounds[:, 1] - bounds[:, 0]
    end = np.cumsum(size)
    ordinal = np.arange(size.sum()) - np.repeat(end - bounds[:, 1], size)
    ranges = np.cumsum([0, *(len(ranges) // 2 for ranges in data)])
    return np.append(0, end)[ranges], ordinal


def _life(changes: Sequence[Change], n_data: int) -> tuple[int, ...]:
    """Of a block: committed, last data object deleted, broken, damaged, last changed (all µs).

    Broken is 0 for a block that was never whole; what did not happen is ``NEVER``.
    """
    committed_us = deleted_us = changed_us = NEVER
    missing = dict.fromkeys(range(n_data + 1), 0)
    for change in changes:
        changed_us = change.t_us
        is_put = isinstance(change, PutRecord)
        if is_put and committed_us == NEVER and n_data in change.objects:
            committed_us = changed_us
        for i in change.objects:
            if i > n_data:
                continue
            if is_put:
                missing.pop(i, None)
            else:
                missing[i] = changed_us
                if i < n_data:
                    deleted_us = changed_us
    is_gone = all(i in missing for i in range(n_data))
    return (
        committed_us,
        deleted_us if is_gone else NEVER,
        min(missing.values(), default=NEVER),
        damaged_us(changes, n_data),
        changed_us,
    )


def _loads(records: Sequence[Record]) -> LoadTable:
    """What was loaded during a gateway's first sync is answered from when that sync ends."""
    gateway: list[int] = []
    block: list[int] = []
    load_us: list[int] = []
    drop_us: list[int] = []
    crashed: list[bool] = []
    rows: dict[int, dict[int, int]] = {}
    serving: set[int] = set()
    for record in records:
        if isinstance(record, LoadRecord):
            mine = rows.setdefault(record.gateway, {})
            n = len(record.blocks)
            mine.update(zip(record.blocks, range(len(block), len(block) + n), strict=True))
            gateway += [record.gateway] * n
            block += record.blocks
            load_us += [record.t_us] * n
            drop_us += [NEVER] * n
            crashed += [False] * n
        elif isinstance(record, DropRecord):
            mine = rows[record.gateway]
            for index in record.blocks:
                drop_us[mine.pop(index)] = record.t_us
        elif isinstance(record, UpRecord):
            serving.add(record.gateway)
            for row in rows.get(record.gateway, {}).values():
                load_us[row] = record.t_us
        elif isinstance(record, DownRecord):
            is_serving = record.gateway in serving
            serving.discard(record.gateway)
            for row in rows.pop(record.gateway, {}).values():
                drop_us[row] = record.t_us if is_serving else NEVER
                load_us[row] = load_us[row] if is_serving else NEVER
                crashed[row] = is_serving
    for number in rows.keys() - serving:
        for row in rows[number].values():
            load_us[row] = NEVER
    return LoadTable(
        gateway=_ints(gateway),
        block=_ints(block),
        load_us=_ints(load_us),
        drop_us=_ints(drop_us),
        crashed=np.array(crashed, dtype=np.bool_),
    )


def _marks(puts: Sequence[Record], changes: Sequence[Sequence[Change]], mark: int) -> MarkTable:
    marks = [r for r in puts if isinstance(r, PutRecord) and r.objects == (mark,)]
    broken = {r.block for r in marks if r.stamp_us == UNREADABLE_US}
    newest = {b: [r for r in changes[b] if mark in r.objects][-1] for b in sorted(broken)}
    return MarkTable(
        block=_ints(r.block for r in marks),
        acknowledged_us=_ints(r.t_us for r in marks),
        stamp_us=_ints(r.stamp_us for r in marks),
        visible_us=_ints(r.get[0] if r.get else r.t_us for r in marks),
        unreadable=_ints(
            b for b, r in newest.items() if isinstance(r, PutRecord) and r.stamp_us == UNREADABLE_US
        ),
    )


def _orphan_marks(
    puts: Sequence[Record], changes: Sequence[Sequence[Change]], mark: int, warmup_us: int
) -> int:
    """Marks put from the warm-up on, of blocks of which nothing else was stored."""
    alone = 0
    for record in puts:
        if not isinstance(record, PutRecord) or record.objects != (mark,):
            continue
        history = changes[record.block]
        # Most marks follow the upload and nothing else.
        if record.t_us < warmup_us or (len(history) > 1 and history[1] is record):
            continue
        stored: set[int] = set()
        for change in history:
            if change is record:
                break
            is_put = isinstance(change, PutRecord)
            stored = stored.union(change.objects) if is_put else stored.difference(change.objects)
        alone += not stored - {mark}
    return alone


def _downs(records: Sequence[Record], n_gateways: int) -> DownTable:
    """Every gateway is down from 0 to its first sync; nobody counts on it before that."""
    since = dict.fromkeys(range(n_gateways), (0, 0))
    rows: list[tuple[int, int, int, int]] = []
    for record in records:
        if isinstance(record, DownRecord):
            since.setdefault(record.gateway, (record.t_us, record.unhealthy_us))
        elif isinstance(record, UpRecord):
            rows.append((record.gateway, *since.pop(record.gateway), record.t_us))
    rows += [(gateway, *span, NEVER) for gateway, span in since.items()]
    rows.sort()
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return DownTable(
        gateway=columns[0],
        start_us=columns[1],
        unhealthy_until_us=columns[2],
        end_us=columns[3],
    )


def _expected(records: Sequence[ExpectRecord]) -> ExpectTable:
    """What the querier was told of a block holds until it is told otherwise."""
    known: dict[int, tuple[int, ...]] = {}
    rows: list[tuple[int, ...]] = []
    for record in records:
        for i in (*record.gone, *(i for i in record.blocks if i in known)):
            since_us, *told = known.pop(i)
            rows.append((i, since_us, record.t_us, *told))
        for i, *told in zip(record.blocks, record.uploaded_us, record.stamps_us, strict=True):
            known[i] = (record.t_us, *told)
    rows += [(i, since_us, NEVER, *told) for i, (since_us, *told) in known.items()]
    block, start_us, end_us, uploaded_us, stamp_us = np.array(rows, np.int64).reshape(-1, 5).T
    return ExpectTable(
        block=block, start_us=start_us, end_us=end_us, uploaded_us=uploaded_us, stamp_us=stamp_us
    )


def _counters(by_kind: dict[type, list[Record]], warmup_us: int) -> dict[str, int]:
    """Events in [warm-up, horizon); a halt counts whenever it happened, for it lasts."""
    totals = [r.counts for r in _of(by_kind, RequestsRecord)]
    counts = {f"requests.{kind}": sum(c) for kind, *c in zip(REQUEST_KINDS, *totals, strict=True)}
    compactions = [r for r in _of(by_kind, CompactRecord) if r.t_us >= warmup_us]
    errors = [r for r in _of(by_kind, ErrorRecord) if r.t_us >= warmup_us]
    counts["compactions"] = len(compactions)
    counts["duplicate-compaction"] = sum(r.duplicate for r in compactions)
    jobs = [r.actor.partition("/")[0] for r in errors]
    counts["compactor-error"] = sum(job in ("compactor", "cleaner") for job in jobs)
    counts["producer-error"] = sum(r.actor.startswith("producer/") for r in errors)
    counts["compactor-halt"] = len(_of(by_kind, HaltRecord))
    return counts
