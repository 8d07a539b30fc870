"""Marks against compaction: who puts them, and who takes them amiss (``SEMANTICS.md`` C17, O11)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.rules.safety import proof
from sim.model.actors import planner
from sim.model.blocks.catalog import Catalog
from sim.trace.columns import build
from sim.trace.records import CompactRecord, DeleteRecord, PutRecord
from tests.reference import planner as plain
from tests.reference.test_agreement import differences
from tests.reference.world import World
from tests.worlds import lag, marks, run, us, world

RANGES = (20, 60, 180)
EIGHT = [(20 * i, 20 * i + 20) for i in range(8)]
NO_COMPACT = 4
"""Its number among the objects of a block of one chunk."""


def _fast(spans: list[tuple[int, int]], excluded: set[int]) -> list[int]:
    catalog = Catalog(chunk_files=1)
    blocks = [
        catalog.create(
            stream=0,
            resolution=0,
            min_us=low,
            max_us=high,
            level=1,
            sources=(i,),
            created_us=high,
            size_bytes=1,
        )
        for i, (low, high) in enumerate(spans)
    ]
    return [block.index for block in planner.plan(blocks, RANGES, excluded)]


def _plain(spans: list[tuple[int, int]], excluded: set[int]) -> list[int]:
    scenario = world()
    empty = World(scenario, scenario.schemes[0], 0)
    blocks = [
        empty.new_block(
            stream=0,
            resolution=0,
            min_us=low,
            max_us=high,
            level=1,
            sources=frozenset({i}),
            data=frozenset({i}),
            created_us=high,
            chunk_files=1,
        )
        for i, (low, high) in enumerate(spans)
    ]
    names = {blocks[i].id for i in excluded}
    return [block.order for block in plain.plan(blocks, RANGES, names)]


@pytest.mark.parametrize("planned", [_fast, _plain], ids=["fast", "plain"])
@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ([], [0, 1, 2]),
        ([2], [0, 1]),
        ([0], [1, 2]),
        # No two neighbours are left in the first window.
        ([1], [3, 4, 5]),
        ([0, 1, 4], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_window_is_planned_between_marked_blocks(
    planned: Any, excluded: list[int], expected: list[int]
) -> None:
    # With no two neighbours in any window of three, nothing is left of a longer one either.
    found = planned(EIGHT, set(excluded))
    assert found == ([] if excluded == [0, 1, 4] else expected)


def excluding(at: str, **choice: Any) -> dict[str, Any]:
    return {"kind": "no-compact", "at": at, **choice}


def compacted(**tables: Any) -> list[tuple[int, ...]]:
    trace, _ = run(world(**tables))
    return [record.parents for record in trace.records if isinstance(record, CompactRecord)]


def test_the_compactor_leaves_marked_blocks_out() -> None:
    assert compacted(horizon="12h") == [(0, 1, 2, 3)]
    assert compacted(horizon="12h", interventions=[excluding("5h")]) == [(1, 2, 3)]
    newest = [excluding(at, which="newest") for at in ("5h", "7h")]
    assert compacted(horizon="12h", interventions=newest[:1]) == [(2, 3)]
    assert compacted(horizon="12h", interventions=newest) == []
    # At 11h there is nothing to keep from it any more.
    assert compacted(horizon="12h", interventions=[excluding("11h")]) == [(0, 1, 2, 3)]


def test_a_block_is_marked_once() -> None:
    trace, _ = run(world(horizon="8h", interventions=[excluding(f"{h}h") for h in (3, 4, 5)]))
    puts = [
        (record.block, record.stamp_us)
        for record in trace.records
        if isinstance(record, PutRecord) and NO_COMPACT in record.objects
    ]
    # Of the oldest nothing is to be done any more, so the next one is taken, while there is one.
    assert puts == [(0, us("3h")), (1, us("4h"))]


@pytest.mark.parametrize(("vertical", "halts"), [(None, 1), (True, 0)])
def test_marked_blocks_may_overlap_where_overlaps_are_merged(
    vertical: bool | None, halts: int
) -> None:
    # A second block of the time of the first, which names the same source as none does.
    twice = {"kind": "upload", "at": "4h30m", "which": "oldest"}
    _, timelines = run(
        world(
            horizon="9h",
            compactor={"vertical_compaction": vertical, "wait_interval": "1h"},
            interventions=[twice, excluding("4h40m"), excluding("4h41m")],
        )
    )
    assert timelines.counters["compactor-halt"] == halts
    assert timelines.counters["compactions"] == 0


@pytest.mark.parametrize(
    ("amiss", "age", "gone"), [(True, "3h", "8h5m"), (True, "9h", ""), (None, "3h", "")]
)
def test_a_marked_block_may_be_taken_for_partial(amiss: bool | None, age: str, gone: str) -> None:
    trace, timelines = run(
        world(
            horizon="13h",
            compactor={"marked_are_partial": amiss, "partial_age": age},
            interventions=[excluding("5h")],
        )
    )
    deleted = [r for r in trace.records if isinstance(r, DeleteRecord) and r.block == 0]
    assert [(r.t_us, *sorted(r.objects)) for r in deleted] == (
        [(us(gone), 0, 1, 2, NO_COMPACT)] if gone else []
    )
    assert (int(timelines.blocks.deleted_us[0]) < us("13h")) == bool(gone)


def test_each_sync_asks_for_the_marks_only_where_there_may_be_some() -> None:
    def gets(*interventions: dict[str, Any]) -> int:
        trace, _ = run(world(horizon="3h", interventions=list(interventions) or None))
        return build(trace).counters["requests.get"]

    # 11 passes of two syncs from 2h5m on, each with one block; one more of the operator's own.
    assert gets(excluding("99h")) - gets() == 24
    assert gets(excluding("2h30m")) - gets(excluding("99h")) == 1


def test_the_mark_costs_a_proof_only_where_it_is_taken_amiss() -> None:
    def proven(amiss: bool, *interventions: dict[str, Any]) -> str:
        scenario = world(
            schemes=[marks("9h", "1h")],
            compactor={"marked_are_partial": amiss},
            interventions=list(interventions) or None,
        )
        return proof(scenario, 0, "query-error")

    assert proven(False, excluding("5h"))
    assert not proven(True, excluding("5h"))
    assert not proven(False, {"kind": "corrupt-mark", "at": "5h"})


def test_both_implementations_agree_on_marked_blocks() -> None:
    scenario = world(
        horizon="18h",
        store={
            "replicas": 2,
            "read_from": "any",
            "negative_cache": "7m",
            "lag": lag(create_list="25m", create_get="2m", delete_list="5m"),
        },
        compactor={
            "ranges": ["2h", "6h"],
            "wait_interval": "10m",
            "vertical_compaction": True,
            "marked_are_partial": True,
            "partial_age": "4h",
            "delete_takes": "4m",
            "sync_takes": "3m",
            "sync_stages": {"check": 0.3, "marks": 0.6},
            "progress_interval": "20m",
        },
        faults=[{"kind": "store-errors", "at": "5h", "lasts": "20h", "error_rate": 0.02}],
        interventions=[
            excluding("5h"),
            excluding("9h", which="newest"),
            excluding("11h", level=2),
            {"kind": "delete", "at": "16h", "which": "newest"},
        ],
        queries=[{"name": "q", "rate": "2/h", "range": "12h"}],
        schemes=[marks("3h", "1h")],
    )
    assert next(differences(scenario, 0, 0), None) is None
    trace, _ = run(scenario)
    changes = [r for r in trace.records if isinstance(r, PutRecord | DeleteRecord)]
    assert sum(NO_COMPACT in record.objects for record in changes) > 3
