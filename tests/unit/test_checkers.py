"""What is counted beside the queries; every checker has a case it accepts and one it rejects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.analysis.checkers import (
    garbage_byte_seconds,
    leaked_blocks,
    lost_blocks,
    observe,
    retention_overshoot,
    time_to_visible,
)
from sim.core.units import NEVER
from sim.scenario.load import load
from sim.trace.records import (
    BlockRecord,
    DeleteRecord,
    HaltRecord,
    LoadRecord,
    PutRecord,
    Record,
    ResumeRecord,
    RetireRecord,
    UpRecord,
)
from tests.worlds import AT_ONCE, lag, marks, run, timelines_of, us, world

ROOT = Path(__file__).parents[2]
CHUNK, INDEX, META, MARK = range(4)
WHOLE = (CHUNK, INDEX, META)


def block(number: int, low: int, high: int, *, level: int = 1, at: str = "2h") -> BlockRecord:
    low_us, high_us = low * us("1h"), high * us("1h")
    sources = (low // 2, high // 2)
    return BlockRecord(us(at), number, 0, 0, 0, low_us, high_us, level, 100, sources)


def put(number: int, at: str, *objects: int) -> PutRecord:
    return PutRecord(us(at), number, objects or WHOLE, (), (), 0)


def delete(number: int, at: str, *objects: int) -> DeleteRecord:
    return DeleteRecord(us(at), number, objects or WHOLE, (), ())


FOREVER = world()
TEN_HOURS = world(compactor={"retention": {"raw": "10h"}})


@pytest.mark.parametrize(
    ("records", "scenario", "lost"),
    [
        pytest.param([block(0, 0, 2), put(0, "2h")], FOREVER, 0, id="there"),
        pytest.param([block(0, 0, 2)], FOREVER, 0, id="never committed"),
        pytest.param([block(0, 0, 2), put(0, "2h"), delete(0, "5h")], FOREVER, 1, id="deleted"),
        pytest.param(
            [block(0, 0, 2), put(0, "2h"), delete(0, "5h", META)], FOREVER, 1, id="without a meta"
        ),
        pytest.param(
            [block(0, 0, 2), put(0, "2h"), block(1, 0, 8, level=2), put(1, "4h"), delete(0, "5h")],
            FOREVER,
            0,
            id="in another",
        ),
        pytest.param(
            [
                block(0, 0, 2),
                put(0, "2h"),
                block(1, 0, 8, level=2),
                put(1, "4h", CHUNK, INDEX),
                delete(0, "5h"),
            ],
            FOREVER,
            1,
            id="in another that was never committed",
        ),
        pytest.param(
            [block(0, 0, 2), put(0, "2h"), delete(0, "12h")], TEN_HOURS, 1, id="with its retention"
        ),
        pytest.param(
            [block(0, 0, 2), put(0, "2h"), delete(0, "12h1us")], TEN_HOURS, 0, id="after it"
        ),
    ],
)
def test_lost_blocks(records: list[Record], scenario: Any, lost: int) -> None:
    assert lost_blocks(scenario, timelines_of(*records)) == lost


@pytest.mark.parametrize(
    ("records", "dangling"),
    [
        pytest.param([block(0, 0, 2), put(0, "2h")], 0, id="whole"),
        pytest.param([block(0, 0, 2)], 0, id="not begun"),
        pytest.param([block(0, 0, 2), put(0, "2h", CHUNK)], 1, id="never finished"),
        pytest.param([block(0, 0, 2), put(0, "13h30m", CHUNK)], 0, id="perhaps under way"),
        pytest.param([block(0, 0, 2), put(0, "2h"), delete(0, "5h", META)], 1, id="half deleted"),
        pytest.param([block(0, 0, 2), put(0, "2h"), delete(0, "5h")], 0, id="deleted"),
    ],
)
def test_dangling_blocks(records: list[Record], dangling: int) -> None:
    assert observe(FOREVER, timelines_of(*records))["dangling-block"] == dangling


def test_leaked_blocks_are_what_a_halted_compactor_left() -> None:
    retired: list[Record] = [block(0, 0, 2), put(0, "2h"), RetireRecord(us("5h"), 0, 1)]
    assert leaked_blocks(FOREVER, timelines_of(*retired)) == 0
    halt = HaltRecord(us("6h"), "overlap")
    assert leaked_blocks(FOREVER, timelines_of(*retired, halt)) == 1
    assert leaked_blocks(FOREVER, timelines_of(*retired, delete(0, "6h"), halt)) == 0
    resumed = ResumeRecord(us("7h"), "compactor")
    assert leaked_blocks(FOREVER, timelines_of(*retired, halt, resumed)) == 0
    half: list[Record] = [block(0, 0, 2), put(0, "2h", CHUNK)]
    assert leaked_blocks(FOREVER, timelines_of(*half, halt)) == 1
    # Or what is marked, and of which nobody reads a mark.
    assert leaked_blocks(FOREVER, timelines_of(*half)) == 0
    assert leaked_blocks(world(compactor={"partial_cleanup": "mark"}), timelines_of(*half)) == 1


@pytest.mark.parametrize(
    ("horizon", "left"),
    [("16h", 8), ("24h", 16), ("32h", 24), ("40h", 44), ("48h", 52), ("5d", 52)],
)
def test_partial_blocks_are_as_many_as_were_reported(horizon: str, left: int) -> None:
    # thanos-io/thanos#2459: seen in steps of eight hours. All are marked by the fifth day.
    path = ROOT / "scenarios/thanos/issue-2459-partial-marked.toml"
    scenario = load(path, {"horizon": horizon})
    trace, timelines = run(scenario)
    counts = observe(scenario, timelines)
    assert (counts["dangling-block"], counts["leaked-block"]) == (left, left)
    puts = [r for r in trace.records if isinstance(r, PutRecord) and MARK in r.objects]
    partial = {r.block for r in puts if timelines.blocks.committed_us[r.block] == NEVER}
    assert len(partial) == (left if horizon == "5d" else 0)


@pytest.mark.parametrize(
    ("records", "alone"),
    [
        pytest.param([put(0, "5h", MARK)], 0, id="of a whole block"),
        pytest.param([put(0, "5h", MARK), delete(0, "7h"), delete(0, "7h", MARK)], 0, id="deleted"),
        pytest.param([delete(0, "5h", META, CHUNK), put(0, "5h", MARK)], 0, id="index is left"),
        pytest.param([delete(0, "5h"), put(0, "5h", MARK)], 1, id="after all went"),
        pytest.param([delete(0, "5h"), put(0, "6h"), put(0, "7h", MARK)], 0, id="came back"),
        pytest.param([delete(0, "1h30m"), put(0, "1h30m", MARK)], 0, id="before the warm-up"),
        pytest.param([delete(0, "5h"), put(0, "6h", MARK), put(0, "7h", MARK)], 2, id="twice"),
    ],
)
def test_orphan_marks(records: list[Record], alone: int) -> None:
    made = timelines_of(block(0, 0, 2, at="1h"), put(0, "1h"), *records, warmup_us=us("2h"))
    assert observe(FOREVER, made)["orphan-mark"] == alone


def test_bytes_are_integrated_over_the_window() -> None:
    records: list[Record] = [
        block(0, 0, 2),
        put(0, "2h"),
        RetireRecord(us("6h"), 0, 1),
        delete(0, "8h", META),
        delete(0, "9h", CHUNK, INDEX),
    ]
    timelines = timelines_of(*records, warmup_us=us("4h"))
    counts = observe(FOREVER, timelines)
    # 100 bytes from 4h to 9h of 10h; garbage from 6h to 9h.
    assert counts["stored-bytes"] == pytest.approx(50.0)
    assert counts["garbage-bytes"] == pytest.approx(30.0)
    assert garbage_byte_seconds(timelines) == 100 * 3 * 3600


def test_time_to_visible() -> None:
    records: list[Record] = [
        UpRecord(0, 0),
        block(0, 0, 2),
        put(0, "2h"),
        LoadRecord(us("2h30m"), 0, (0,)),
        block(1, 2, 4),
        put(1, "4h"),
        LoadRecord(us("5h30m"), 0, (1,)),
        block(2, 4, 6),
        put(2, "6h"),
        block(3, 0, 8, level=2),
        put(3, "9h"),
    ]
    found = time_to_visible(FOREVER, timelines_of(*records))
    assert found == {
        "n": 2,
        "mean_s": 3600.0,
        "p50_s": 1800.0,
        "p99_s": 5400.0,
        "max_s": 5400.0,
        "never": 1,
    }
    empty = time_to_visible(FOREVER, timelines_of())
    assert (empty["n"], empty["mean_s"], empty["never"]) == (0, 0.0, 0)
    late = time_to_visible(FOREVER, timelines_of(*records, warmup_us=us("3h")))
    assert (late["n"], late["mean_s"]) == (1, 5400.0)


def test_retention_overshoot() -> None:
    records: list[Record] = [
        block(0, 0, 2),
        put(0, "2h"),
        delete(0, "15h"),
        block(1, 2, 4),
        put(1, "4h"),
    ]
    other: list[Record] = [RetireRecord(us("14h"), 0, 1)]
    mine: list[Record] = [RetireRecord(us("14h"), 0, 3), RetireRecord(us("14h"), 1, 3)]
    assert retention_overshoot(TEN_HOURS, timelines_of(*records, *other))["n"] == 0
    found = retention_overshoot(TEN_HOURS, timelines_of(*records, *mine))
    # Kept until 12h, gone at 15h.
    assert (found["n"], found["mean_s"]) == (1, 3 * 3600.0)


def test_a_good_run_counts_nothing_bad() -> None:
    scenario = world(horizon="40h", schemes=[AT_ONCE, marks("2h", "1h")])
    bad = (
        "duplicate-compaction",
        "compactor-halt",
        "compactor-error",
        "lost-block",
        "dangling-block",
        "leaked-block",
        "orphan-mark",
    )
    for scheme in (0, 1):
        counts = observe(scenario, run(scenario, scheme)[1])
        assert {name: counts[name] for name in bad} == dict.fromkeys(bad, 0)
        assert counts["compactions"] == 4


def test_garbage_of_a_delay_is_what_the_delay_keeps() -> None:
    scenario = world(horizon="20h", schemes=[AT_ONCE, marks("2h", "1h")])
    at_once, marked = (garbage_byte_seconds(run(scenario, scheme)[1]) for scheme in (0, 1))
    assert at_once == 0.0
    # Two compactions of four blocks each, at 10h1m and 18h1m: the first's go at 12h5m, the
    # second's are there until the horizon.
    expected = 400 * (124 * 60 + 119 * 60)
    assert marked == expected


def test_lags_make_duplicates_and_halts() -> None:
    scenario = world(
        horizon="40h",
        store={"lag": lag(create_list={"law": "uniform", "low": "0s", "high": "5h"})},
        schemes=[marks("4h", "2h")],
    )
    total = {"duplicate-compaction": 0.0, "compactor-halt": 0.0}
    for trial in range(6):
        counts = observe(scenario, run(scenario, trial=trial)[1])
        for name in total:
            value = counts[name]
            assert not isinstance(value, dict)
            total[name] += value
    assert total["duplicate-compaction"] > 0
    assert total["compactor-halt"] > 0
