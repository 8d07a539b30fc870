"""What holds in every world, and in every world with a strong store; and that breaking it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from sim.analysis.checkers import observe
from sim.analysis.rules.rule import Status
from sim.analysis.rules.safety import rules
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.errors import ModelError
from sim.model.world import simulate
from sim.scenario.dump import to_toml
from sim.scenario.schema import Scenario
from sim.testing import check_trace, scenarios, simulate_small, violations
from sim.trace.recorder import Trace, decode, digest_of, encode
from sim.trace.records import (
    BlockRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    LoadRecord,
    NamesRecord,
    PutRecord,
    Record,
    RetireRecord,
    UpRecord,
)
from tests.traces import changed


@given(scenarios(), st.integers(0, 1))
def test_every_trace_fulfils_the_invariants(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    run = simulate_small(scenario, index)
    for kind in sorted({encode(record).split('"')[1] for record in run.trace.records}):
        event(kind)
    counts = observe(scenario, run.timelines)
    event(f"lost: {bool(counts['lost-block'])}, halted: {bool(counts['compactor-halt'])}")
    assert [decode(encode(record)) for record in run.trace.records] == list(run.trace.records)
    assert digest_of(run.trace.header, run.trace.records) == run.trace.digest


@given(scenarios(), st.integers(0, 1))
def test_a_view_holds_only_what_its_shard_may_answer(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    timelines = simulate_small(scenario, index).timelines
    loads, blocks = timelines.loads, timelines.blocks
    shards = scenario.gateways.shards
    shard = blocks.stream[loads.block] % shards
    if scenario.gateways.shard_by == "block":
        draws = [Streams(timelines.seed).uniform("shard", blocks.id[b]) for b in loads.block]
        shard = np.array([int(draw * shards) for draw in draws], np.int64)
    assert (shard == loads.gateway % shards).all()
    assert (loads.drop_us >= loads.load_us).all()


# A strong store.


@given(scenarios(strong=True), st.integers(0, 1))
def test_a_strong_store_loses_nothing_and_halts_nobody(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    # What is taken for abandoned while it is uploaded is lost on every store.
    assume(not any(r.name == "R7" and r.status is Status.BROKEN for r in rules(scenario, index)))
    run = simulate_small(scenario, index)
    counts = observe(scenario, run.timelines)
    # What a producer drops unuploaded is lost on every store, and was never whole.
    assert counts["lost-block"] == 0 or scenario.producers.unuploaded == "dropped"
    assert counts["compactor-halt"] == 0
    assert not list(uncovered(run.trace, scenario.compactor.retention_us[0]))


@given(scenarios(strong=True, scheme_kinds=("deletion-mark",)))
def test_marks_of_a_strong_store_never_move(scenario: Scenario) -> None:
    note(to_toml(scenario))
    # A cleaner beside a sync that takes time deletes what is marked again after it (F-e1).
    compactor = scenario.compactor
    assume(compactor.cleanup != "every" or compactor.sync_takes.longest_us == 0)
    marks = simulate_small(scenario).timelines.marks
    event(f"marks: {min(len(marks.block), 5)}")
    assert len(set(marks.block.tolist())) == len(marks.block)


def uncovered(trace: Trace, retention_us: int, dropped_us: int = NEVER) -> list[tuple[int, str]]:
    """(time, level-1 id) whenever data that was once stored whole is in no whole block.

    So is data that was not stored ``dropped_us`` after its end, when its producer drops it.

    Data older than its retention (0 keeps for ever) may go. Written on its own, as an oracle of
    the column-wise count of lost blocks.
    """
    n_parts = trace.header.chunk_files + 2
    made: list[BlockRecord] = []
    held: list[set[int]] = []
    committed: dict[tuple[int, int], BlockRecord] = {}
    lost: dict[str, int] = {}
    for record in trace.records:
        if isinstance(record, BlockRecord):
            made.append(record)
            held.append(set())
        elif isinstance(record, PutRecord):
            held[record.block].update(record.objects)
            block = made[record.block]
            if block.level == 1 and n_parts - 1 in record.objects:
                committed.setdefault((block.stream, block.data[0]), block)
        elif isinstance(record, DeleteRecord):
            held[record.block].difference_update(record.objects)
            whole = [b for b in made if held[b.block].issuperset(range(n_parts))]
            for (stream, ordinal), block in committed.items():
                is_old = retention_us and record.t_us > block.max_us + retention_us
                if not is_old and not any(b.stream == stream and _has(b, ordinal) for b in whole):
                    lost.setdefault(block.id, record.t_us)
    for block in made:
        gone_us = block.max_us + dropped_us
        is_cut = block.level == 1 and (block.stream, block.data[0]) not in committed
        if is_cut and gone_us <= trace.header.horizon_us:
            lost.setdefault(block.id, gone_us)
    return sorted((t_us, name) for name, t_us in lost.items())


def _has(block: BlockRecord, ordinal: int) -> bool:
    starts, ends = block.data[::2], block.data[1::2]
    return any(a <= ordinal < b for a, b in zip(starts, ends, strict=True))


@given(scenarios(), st.integers(0, 1))
def test_the_count_of_lost_blocks_finds_what_is_never_whole_again(
    scenario: Scenario, index: int
) -> None:
    note(to_toml(scenario))
    run = simulate_small(scenario, index)
    spec = scenario.producers
    dropped_us = spec.kept_us if spec.unuploaded == "dropped" else NEVER
    ever = uncovered(run.trace, scenario.compactor.retention_us[0], dropped_us)
    counted = observe(scenario, run.timelines)["lost-block"]
    assert isinstance(counted, int)
    event(f"lost for a while: {bool(ever)}, for good: {bool(counted)}")
    assert counted <= len(ever)


# The checker itself: each invariant is broken once, by hand, and named.

TINY = Scenario.model_validate(
    {
        "schema": 1,
        "name": "tiny",
        "horizon": "20h",
        "store": {"lag": {"create": {"list": "1m"}, "delete": {"get": "2m"}}},
        "producers": {"local_retention": "0s"},
        "compactor": {"ranges": ["2h", "8h"], "consistency_delay": "0s", "downsampling": False},
        "gateways": {"sync_interval": "30m", "phase": "7m"},
        "queries": [{"name": "q", "rate": "1/m"}],
        "schemes": [
            {
                "name": "mark",
                "kind": "deletion-mark",
                "delete_delay": "2h",
                "ignore_deletion_marks_delay": "1h",
            }
        ],
        "faults": [{"kind": "gateway-outage", "target": 0, "at": "15h", "lasts": "1h"}],
    }
)

Change = Callable[[list[Record]], None]


def _first(records: list[Record], kind: type[Record]) -> int:
    return next(i for i, record in enumerate(records) if isinstance(record, kind))


def _edit(kind: type[Record], **values: Any) -> Change:
    """Change fields of the first record of a kind."""

    def change(records: list[Record]) -> None:
        where = _first(records, kind)
        records[where] = records[where]._replace(**values)

    return change


def _drop_first(kind: type[Record]) -> Change:
    def change(records: list[Record]) -> None:
        del records[_first(records, kind)]

    return change


def _repeat(kind: type[Record]) -> Change:
    def change(records: list[Record]) -> None:
        where = _first(records, kind)
        records.insert(where, records[where])

    return change


def _load_before_commit(records: list[Record]) -> None:
    load = records.pop(_first(records, LoadRecord))
    put = _first(records, PutRecord)
    records.insert(put, load._replace(t_us=records[put].t_us))


def _late(records: list[Record]) -> None:
    end = records[-1]
    records.insert(-1, UpRecord(end.t_us, 0))


def _new_name(records: list[Record]) -> None:
    where = _first(records, BlockRecord)
    block = records[where]
    assert isinstance(block, BlockRecord)
    records.insert(where + 1, NamesRecord(block.t_us, block.block, (-1, 0), 0))


def _half_put(records: list[Record]) -> None:
    where = _first(records, PutRecord)
    put = records[where]
    assert isinstance(put, PutRecord)
    records[where] = put._replace(objects=(0, 2), get=put.get[:2], list=put.list[:2])


def _mark_without_second(records: list[Record]) -> None:
    marks = (i for i, r in enumerate(records) if isinstance(r, PutRecord) and r.objects == (3,))
    where = next(marks)
    mark = records[where]
    assert isinstance(mark, PutRecord)
    records[where] = mark._replace(stamp_us=1)


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (_edit(LoadRecord, t_us=0), "order of time"),
        (_late, "outside [0, horizon)"),
        (lambda records: records.pop(), "counts of requests"),
        (_repeat(BlockRecord), "numbered from 0"),
        (_edit(BlockRecord, data=(3, 1)), "ascending, disjoint"),
        (_new_name, "sources of its parents"),
        (_half_put, "meta.json is put last"),
        (_edit(PutRecord, list=(0, 0, 0)), "visible before it is acknowledged"),
        (_edit(PutRecord, get=(10**12,)), "every replica shows"),
        (_repeat(DeleteRecord), "only what is there is deleted"),
        (_repeat(RetireRecord), "retired once"),
        (_mark_without_second, "whole second"),
        (_load_before_commit, "loaded after it was committed"),
        (_repeat(LoadRecord), "loaded once"),
        (_drop_first(LoadRecord), "dropped after it was loaded"),
        (_repeat(DropRecord), "dropped after it was loaded"),
        (_repeat(UpRecord), "comes up when it was down"),
        (_edit(DownRecord, unhealthy_us=0), "only on a gateway that served"),
    ],
)
def test_a_broken_trace_is_refused(change: Change, invariant: str) -> None:
    trace = simulate(TINY, 0, 0)
    assert not list(violations(trace))
    records = list(trace.records)
    change(records)
    broken = Trace.of(trace.header, records)
    with pytest.raises(ModelError) as caught:
        check_trace(broken)
    assert invariant in " ".join(found.invariant for found in violations(broken))
    assert broken.digest in str(caught.value)
    assert "seed 0" in str(caught.value)


def test_the_strategies_reach_every_kind_of_trouble() -> None:
    # What is never drawn is never tested: look once that the corpus is not all fair weather.
    seen: set[str] = set()

    @settings(max_examples=3 * settings().max_examples)
    @given(scenarios(), st.integers(0, 1))
    def look(scenario: Scenario, index: int) -> None:
        run = simulate_small(scenario, index)
        seen.update(encode(record).split('"')[1] for record in run.trace.records)
        counts = observe(scenario, run.timelines)
        seen.update(name for name in ("lost-block", "compactor-error") if counts[name])

    look()
    assert seen >= {"block", "put", "delete", "retire", "compact", "load", "drop", "up"}
    assert seen >= {"unloaded", "error", "down"}


def test_a_scenario_is_changed_by_table() -> None:
    other = changed(TINY, gateways={"count": 2}, seed=5)
    assert (other.gateways.count, other.seed) == (2, 5)
    assert other.gateways.sync_interval == TINY.gateways.sync_interval
