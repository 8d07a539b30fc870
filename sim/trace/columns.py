"""From records to columns: :func:`build` turns a trace into its timelines."""

from collections.abc import Iterable, Sequence

import numpy as np

from sim.core.arrays import pairs
from sim.core.collector import collector_paused
from sim.core.objects import MANIFEST, BlockObjects
from sim.core.units import NEVER
from sim.trace.absences import absences, damaged_us
from sim.trace.changes import Change, Changes
from sim.trace.loads import loads
from sim.trace.recorded import Records
from sim.trace.recorder import Trace
from sim.trace.records import (
    REQUEST_KINDS,
    UNREADABLE_US,
    BlockRecord,
    BucketPutRecord,
    CompactRecord,
    DownRecord,
    ErrorRecord,
    ExpectRecord,
    HaltRecord,
    NamesRecord,
    PutRecord,
    Record,
    ReferenceRecord,
    RequestsRecord,
    ResumeRecord,
    RetireRecord,
    RetryRecord,
    UpRecord,
)
from sim.trace.returns import returns
from sim.trace.tables import Ragged
from sim.trace.timelines import (
    BlockTable,
    DownTable,
    ExpectTable,
    Ints,
    MarkTable,
    RetryTable,
    Timelines,
)


@collector_paused()
def build(trace: Trace) -> Timelines:
    """The columns of a finished run."""
    header, records = trace.header, trace.records
    objects = BlockObjects(header.chunk_files)
    # Before the rest, which takes as much memory again.
    answered = loads(records)
    changes = Changes(records, len(records.table(BlockRecord)), objects)
    retries = records.table(RetryRecord)
    blocks = _blocks(records, changes)
    return Timelines(
        scheme=header.scheme,
        horizon_us=header.horizon_us,
        warmup_us=header.warmup_us,
        n_gateways=header.gateways,
        n_replicas=header.replicas,
        objects=objects,
        seed=header.seed,
        blocks=blocks,
        returns=returns(changes),
        loads=answered,
        absences=absences(changes, header.replicas),
        marks=_marks(records, changes),
        downs=_downs(records.iter_of(DownRecord, UpRecord), header.gateways),
        expected=_expected(records.each(ExpectRecord)),
        halted=_halted(records),
        retries=RetryTable(gateway=retries.numbers("gateway"), at_us=retries.numbers("t_us")),
        commits_us=_commits_us(records),
        counters={
            **_counters(records, header.warmup_us),
            "orphan-mark": changes.orphan_marks(header.warmup_us),
            **_references(records, blocks, header.warmup_us),
        },
        digest=trace.digest,
        records=len(records),
    )


def _commits_us(records: Records) -> Ints:
    puts = records.each(BucketPutRecord)
    return np.array([put.t_us for put in puts if put.key == MANIFEST], np.int64)


def _halted(records: Records) -> frozenset[str]:
    resumed_us = {record.actor: record.t_us for record in records.each(ResumeRecord)}
    halts = records.each(HaltRecord)
    return frozenset(r.actor for r in halts if r.t_us >= resumed_us.get(r.actor, 0))


def _blocks(records: Records, changes: Changes) -> BlockTable:
    made, named = records.table(BlockRecord), records.table(NamesRecord)
    retired = records.table(RetireRecord)
    n = len(made)
    data_ptr, data_ordinal = _expand(made.ragged("data"))
    by_hand = np.zeros(n, np.bool_)
    by_hand[named.numbers("block")[named.numbers("by_hand") == 1]] = True
    committed_us, deleted_us = changes.came_us, changes.went_us
    broken_us, damaged = deleted_us, np.broadcast_to(np.int64(NEVER), (n,))
    if changes.odd:
        committed_us, deleted_us, broken_us, damaged = (
            column.copy() for column in (committed_us, deleted_us, broken_us, damaged)
        )
    for block, history in changes.odd.items():
        life = _life(history, changes.n_data)
        committed_us[block], deleted_us[block], broken_us[block], damaged[block] = life
    why, retired_us = np.zeros(n, np.int64), np.full(n, NEVER)
    why[retired.numbers("block")] = retired.numbers("why")
    retired_us[retired.numbers("block")] = retired.numbers("t_us")
    return BlockTable(
        serial=made.numbers("serial"),
        stream=made.numbers("stream"),
        resolution=made.numbers("resolution"),
        min_us=made.numbers("min_us"),
        max_us=made.numbers("max_us"),
        level=made.numbers("level"),
        bytes=made.numbers("bytes"),
        created_us=made.numbers("t_us"),
        committed_us=committed_us,
        retired_us=retired_us,
        retired_why=why,
        deleted_us=deleted_us,
        broken_us=broken_us,
        damaged_us=damaged,
        changed_us=changes.changed_us,
        data_ptr=data_ptr,
        data_ordinal=data_ordinal,
        by_hand=by_hand,
    )


