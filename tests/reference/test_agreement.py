"""The fast code and the plain reference tell one story, query by query.

Both are written from ``sim/SEMANTICS.md``. On drawn scenarios every object version, load, drop and
outcome must be the same, and where the stages of a sync fall on one instant the requests too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sim.analysis.queries import evaluate as queries
from sim.analysis.queries.exposure import Exposure
from sim.core.units import NEVER
from sim.model.world import simulate
from sim.scenario.load import load
from sim.scenario.schema import OUTCOMES, SCHEME_KINDS, Scenario
from sim.testing.strategies import scenarios
from sim.trace.columns import build
from sim.trace.recorder import Trace
from sim.trace.records import (
    REQUEST_KINDS,
    BlockRecord,
    CompactRecord,
    DeleteRecord,
    ErrorRecord,
    NamesRecord,
    PutRecord,
    ReferenceRecord,
)
from tests.reference import plain, told
from tests.traces import changed, sparse
from tests.worlds import AT_ONCE, lag, marks, us, world

COUNTERS = (
    "duplicate-compaction",
    "compactor-halt",
    "compactor-error",
    "orphan-mark",
    "re-references",
    "dangling-reference",
)

RECORDS_MAX = 3_000
"""Beyond these the plain one takes minutes: merged again and again what the store shows late."""


def agree(scenario: Scenario, trial: int) -> None:
    """Hold that both tell the same of each scheme of a scenario that is small enough."""
    for index in range(len(scenario.schemes)):
        assume(len(simulate(scenario, index, trial).records) <= RECORDS_MAX)
        assert next(differences(scenario, index, trial), None) is None


def differences(scenario: Scenario, scheme_index: int, trial: int) -> Iterator[str]:
    """Where the two implementations part, the causes first."""
    reference = plain.simulate(scenario, scheme_index, trial)
    trace = simulate(scenario, scheme_index, trial)
    timelines = build(trace)
    yield from _compare("object", told.objects(trace, timelines), reference.objects)
    blocks = timelines.blocks
    referenced = Counter(
        (r.t_us, timelines.blocks.id[r.block])
        for r in trace.records
        if isinstance(r, ReferenceRecord)
    )
    yield from _compare("reference", referenced, Counter(reference.references))
    made = {
        name: (int(committed), int(retired))
        for name, committed, retired in zip(
            blocks.id, blocks.committed_us, blocks.retired_us, strict=True
        )
    }
    yield from _compare("block", made, {k: v[:2] for k, v in reference.blocks.items()})
    yield from _compare("deletion", told.due(scenario, timelines), reference.due)
    if scenario.store.replication is not None:
        yield from _compare("left behind", told.left(timelines), reference.left)
    yield from _compare("load", told.loads(timelines), dict.fromkeys(reference.loads, True))
    for query_class in scenario.queries:
        at_us, codes = queries.sample_outcomes(Exposure(scenario, timelines, query_class))
        fast = {
            i: (int(t), OUTCOMES[code])
            for i, (t, code) in enumerate(zip(at_us, codes, strict=True))
        }
        slow = dict(enumerate(reference.outcomes[query_class.name]))
        yield from _compare(f"query of {query_class.name}", fast, slow)
    names = list(COUNTERS)
    readers = (scenario.gateways, scenario.compactor)
    if all(reader.sync_stages.marks == 0.0 for reader in readers):
        # Otherwise a sync that an outage or the horizon cuts short has sent some of its requests.
        names += [f"requests.{kind}" for kind in REQUEST_KINDS]
    for name in names:
        if timelines.counters[name] != reference.counts.get(name, 0):
            yield f"{name}: {timelines.counters[name]} is not {reference.counts.get(name, 0)}"


def _compare(what: str, fast: Mapping[Any, Any], slow: Mapping[Any, Any]) -> Iterator[str]:
    for key in [*slow, *(k for k in fast if k not in slow)]:
        if fast.get(key) != slow.get(key):
            yield f"{what} {key}: {fast.get(key)} is not {slow.get(key)}"


@settings(max_examples=settings().max_examples // 2)
@given(
    scenario=scenarios(scheme_kinds=SCHEME_KINDS, max_interventions=3, sampled=True),
    order=st.sampled_from([None, "as-listed"]),
    names=st.sampled_from([None, None, None, "nothing"]),
    memory=st.sampled_from([None, "lost"]),
    trial=st.integers(0, 1),
)
def test_fast_and_plain_agree(
    scenario: Scenario, order: str | None, names: str | None, memory: str | None, trial: int
) -> None:
    producers = {"names": names, "memory": memory}
    scenario = changed(scenario, compactor={"deletion_order": order}, producers=producers)
    agree(sparse(scenario), trial)


@settings(max_examples=settings().max_examples // 8)
@given(scenario=scenarios(downsampling=True), trial=st.integers(0, 1))
def test_they_agree_on_which_resolutions_queries_use(scenario: Scenario, trial: int) -> None:
    agree(scenario, trial)


def test_they_agree_on_what_vertical_compaction_merges() -> None:
    late = {"weight": 1, "law": "uniform", "low": "0s", "high": "9h"}
    parts = [{"weight": 4, "law": "constant", "value": "0s"}, late]
    n_merges = 0
    for seed in range(8):
        scenario = world(
            horizon="30h",
            seed=seed,
            store={"lag": {"create": {"get": {"law": "mixture", "parts": parts}}}},
            compactor={"ranges": ["2h", "6h", "12h"], "vertical_compaction": True},
            queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
            schemes=[marks("3h", "1h") if seed % 2 else AT_ONCE],
        )
        assert next(differences(scenario, 0, 0), None) is None
        n_merges += _overlapping_merges(simulate(scenario, 0, 0))
    assert n_merges > 0


def test_they_agree_on_buckets_that_are_copied() -> None:
    omitted = [None, ["deletes"], ["marks"], ["marks", "deletes"]]
    n_never = n_queued = 0
    for seed in range(2, 6):
        replication = {"omits": omitted[seed % 4], "bandwidth": "100kB" if seed > 2 else None}
        scenario = world(
            horizon="16h",
            seed=seed,
            store={
                "replicas": 2 + seed % 2,
                "primary": True,
                "order": ["independent", "key", "log"][seed % 3],
                "replication": replication,
                "lag": {
                    "create": {"get": {"law": "uniform", "low": "0s", "high": "40m"}},
                    "delete": {"get": "5m"},
                },
            },
            producers={"count": 2, "block_bytes": "90MB", "chunk_files": 3},
            compactor={"ranges": ["2h", "6h"], "retention": {"raw": "10h"}},
            gateways={"count": 2, "sync_interval": "15m"},
            queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
            schemes=[marks("2h", "1h") if seed % 2 else AT_ONCE],
        )
        assert next(differences(scenario, 0, 0), None) is None
        records = simulate(scenario, 0, 0).records
        changes = [r for r in records if isinstance(r, PutRecord | DeleteRecord)]
        n_never += sum(NEVER in change.get for change in changes)
        n_queued += sum(max(c.get) > c.t_us + us("40m") for c in changes if NEVER not in c.get)
    assert n_never > 20
    assert n_queued > 20


def test_they_agree_on_clocks_that_look_wrong() -> None:
    stale = {"weight": 1, "law": "uniform", "low": "0s", "high": "20m"}
    parts = [{"weight": 2, "law": "constant", "value": "0s"}, stale]
    law = {"law": "mixture", "parts": parts}
    ahead = {"kind": "clock", "who": "compactor/0", "at": "7h", "lasts": "1h", "ahead": "20m"}
    n_refused = 0
    for seed in range(2):
        scenario = world(
            horizon="9h",
            seed=seed,
            store={
                "replicas": 2,
                "read_from": "any",
                "order": ["independent", "log"][seed],
                "error_rate": 0.01,
                "lag": {"overwrite": {"get": law}, "create": {"get": "1s"}},
            },
            producers={"count": 2},
            compactor={
                "count": 2,
                "wait_interval": "20m",
                "clock_guard": "15m",
                "cleanup": "every 20m" if seed else "in-pass",
                "progress_interval": "30m",
            },
            queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
            schemes=[marks("2h", "1h")],
            faults=[ahead],
        )
        assert next(differences(scenario, 0, 0), None) is None
        records = simulate(scenario, 0, 0).records
        n_refused += sum(isinstance(r, ErrorRecord) and "clock " in r.what for r in records)
    assert n_refused > 10


def test_they_agree_on_partial_blocks_whose_listing_is_old() -> None:
    late = {"law": "uniform", "low": "0s", "high": "2h"}
    crash = {"kind": "producer-crash", "target": 0, "at": "165m", "lasts": "100m"}
    n_deleted = 0
    for seed in range(3):
        scenario = world(
            horizon="9h",
            seed=seed,
            store={
                "replicas": 2,
                "error_rate": 0.02,
                "lag": {"overwrite": {"list": late}, "create": {"list": "10m"}},
            },
            producers={"count": 2, "upload_after": "30m", "upload_takes": "40m"},
            compactor={
                "ranges": ["2h"],
                "wait_interval": "5m",
                "partial_age": "115m",
                "partial_age_from": "listed",
            },
            queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
            schemes=[marks("9h", "8h")],
            faults=[crash],
        )
        assert next(differences(scenario, 0, 0), None) is None
        n_deleted += sum(isinstance(r, DeleteRecord) for r in simulate(scenario, 0, 0).records)
    assert n_deleted > 0


def test_they_agree_on_groups_that_another_job_sees_grow() -> None:
    # The cleaner syncs while the first group is compacted: what it finds of the second one is not
    # planned before the next iteration.
    late = {"law": "uniform", "low": "0s", "high": "1h"}
    compactor = {"ranges": ["2h", "4h"], "cleanup": "every 15m", "compaction_takes": "40m"}
    scenario = world(
        horizon="30h", producers={"count": 2, "upload_after": late}, compactor=compactor
    )
    assert next(differences(scenario, 0, 0), None) is None


def test_they_agree_on_blocks_that_name_themselves_or_nothing() -> None:
    rewrite = {"kind": "rewrite", "at": "11h", "level": 2, "marks_old": True}
    upload = {"kind": "upload", "at": "15h", "older_than": "3h"}
    lost = upload | {"at": "16h", "which": "all", "names": "nothing"}
    n_mixed = 0
    for seed in range(4):
        scenario = world(
            horizon="26h",
            seed=seed,
            store={"lag": {"create": {"get": {"law": "uniform", "low": "0s", "high": "40m"}}}},
            compactor={
                "ranges": ["2h", "6h", "12h"],
                "vertical_compaction": seed < 3,
                "download_takes": "7m",
                "upload_takes": "9m",
                "consistency_delay": "30m",
            },
            gateways={"sync_interval": "15m", "consistency_delay": "20m"},
            interventions=[rewrite, rewrite | {"at": "12h", "level": 1}, upload, lost],
            queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
            schemes=[marks("3h", "1h") if seed % 2 else AT_ONCE],
        )
        assert next(differences(scenario, 0, 0), None) is None
        trace = simulate(scenario, 0, 0)
        by_hand = {r.block for r in trace.records if isinstance(r, NamesRecord) and r.by_hand}
        merges = [r for r in trace.records if isinstance(r, CompactRecord)]
        n_mixed += sum(bool(by_hand.intersection(record.parents)) for record in merges)
    assert n_mixed > 0


def test_they_agree_on_plans_that_ask_for_the_size_of_an_index() -> None:
    late = {"law": "uniform", "low": "0s", "high": "2h"}
    scenario = world(
        store={"lag": {"create": {"get": late}}},
        horizon="30h",
        compactor={"asks_index_size": True, "restart_after": "7m", "ranges": ["2h", "4h", "8h"]},
        queries=[{"name": "q", "rate": "2/h", "range": "12h"}],
    )
    assert list(differences(scenario, 0, 0)) == []
    assert build(simulate(scenario, 0, 0)).counters["compactor-error"] > 1


@pytest.mark.parametrize("absent", [None, "error"])
@pytest.mark.parametrize("shards", [1, 2])
def test_they_agree_on_several_compactors(shards: int, absent: str | None) -> None:
    takes = {"law": "uniform", "low": "0s", "high": "40m"}
    beside = {"progress_interval": "20m", "cleanup_interval": "25m", "partial_age": "20m"}
    scenario = world(
        horizon="16h",
        store={"delete_absent": absent},
        producers={"count": 2, "upload_takes": takes},
        compactor={
            "count": 2,
            "shards": shards,
            "compaction_takes": takes,
            "delete_takes": takes,
            **beside,
        },
        faults=[{"kind": "compactor-crash", "target": 1, "at": "12h", "lasts": "1h"}],
        queries=[{"name": "q", "rate": "2/h", "range": "12h"}],
        schemes=[marks("90m", "1h")],
    )
    assert list(differences(scenario, 0, 0)) == []
    made = build(simulate(scenario, 0, 0)).counters
    assert (made["duplicate-compaction"] > 0) == (shards == 1)
    assert absent is None or made["compactor-error"] > 0


@pytest.mark.parametrize("retention", ["0s", "8h"])
@pytest.mark.parametrize("scheme", [AT_ONCE, marks("40m", "20m")], ids=["at once", "marks"])
def test_they_agree_on_blocks_that_come_back(scheme: dict[str, Any], retention: str) -> None:
    at_request = {"request": "put", "object": "index", "nth": 2}
    crash = {"kind": "crash", "who": "producers", "at": "14h", "lasts": "10m"}
    scenario = world(
        horizon="26h",
        producers={"memory": "lost", "local_retention": "12h", "upload_takes": "6m"},
        compactor={"delete_takes": "4m", "retention": {"raw": retention}},
        gateways={"sync_interval": "15m"},
        faults=[crash, crash | {"at": "17h", "at_request": at_request}],
        queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
        schemes=[scheme],
    )
    assert next(differences(scenario, 0, 0), None) is None
    assert build(simulate(scenario, 0, 0)).returns.block.size > 4


@pytest.mark.parametrize("scheme", [AT_ONCE, marks("3h", "1h")], ids=["at once", "marks"])
def test_they_agree_on_blocks_that_lose_their_files_first(scheme: dict[str, Any]) -> None:
    # Objects are chunks, chunks, index, meta.json, deletion-mark.json.
    at_request = {"request": "delete", "object": "index", "nth": 2}
    crash = {"kind": "crash", "who": "compactor", "at": "8h", "lasts": "2h"}
    scenario = world(
        horizon="30h",
        producers={"chunk_files": 2},
        compactor={"deletion_order": "as-listed", "delete_takes": "4m", "retention": {"raw": "8h"}},
        gateways={"sync_interval": "15m"},
        faults=[crash | {"at_request": at_request}],
        queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
        schemes=[scheme],
    )
    assert next(differences(scenario, 0, 0), None) is None
    deletions = [r for r in simulate(scenario, 0, 0).records if isinstance(r, DeleteRecord)]
    began_us: dict[int, int] = {}
    for record in deletions:
        began_us.setdefault(record.block, record.t_us)
    lasted_us = [r.t_us - began_us[r.block] for r in deletions if 3 in r.objects]
    # One was half-way when the compactor died.
    assert max(lasted_us) > us("1h")
    assert len(lasted_us) > 8


def _overlapping_merges(trace: Trace) -> int:
    blocks = [record for record in trace.records if isinstance(record, BlockRecord)]
    merged = [
        [blocks[parent] for parent in record.parents]
        for record in trace.records
        if isinstance(record, CompactRecord)
    ]
    return sum(any(b.min_us < a.max_us for a, b in pairwise(parents)) for parents in merged)


@pytest.mark.parametrize(
    ("name", "alone"), [("f-e1-deleted-block-marked", 3), ("f-e1-marks-remembered", 0)]
)
def test_marks_of_blocks_that_are_gone_are_counted_alike(name: str, alone: int) -> None:
    path = Path(__file__).parents[2] / "scenarios" / "thanos" / f"{name}.toml"
    short = {"horizon": "20h", "warmup": "0s", "producers.count": 1, "queries.0.rate": "1/h"}
    scenario = load(path, short)
    assert list(differences(scenario, 0, 0)) == []
    assert build(simulate(scenario, 0, 0)).counters["orphan-mark"] == alone


@pytest.mark.parametrize("partial_response", ["abort", "warn"])
@pytest.mark.parametrize("gateways", [{}, {"count": 2, "shards": 2, "shard_by": "block"}])
def test_they_agree_on_readers_that_sync_for_a_query(
    gateways: dict[str, Any], partial_response: str
) -> None:
    lags = {"create_get": {"law": "exponential", "mean": "2m"}, "delete_list": "10m"}
    outage = {"kind": "gateway-outage", "target": 0, "at": "11h", "lasts": "5m"}
    pause = {"kind": "pause", "who": "gateways", "at": "10h2m30s", "lasts": "5m"}
    scenario = world(
        store={"profile": "strong", "lag": lag(**lags)},
        producers={"count": 2, "chunk_files": 2},
        compactor={"retention": {"raw": "8h"}, "delete_takes": "1m"},
        gateways={"partial_response": partial_response, "sync_takes": "1m", **gateways},
        queries=[
            {"name": "all", "rate": "12/h", "range": "6h", "takes": "1m"},
            {"name": "one", "rate": "12/h", "range": "1d", "streams": 1},
        ],
        faults=[outage, pause],
        schemes=[{"name": "again", "kind": "composed", "miss": "resync"}],
    )
    assert next(differences(scenario, 0, 0), None) is None
    assert build(simulate(scenario, 0, 0)).retries.at_us.size > 1


@pytest.mark.parametrize("chunks", ["1h", "3h"])
def test_they_agree_on_chunks_that_caches_remember(chunks: str) -> None:
    asks = dict.fromkeys(("listing", "exists", "absent", "content"), "0s")
    lags = {"delete_get": {"law": "exponential", "mean": "20m"}}
    outage = {"kind": "gateway-outage", "target": 1, "at": "10h40m", "lasts": "5m"}
    at_request = {"request": "delete", "object": "chunks", "nth": 4}
    crash = {"kind": "crash", "who": "compactor", "at": "6h", "lasts": "3h"}
    ways: list[dict[str, Any]] = [{}, {"miss": "tolerate"}]
    scenario = world(
        store={"profile": "strong", "lag": lag(**lags)},
        producers={"count": 2, "chunk_files": 2},
        compactor={
            "deletion_order": "as-listed",
            "delete_takes": "4m",
            "ranges": ["2h"],
            "retention": {"raw": "5h"},
        },
        gateways={"count": 2, "cache": {**asks, "chunks": chunks}},
        queries=[
            {"name": "all", "rate": "12/h", "range": "12h", "takes": "1m"},
            {"name": "one", "rate": "6/h", "range": "1d", "streams": 1},
        ],
        faults=[outage, crash | {"at_request": at_request}],
        schemes=[{"name": f"{i}", "kind": "composed", **way} for i, way in enumerate(ways)],
    )
    forgets = changed(scenario, gateways={"cache": {"chunks": "0s"}})
    for index in range(2):
        assert next(differences(scenario, index, 0), None) is None
    timelines = build(simulate(scenario, 0, 0))
    remembering, forgetting = (
        queries.sample_outcomes(Exposure(s, timelines, s.queries[0]))[1].tolist()
        for s in (scenario, forgets)
    )
    assert remembering != forgetting


@pytest.mark.parametrize("seed", range(2))
def test_they_agree_on_what_is_marked_as_partial_before_it_is_retired(seed: int) -> None:
    late = {"create_get": {"law": "uniform", "low": "0s", "high": "2h"}, "create_list": "1m"}
    scenario = world(
        horizon="16h",
        seed=seed,
        store={"replicas": 2, "negative_cache": "30m", "lag": lag(**late)},
        compactor={
            "ranges": ["2h", "6h"],
            "partial_cleanup": "mark",
            "partial_age": "10m",
            "wait_interval": "20m",
        },
        queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
        schemes=[marks("20h", "10h")],
    )
    assert next(differences(scenario, 0, 0), None) is None
    blocks = build(simulate(scenario, 0, 0)).blocks
    records = simulate(scenario, 0, 0).records
    marked_us = {r.block: r.t_us for r in records if isinstance(r, PutRecord) and r.objects == (3,)}
    assert any(t_us < blocks.retired_us[block] < NEVER for block, t_us in marked_us.items())
