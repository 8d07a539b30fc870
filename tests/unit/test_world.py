"""Whole runs: the story of a world in one literal, repetition, ties, common random numbers."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.trace.recorder import Trace
from sim.trace.records import (
    KIND_OF,
    BlockRecord,
    LoadRecord,
    PutRecord,
    RequestsRecord,
    RetireRecord,
)
from tests.worlds import AT_ONCE, lag, marks, run, story, us, world

CRASH = {"kind": "compactor-crash", "at": "9h", "lasts": "70m"}
OUTAGE = {"kind": "gateway-outage", "target": 1, "at": "10h40m", "lasts": "5m"}
ERRORS = {
    "kind": "store-errors",
    "at": "3h",
    "lasts": "9h",
    "error_rate": 0.05,
    "lost_answer_rate": 0.05,
}


def test_the_whole_story_of_a_deletion_at_once() -> None:
    trace, _ = run(world(horizon="11h"))
    early = [
        line
        for j in range(4)
        for line in (
            f"{2 * j + 2}h block {j} 0.raw {2 * j}h-{2 * j + 2}h level 1",
            f"{2 * j + 2}h put {j}: chunk index meta",
            f"{2 * j + 2}h30m load 0: {j}",
        )
    ]
    assert story(trace.records) == [
        "30m up 0",
        *early,
        "10h block 4 0.raw 8h-10h level 1",
        "10h put 4: chunk index meta",
        "10h block 5 0.raw 0h-8h level 2",
        "10h1m put 5: chunk index meta",
        "10h1m compact 0 1 2 3 to 5",
        *[
            line
            for j in range(4)
            for line in (f"10h1m retire {j} compacted", f"10h1m delete {j}: meta chunk index")
        ],
        "10h30m load 0: 4 5",
        "10h30m drop 0: 0 1 2 3",
    ]


def test_the_whole_story_of_a_deletion_by_marks() -> None:
    trace, _ = run(world(horizon="11h", schemes=[marks("9m", "4m")]))
    lines = story(trace.records)
    first = lines.index("10h1m compact 0 1 2 3 to 5")
    retired = {f"10h1m put {j}: mark" for j in range(4)} | {
        f"10h1m retire {j} compacted" for j in range(4)
    }
    assert set(lines[first + 1 : first + 9]) == retired
    assert lines[first + 9 :] == [
        # Stamped 10h1m: 9m old at the pass of 10h10m, more than that at 10h15m.
        *[f"10h15m delete {j}: meta chunk index mark" for j in range(4)],
        "10h30m load 0: 4 5",
        "10h30m drop 0: 0 1 2 3",
    ]
    requests = trace.records[-1]
    assert isinstance(requests, RequestsRecord)
    get, head, listings, put, delete = requests.counts
    # 6 blocks of 3 objects and 4 marks; 4 blocks of 3 objects and a mark.
    assert (put, delete) == (6 * 3 + 4, 4 * 4)
    # Two syncs a pass, 132 passes and one more iteration after the compaction, 12 of the gateway,
    # and a listing of each parent.
    assert listings == 2 * 132 + 1 + 12 + 4
    assert get > head > listings


@pytest.mark.parametrize("scheme", [0, 1])
def test_the_same_trial_twice_is_the_same_run(scheme: int) -> None:
    scenario = full_world()
    first, second = (simulate(scenario, scheme, 1) for _ in range(2))
    assert first.digest == second.digest
    assert first.records == second.records
    assert simulate(scenario, scheme, 2).digest != first.digest


def full_world(**changes: Any) -> Scenario:
    """Everything that lags, fails and crashes at once."""
    law = {"law": "exponential", "mean": "3m"}
    values: dict[str, Any] = {
        "horizon": "24h",
        "store": {"replicas": 2, "lag": lag(create_get=law, create_list=law, delete_get=law)},
        "producers": {"count": 3, "upload_takes": law},
        "compactor": {"retention": {"raw": "12h"}, "delete_takes": law},
        "gateways": {"count": 3, "sync_interval": "20m", "phase": "uniform", "sync_takes": "1m"},
        "schemes": [AT_ONCE, marks("1h", "20m")],
        "faults": [CRASH, OUTAGE, ERRORS],
    }
    return world(**{**values, **changes})


@pytest.mark.parametrize("scheme", [0, 1])
def test_nothing_hangs_on_the_order_of_a_tie(scheme: int) -> None:
    scenario = full_world(faults=[])
    plain = simulate(scenario, scheme, 0)

    def facts(trace: Trace) -> list[tuple[int, str]]:
        """Records without the ordinals of blocks, which follow the order of making."""
        ids = [r.id for r in trace.records if isinstance(r, BlockRecord)]
        told = []
        for r in trace.records:
            if isinstance(r, PutRecord):
                told.append((r.t_us, f"put {ids[r.block]} {r.objects} {r.get} {r.list}"))
            elif isinstance(r, LoadRecord):
                told.append((r.t_us, f"load {r.gateway} {sorted(ids[b] for b in r.blocks)}"))
            elif isinstance(r, RetireRecord):
                told.append((r.t_us, f"retire {ids[r.block]} {r.why}"))
        return sorted(told)

    for seed in range(3):
        assert facts(simulate(scenario, scheme, 0, shuffle=seed)) == facts(plain)


def test_schemes_of_a_trial_meet_the_same_uploads() -> None:
    scenario = full_world(faults=[])

    def uploads(scheme: int) -> list[tuple[str, int, tuple[int, ...], tuple[int, ...]]]:
        trace, timelines = run(scenario, scheme)
        ids, level = timelines.blocks.id, timelines.blocks.level
        puts = [r for r in trace.records if isinstance(r, PutRecord) and level[r.block] == 1]
        return [(ids[r.block], r.t_us, r.get, r.list) for r in puts if 3 not in r.objects]

    assert len(uploads(0)) > 50
    assert sorted(uploads(0)) == sorted(uploads(1))


def test_records_are_in_order_and_before_the_horizon() -> None:
    for scheme in (0, 1):
        trace, _ = run(full_world(), scheme)
        times = [record.t_us for record in trace.records]
        assert times == sorted(times)
        assert [KIND_OF[type(record)] for record in trace.records[-3:]] == [
            "syncs",
            "passes",
            "requests",
        ]
        assert set(times[-3:]) == {us("24h")}
        assert times[-4] < us("24h")


def test_shared_views_are_only_a_shortcut() -> None:
    """Gateways that may share a view do the same as gateways that may not."""
    base: dict[str, Any] = {
        "horizon": "30h",
        "producers": {"count": 2},
        "gateways": {"count": 3, "sync_interval": "17m", "sync_takes": "90s", "phase": "uniform"},
        "schemes": [marks("1h", "30m")],
        "compactor": {"retention": {"raw": "9h"}},
    }
    shared, _ = run(world(**base))
    # A negative cache of 1 µs changes nothing for gateways but that views are not shared.
    apart, _ = run(world(**base, store={"negative_cache": "1us"}))

    def of_gateways(trace: Trace) -> list[str]:
        words = ("load", "drop", "up", "unloaded")
        return [line for line in story(trace.records) if line.split()[1] in words]

    assert len(of_gateways(shared)) > 50
    assert of_gateways(shared) == of_gateways(apart)


@pytest.mark.parametrize("scheme", [0, 1])
def test_a_fault_that_never_comes_changes_nothing(scheme: int) -> None:
    never = {"kind": "store-errors", "at": "30h", "lasts": "1h", "error_rate": 0.5}

    def told(*faults: dict[str, Any]) -> list[str]:
        """The story without puts and deletes, which come one by one where one may fail."""
        trace, _ = run(full_world(faults=[CRASH, OUTAGE, *faults]), scheme)
        lines = story(trace.records)
        return [line for line in lines if line.split()[1] not in ("put", "delete")]

    assert told(never) == told()


def test_a_run_leaves_nothing_to_the_cycle_collector() -> None:
    scenario = world(
        horizon="2d",
        store={"profile": "s3-pre-2020"},
        faults=[{"kind": "compactor-crash", "at": "20h", "lasts": "1h"}],
        schemes=[marks("6h", "3h")],
    )
    trace = simulate(scenario, 0, 0)
    gc.collect()
    gc.disable()
    try:
        assert simulate(scenario, 0, 0).digest == trace.digest
        # Blocks, and what becomes of them, are some thousands.
        assert gc.collect() < 300
    finally:
        gc.enable()
