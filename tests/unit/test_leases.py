"""Leases that outlive a drop, and leases that a restart of who deletes forgets (D20, D21)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.scenario.load import build as load
from sim.scenario.schema import Scenario
from sim.trace.timelines import Timelines
from tests.reference.test_agreement import differences
from tests.worlds import run, us, world

AT_ONCE = {"kind": "after", "delay": "0s", "when": "every 1m"}
MARKED = {"record": "mark", "hide": {"kind": "mark-age", "after": "12h"}}


def held(hold: Any, **overrides: Any) -> Scenario:
    """One reader that looks every hour, and who deletes every minute what readers do not hold."""
    own = {"name": "own", "kind": "composed", **MARKED, "delete": AT_ONCE, "hold": hold}
    return world(schemes=[own], compactor={"ranges": ["2h", "4h"]}, horizon="26h", **overrides)


def kept_us(timelines: Timelines) -> list[int]:
    """From the end of a reader's use of a block to its deletion, of what is gone."""
    loads, gone_us = timelines.loads, timelines.blocks.deleted_us
    found = zip(loads.block.tolist(), loads.drop_us.tolist(), strict=True)
    return sorted(
        int(gone_us[block]) - drop_us for block, drop_us in found if gone_us[block] < us("26h")
    )


@pytest.mark.parametrize(("lingers", "least", "most"), [("0s", "0s", "1m"), ("50m", "50m", "51m")])
def test_who_dropped_a_block_holds_it_for_the_queries_under_way(
    lingers: str, least: str, most: str
) -> None:
    scenario = held({"kind": "leases", "lingers": lingers})
    waits = kept_us(run(scenario)[1])
    assert waits
    assert us(least) <= waits[0] <= waits[-1] <= us(most)
    assert list(differences(scenario, 0, 0)) == []


def in_memory(at: str = "10h10m", lasts: str = "0s", lease: str = "10m", **keys: str) -> Scenario:
    """Two blocks are retired at 10h1m, which a reader has until 10h30m; who deletes restarts.

    The reader serves from 30m on, so that it renews at 9h57m, 10h6m, 10h15m and 10h24m.
    """
    crash = {"kind": "compactor-crash", "at": at, "lasts": lasts}
    hold = {"kind": "leases-in-memory", "renewed": "9m", "lasts": lease, **keys}
    return held(hold, faults=[crash])


@pytest.mark.parametrize(
    ("scenario", "gone"),
    [
        # What it forgot at 10h10m goes then; without a restart that of 10h24m has to run out.
        (in_memory(), "10h10m"),
        (in_memory(at="1h"), "10h34m"),
        # The renewal of 10h6m is lost on a process that begins later.
        (in_memory(at="10h5m", lasts="30s"), "10h5m30s"),
        (in_memory(at="10h5m", lasts="70s", grace="2m"), "10h8m10s"),
        (in_memory(at="10h5m", lasts="60s", grace="2m"), "10h34m"),
        # A grace until all have renewed is enough, if it does not end at the very instant.
        (in_memory(grace="5m"), "10h15m"),
        (in_memory(grace="6m"), "10h34m"),
        # A lease that is over before it is renewed is none for a while.
        (in_memory(at="1h", renewed="20m", lease="9m"), "10h2m"),
    ],
)
def test_who_deletes_forgets_leases_and_waits_until_they_are_renewed(
    scenario: Scenario, gone: str
) -> None:
    _, timelines = run(scenario)
    loads, gone_us = timelines.loads, timelines.blocks.deleted_us
    dropped = loads.block[loads.drop_us == us("10h30m")]
    assert set(gone_us[dropped].tolist()) == {us(gone)}
    assert list(differences(scenario, 0, 0)) == []


def test_a_lease_outlives_the_reader_that_has_it() -> None:
    outage = {"kind": "gateway-outage", "target": 0, "at": "10h7m", "lasts": "5h"}

    def first_us(lasts: str) -> int:
        hold = {"kind": "leases-in-memory", "renewed": "9m", "lasts": lasts}
        scenario = held(hold, faults=[outage])
        assert list(differences(scenario, 0, 0)) == []
        gone_us = run(scenario)[1].blocks.deleted_us
        return int(gone_us[gone_us > us("10h")].min())

    # It asked last at 10h6m.
    assert [first_us(lasts) for lasts in ("10m", "24m", "3h")] == [
        us("10h16m"),
        us("10h30m"),
        us("13h6m"),
    ]


def test_one_who_deletes_has_the_leases_in_its_memory() -> None:
    raw = held("leases-in-memory", producers={"count": 2}).raw()
    raw["compactor"]["count"] = 2
    with pytest.raises(ScenarioError, match="leases-in-memory"):
        load(raw)
