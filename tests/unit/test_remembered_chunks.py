"""Chunks that caches remember (G9): who fills them, whom they serve, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sim.analysis.queries.evaluate import class_hazards, evaluate_exact, evaluate_sampled
from sim.analysis.queries.exposure import Exposure
from sim.conventions.queries import Queries
from sim.core.streams import Streams
from sim.scenario.schema import Scenario
from sim.trace.records import (
    BlockRecord,
    DeleteRecord,
    DownRecord,
    LoadRecord,
    PutRecord,
    Record,
    UpRecord,
)
from sim.trace.timelines import Timelines
from tests.worlds import timelines_of, us, world

CHUNK, INDEX, META = range(3)
DAY = {"name": "day", "rate": "2/m", "range": "1d"}


def cached(lifetime: str, *queries: dict[str, Any], **tables: Any) -> Scenario:
    asks = dict.fromkeys(("listing", "exists", "absent", "content"), "0s")
    cache = {**asks, "chunks": lifetime}
    return world(queries=list(queries or [DAY]), gateways={"cache": cache}, **tables)


def served(*more: Record) -> Timelines:
    """A block of stream 0 that gateway 0 has from 3h on."""
    span = (0, us("2h"))
    first: Sequence[Record] = (
        UpRecord(us("1h"), 0),
        BlockRecord(us("2h"), 0, 0, 0, 0, *span, 1, 100, (0, 1)),
        PutRecord(us("2h"), 0, (CHUNK, INDEX, META), (), (), 0),
        LoadRecord(us("3h"), 0, (0,)),
    )
    return timelines_of(*first, *more)


def gone(at: str, *objects: int) -> DeleteRecord:
    return DeleteRecord(us(at), 0, objects, (), ())


def fails_from(scenario: Scenario, timelines: Timelines, number: int = 0) -> list[int]:
    """When intervals of failing queries begin."""
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[number]))
    spans = zip(found.start_us.tolist(), found.outcome, strict=True)
    return [start_us for start_us, outcome in spans if outcome == "query-error"]


def arrivals(scenario: Scenario, number: int = 0) -> list[int]:
    """When queries of a class arrive that find the block loaded."""
    queries = Queries(scenario, scenario.queries[number], Streams(7))
    return [t for t in queries.arrivals().tolist() if t >= us("3h")]


def fills(at_us: list[int], lifetime_us: int, until_us: int) -> list[int]:
    """Which arrivals fill a cache that none of them prolongs."""
    found: list[int] = []
    for t in at_us:
        if t < until_us and (not found or t >= found[-1] + lifetime_us):
            found.append(t)
    return found


@pytest.mark.parametrize("lifetime", ["40m", "3h"])
def test_queries_fail_when_the_cache_forgets(lifetime: str) -> None:
    scenario, timelines = cached(lifetime), served(gone("5h", CHUNK))
    last_us = fills(arrivals(scenario), us(lifetime), us("5h"))[-1]
    assert fails_from(scenario, timelines) == [last_us + us(lifetime)]
    assert fails_from(cached("0s"), timelines) == [us("5h")]


def test_an_index_that_is_gone_is_not_hidden() -> None:
    timelines = served(gone("5h", CHUNK, INDEX))
    assert fails_from(cached("3h"), timelines) == [us("5h")]


def test_what_is_read_serves_queries_of_the_same_class_alone() -> None:
    scenario = cached("3h", DAY, {**DAY, "name": "late", "rate": "1/d", "offset": "4h"})
    timelines = served(gone("5h", CHUNK))
    often, late = (fails_from(scenario, timelines, number)[0] for number in (0, 1))
    assert often > us("5h")
    # [t - 28h, t - 4h) begins to reach into the block at 4h; nobody asked until it broke.
    assert not [t for t in arrivals(scenario, 1) if us("4h") < t < us("5h")]
    assert late == us("5h")


def test_a_query_that_asks_for_another_stream_fills_nothing() -> None:
    scenario = cached("3h", {**DAY, "streams": 1}, producers={"count": 2})
    timelines = served(gone("5h", CHUNK))
    queries = Queries(scenario, scenario.queries[0], Streams(7))
    first, at_us = queries.arrivals_within(us("3h"), us("5h"))
    number = np.arange(first, first + at_us.size)
    asking = at_us[queries.asks_for(number, np.zeros(number.size, np.int64))].tolist()
    assert asking[0] > at_us[0] or asking != at_us.tolist()
    last_us = fills(asking, us("3h"), us("5h"))[-1]
    assert fails_from(scenario, timelines) == [last_us + us("3h")]


def test_a_cache_is_lost_with_its_gateway() -> None:
    outage = (
        DownRecord(us("4h"), 0, us("4h")),
        UpRecord(us("4h10m"), 0),
        LoadRecord(us("4h10m"), 0, (0,)),
    )
    scenario = cached("9h")
    kept, lost = served(gone("5h", CHUNK)), served(*outage, gone("5h", CHUNK))
    first = arrivals(scenario)[0]
    again = next(t for t in arrivals(scenario) if t >= us("4h10m"))
    assert fails_from(scenario, kept) == [first + us("9h")]
    assert fails_from(scenario, lost) == [again + us("9h")]


def test_chunks_that_are_back_are_read_anew() -> None:
    back = PutRecord(us("5h30m"), 0, (CHUNK,), (), (), 0)
    timelines = served(gone("5h", CHUNK), back, gone("6h", CHUNK))
    scenario = cached("10m")
    forgotten, again = fails_from(scenario, timelines)
    assert us("5h") < forgotten < us("5h10m")
    assert us("6h") < again < us("6h10m")


def test_exact_and_sampled_mean_the_same() -> None:
    scenario = cached("50m", {**DAY, "rate": "1/s", "takes": "30s"})
    timelines = served(gone("5h", CHUNK))
    (exact,), (sampled,) = (f(scenario, timelines) for f in (evaluate_exact, evaluate_sampled))
    for outcome, fraction in exact.fractions.items():
        error = 4 * (fraction * (1 - fraction) / sampled.queries) ** 0.5
        assert abs(sampled.fractions[outcome] - fraction) <= error
    (forgetful,) = evaluate_exact(cached("0s"), timelines)
    # It hides half an hour of the fourteen.
    assert forgetful.fractions["query-error"] - exact.fractions["query-error"] > 0.03


@pytest.mark.parametrize(
    ("tables", "where"),
    [
        ({"gateways": {"cache": {"chunks": "1h", "shared": True}}}, "the cache is shared"),
        (
            {"store": {"profile": "strong", "replicas": 2, "read_from": "any"}},
            "each read draws its replica",
        ),
        (
            {"schemes": [{"name": "again", "kind": "composed", "miss": "resync"}]},
            "a query is tried again",
        ),
    ],
)
def test_what_does_not_go_with_it_is_told(tables: dict[str, Any], where: str) -> None:
    chunks = {"gateways": {"cache": {"chunks": "1h"}}}
    with pytest.raises(ValueError, match="do not fit together") as caught:
        world(**{**chunks, **tables})
    assert f'be "0s" where {where}' in str(caught.value.errors())  # type: ignore[attr-defined]
    without = {"gateways": {"cache": {"shared": True}}} if "gateways" in tables else tables
    world(**without)
