"""Actors that crash at a request, or are struck down for a while (``SEMANTICS.md`` F4, F5)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scenario.schema import Scenario
from tests.worlds import AT_ONCE, marks, run, story, world

WRITES = {"put", "delete", "compact", "retire"}


def crashing(who: str, lasts: str = "10m", at: str = "0s", **at_request: Any) -> Scenario:
    """A small world in which somebody crashes at a request; an upload takes 30m."""
    return world(
        horizon="13h",
        producers={"upload_takes": "30m"},
        compactor={"upload_takes": "3m", "delete_takes": "4m", "wait_interval": "30m"},
        schemes=[AT_ONCE if at_request["request"] == "delete" else marks("48h", "24h")],
        faults=[{"kind": "crash", "who": who, "at": at, "lasts": lasts, "at_request": at_request}],
    )


def told(scenario: Scenario, since: str, until: str) -> list[str]:
    """What changed the bucket between two lines of the story, both included."""
    lines = [line for line in story(run(scenario)[0].records) if line.split()[1] in WRITES]
    return lines[lines.index(since) : lines.index(until) + 1]


@pytest.mark.parametrize(
    ("acknowledged", "expected"),
    [
        # The index would have been acknowledged at 2h20m.
        (False, ["2h10m put 0: chunk", "2h40m put 0: chunk", "2h50m put 0: index"]),
        (True, ["2h10m put 0: chunk", "2h20m put 0: index", "2h40m put 0: chunk"]),
    ],
)
def test_a_producer_crashes_at_its_index(acknowledged: bool, expected: list[str]) -> None:
    scenario = crashing("producers", request="put", object="index", acknowledged=acknowledged)
    assert told(scenario, expected[0], expected[-1]) == expected
    # It goes on with the same block, and crashes no more.
    after = "2h50m put 0: index"
    assert told(scenario, after, "4h20m put 1: index")[1:-1] == [
        "3h put 0: meta",
        "4h10m put 1: chunk",
    ]


def test_the_request_is_counted_from_at_on() -> None:
    scenario = crashing("producer/0", at="3h", request="put", object="meta.json", nth=2)
    lines = told(scenario, "4h30m put 1: meta", "7h10m put 2: meta")
    assert lines[:4] == [
        "4h30m put 1: meta",
        "6h10m put 2: chunk",
        "6h20m put 2: index",
        # The meta.json of 6h30m is not sent; 10m later it begins anew.
        "6h50m put 2: chunk",
    ]


def test_a_compactor_that_crashes_while_it_deletes_leaves_half_a_block() -> None:
    scenario = crashing(
        "compactor", lasts="2h", request="delete", object="meta.json", acknowledged=True
    )
    lines = [line for line in story(run(scenario)[0].records) if " delete " in line]
    first = lines[0].split()
    assert first[3] == "meta"
    rest = [line for line in lines[1:] if line.split()[2] == first[2]]
    # What is left is a partial block, which is taken for abandoned only after 48h.
    assert rest == []


def test_a_crash_without_a_request_is_an_absence() -> None:
    def records(**fault: Any) -> list[str]:
        scenario = world(horizon="12h", faults=[{"at": "9h", "lasts": "90m", **fault}])
        return story(run(scenario)[0].records)

    for short, who in (
        ({"kind": "gateway-outage", "target": 0}, "gateways"),
        ({"kind": "producer-crash", "target": 0}, "producer/0"),
        ({"kind": "compactor-crash"}, "compactor"),
    ):
        assert records(**short) == records(kind="crash", who=who)