def _expand(ranges: Ragged) -> tuple[Ints, Ints]:
    """Flattened half-open ranges, per block, as ordinals; block *i* has [ptr[i], ptr[i + 1])."""
    low, high = ranges.values.reshape(-1, 2).T
    _, ordinal = pairs(low, high)
    return np.append(0, np.cumsum(high - low))[ranges.bounds // 2], ordinal


def _life(changes: Sequence[Change], n_data: int) -> tuple[int, ...]:
    """Of a block: committed, last data object deleted, broken, damaged (all µs).

    Broken is 0 for a block that was never whole; what did not happen is ``NEVER``.
    """
    committed_us = deleted_us = NEVER
    missing = dict.fromkeys(range(n_data + 1), 0)
    for change in changes:
        is_put = isinstance(change, PutRecord)
        if is_put and committed_us == NEVER and n_data in change.objects:
            committed_us = change.t_us
        for i in change.objects:
            if i > n_data:
                continue
            if is_put:
                missing.pop(i, None)
            else:
                missing[i] = change.t_us
                if i < n_data:
                    deleted_us = change.t_us
    is_gone = all(i in missing for i in range(n_data))
    return (
        committed_us,
        deleted_us if is_gone else NEVER,
        min(missing.values(), default=NEVER),
        damaged_us(changes, n_data),
    )


def _marks(records: Records, changes: Changes) -> MarkTable:
    marks, mark = records.table(PutRecord).take(changes.marks), changes.mark
    block, stamp_us, get = marks.numbers("block"), marks.numbers("stamp_us"), marks.ragged("get")
    acknowledged_us = visible_us = marks.numbers("t_us")
    lags = get.size > 0
    if lags.any():
        visible_us = acknowledged_us.copy()
        visible_us[lags] = get.values[get.bounds[:-1][lags]]
    odd = np.unique(block[stamp_us == UNREADABLE_US])
    unreadable = [
        number
        for number, history in changes.of(odd).items()
        if _stamp_us([r for r in history if mark in r.objects][-1]) == UNREADABLE_US
    ]
    return MarkTable(
        block=block,
        acknowledged_us=acknowledged_us,
        stamp_us=stamp_us,
        visible_us=visible_us,
        unreadable=np.array(unreadable, np.int64),
    )


def _stamp_us(change: Change) -> int:
    return change.stamp_us if isinstance(change, PutRecord) else 0


def _downs(records: Iterable[Record], n_gateways: int) -> DownTable:
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


def _expected(records: Iterable[ExpectRecord]) -> ExpectTable:
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


def _references(records: Records, blocks: BlockTable, warmup_us: int) -> dict[str, int]:
    """References that were committed again in [warm-up, horizon), and those to what is gone."""
    made = records.table(ReferenceRecord)
    block = made.numbers("block")[made.numbers("t_us") >= warmup_us]
    n_dangling = int((blocks.deleted_us[block] < NEVER).sum())
    return {"re-references": int(block.size), "dangling-reference": n_dangling}


def _counters(records: Records, warmup_us: int) -> dict[str, int]:
    """Events in [warm-up, horizon); a halt counts whenever it happened, for it lasts."""
    counts = {f"requests.{kind}": 0 for kind in REQUEST_KINDS}
    totals = records.table(RequestsRecord).ragged("counts").values.reshape(-1, len(REQUEST_KINDS))
    for kind, n in zip(REQUEST_KINDS, totals.sum(axis=0).tolist(), strict=True):
        counts[f"requests.{kind}"] = n
    compactions, errors = records.table(CompactRecord), records.table(ErrorRecord)
    counted = compactions.numbers("t_us") >= warmup_us
    counts["compactions"] = int(counted.sum())
    counts["duplicate-compaction"] = int(compactions.numbers("duplicate")[counted].sum())
    late = errors.numbers("t_us") >= warmup_us
    actors = [
        a for a, is_late in zip(errors.coded("actor").rows(), late.tolist(), strict=True) if is_late
    ]
    jobs = [actor.partition("/")[0] for actor in actors]
    counts["compactor-error"] = sum(job in ("compactor", "cleaner") for job in jobs)
    counts["producer-error"] = sum(actor.startswith("producer/") for actor in actors)
    counts["compactor-halt"] = len(records.table(HaltRecord))
    return counts
