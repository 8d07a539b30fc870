"""When damage is found: from which block it counts, which queries meet it, and how many must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sim.analysis.checkers import damage_found, observe
from sim.analysis.queries.exposure import exposures
from sim.scenario.schema import Scenario
from sim.trace.records import (
    BlockRecord,
    DeleteRecord,
    DropRecord,
    LoadRecord,
    PutRecord,
    Record,
    UpRecord,
)
from tests.worlds import AT_ONCE, run, timelines_of, us, world

CHUNK, INDEX, META, MARK = range(4)
WHOLE = (CHUNK, INDEX, META)
DAY = {"name": "day", "rate": "2/m", "range": "1d"}


def block(number: int, low: int, high: int, *, level: int = 1) -> BlockRecord:
    span = (low * us("1h"), high * us("1h"))
    sources = (low // 2, high // 2)
    return BlockRecord(span[1], number, 0, 0, 0, *span, level, 100, sources)


def put(number: int, at: str, *objects: int) -> PutRecord:
    return PutRecord(us(at), number, objects or WHOLE, (), (), 0)


def delete(number: int, at: str, *objects: int) -> DeleteRecord:
    return DeleteRecord(us(at), number, objects or WHOLE, (), ())


SERVED: list[Record] = [
    UpRecord(us("1h"), 0),
    block(0, 0, 2),
    put(0, "2h"),
    LoadRecord(us("3h"), 0, (0,)),
]


def found(records: Sequence[Record], *queries: dict[str, Any], **changes: Any) -> dict[str, float]:
    scenario = world(queries=[{**spec, "name": f"q{i}"} for i, spec in enumerate(queries or [DAY])])
    timelines = timelines_of(*records, **changes)
    return damage_found(scenario, timelines, exposures(scenario, timelines))


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="whole"),
        pytest.param([delete(0, "5h", META), delete(0, "5h", CHUNK, INDEX)], id="after retention"),
        pytest.param([put(0, "5h", MARK)], id="marked"),
        pytest.param(
            [block(1, 0, 2, level=2), put(1, "4h"), delete(0, "5h", CHUNK), delete(0, "5h")],
            id="replaced and deleted at one instant, files first",
        ),
        pytest.param(
            [
                block(1, 0, 2, level=2),
                put(1, "4h"),
                delete(0, "5h", META),
                delete(0, "6h", CHUNK, INDEX),
            ],
            id="replaced and deleted slowly, meta.json first",
        ),
        pytest.param([block(1, 2, 4), put(1, "5h", CHUNK)], id="never finished"),
    ],
)
def test_what_is_no_damage(records: Sequence[Record]) -> None:
    kept = {"raw": "1h"}
    scenario = world(compactor={"retention": kept})
    timelines = timelines_of(*SERVED, *records)
    counted = observe(scenario, timelines)["damage-found"]
    assert isinstance(counted, dict)
    assert (counted["n"], counted["never"], counted["max_s"]) == (0, 0, 0.0)


def test_a_block_without_a_file_is_found_by_who_reads_it() -> None:
    broken: list[Record] = [*SERVED, delete(0, "5h", INDEX)]
    # Two queries a minute ask for it: one is expected after 30 seconds.
    assert found(broken)["mean_s"] == 30.0
    # Replaced or not: who has it loaded meets it.
    other: list[Record] = [block(1, 0, 8, level=2), put(1, "4h30m")]
    assert found([*broken, *other])["mean_s"] == 30.0
    # Without a reader its data is missed from its end on.
    assert found([SERVED[0], *SERVED[1:3], delete(0, "5h", INDEX)])["mean_s"] == 30.0


def test_a_broken_block_that_nobody_reads_and_that_is_replaced_is_never_found() -> None:
    records: list[Record] = [
        UpRecord(us("1h"), 0),
        block(0, 0, 2),
        put(0, "2h"),
        block(1, 0, 8, level=2),
        put(1, "4h"),
        LoadRecord(us("4h"), 0, (1,)),
        delete(0, "5h", CHUNK),
    ]
    counts = found(records)
    assert (counts["n"], counts["never"]) == (0, 1)


def test_lost_data_is_found_by_who_fails_and_then_by_who_misses_it() -> None:
    lost: list[Record] = [*SERVED, delete(0, "5h")]
    rare = {**DAY, "rate": "1/h"}
    assert found(lost, rare)["mean_s"] == 3600.0
    # The gateway lets go of it after 20 minutes: queries do not fail any more, they lack it.
    assert found([*lost, DropRecord(us("5h20m"), 0, (0,))], rare)["mean_s"] == 3600.0


def test_data_that_is_asked_for_later_is_found_later() -> None:
    lost: list[Record] = [*SERVED, delete(0, "5h")]
    # [t - 8h, t - 6h) begins to reach into [0h, 2h) at 6h, and has left it at 10h.
    old = {"rate": "1/m", "range": "2h", "offset": "6h"}
    # One microsecond later, for a range does not contain its end.
    assert found(lost, old)["mean_s"] == pytest.approx(3600.0 + 60.0, abs=1e-5)
    assert found(lost, {**old, "rate": "1/d"})["never"] == 1
    # Queries of several classes count together.
    assert found(lost, {**DAY, "rate": "1/h"}, {**DAY, "rate": "2/h"})["mean_s"] == 1200.0


def test_an_interval_of_damage_that_is_too_short_for_one_query_goes_on_in_the_next() -> None:
    # Chunks go one minute before they are back, twice: half of a query is expected in each.
    parts: list[Record] = [delete(0, "5h", CHUNK), put(0, "5h1m", CHUNK)]
    again: list[Record] = [delete(0, "6h", CHUNK), put(0, "6h1m", CHUNK)]
    half = {**DAY, "rate": "30/h"}
    assert found([*SERVED, *parts], half)["never"] == 1
    assert found([*SERVED, *parts, *again], half)["max_s"] == 3660.0


def test_a_query_that_arrives_before_the_damage_is_not_the_one() -> None:
    broken: list[Record] = [*SERVED, delete(0, "5h", CHUNK)]
    assert found(broken, {**DAY, "takes": "10m"})["mean_s"] == 30.0


def test_streams_that_a_query_does_not_ask_for_make_it_later() -> None:
    scenario = world(producers={"count": 2}, queries=[{**DAY, "streams": 1}])
    timelines = timelines_of(*SERVED, delete(0, "5h", CHUNK))
    counts = damage_found(scenario, timelines, exposures(scenario, timelines))
    assert counts["mean_s"] == 60.0


def test_damage_of_the_warm_up_does_not_count() -> None:
    broken: list[Record] = [*SERVED, delete(0, "5h", CHUNK)]
    assert found(broken, warmup_us=us("5h"))["n"] == 1
    assert found(broken, warmup_us=us("5h") + 1)["n"] == 0


def test_an_upload_that_ends_without_its_first_files_is_damage_from_its_commit_on() -> None:
    records: list[Record] = [
        UpRecord(us("1h"), 0),
        block(0, 0, 2),
        put(0, "2h", CHUNK),
        delete(0, "3h", CHUNK),
        put(0, "6h", INDEX),
        put(0, "7h", META),
    ]
    assert found(records)["mean_s"] == 30.0
    assert found(records, warmup_us=us("7h"))["n"] == 1


def scenario_of(order: str) -> Scenario:
    crash = {"kind": "crash", "who": "compactor", "at": "8h", "lasts": "2h"}
    return world(
        horizon="20h",
        compactor={"deletion_order": order, "delete_takes": "4m", "retention": {"raw": "6h"}},
        faults=[{**crash, "at_request": {"request": "delete", "object": "index", "nth": 1}}],
        queries=[{**DAY, "rate": "1/m"}],
        schemes=[AT_ONCE],
    )


def test_in_a_run_only_files_that_go_first_are_damage() -> None:
    counts = {}
    for order in ("as-listed", "meta-first"):
        scenario = scenario_of(order)
        counts[order] = observe(scenario, run(scenario)[1])["damage-found"]
    first, last = counts["as-listed"], counts["meta-first"]
    assert isinstance(first, dict)
    assert isinstance(last, dict)
    assert first["n"] > 0
    assert first["max_s"] == 60.0
    assert (last["n"], last["never"]) == (0, 0)


@pytest.mark.parametrize("miss", ["tolerate", "warn"])
def test_readers_that_answer_without_the_block_miss_its_data(miss: str) -> None:
    scheme = {"name": "at once", "kind": "composed", "miss": miss}
    scenario = world(queries=[DAY], schemes=[scheme])
    timelines = timelines_of(*SERVED, delete(0, "5h"))
    assert damage_found(scenario, timelines, exposures(scenario, timelines))["mean_s"] == 30.0
