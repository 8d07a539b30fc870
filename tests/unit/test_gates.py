"""What deletions wait for: readers that sync, a second cycle, a limited rate (D16, D17, D18)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sim.analysis.checkers import garbage_byte_seconds
from sim.analysis.effort.estimate import sweep_share
from sim.analysis.rules.safety import proof
from sim.cli import main
from sim.errors import ScenarioError
from sim.report.plan import sweep_line
from sim.report.tables import warning_lines
from sim.scenario.load import build as parse
from sim.scenario.schema import Scenario
from sim.scenario.systems import system_paths
from sim.study.run import run_scenario
from sim.trace.timelines import Timelines
from tests.reference.test_agreement import differences
from tests.worlds import run, us, world

AFTER = {"kind": "after", "delay": "10m"}


def held(hold: Any, delete: Any = AFTER, **overrides: Any) -> Scenario:
    """The base world with memory, a delay of 10m, a cleaner every 15m and a hold."""
    own = {"name": "own", "kind": "composed", "record": "memory", "delete": delete, "hold": hold}
    compactor = {"cleanup": "every 15m", "ranges": ["2h", "4h"]} | overrides.pop("compactor", {})
    return world(schemes=[own], compactor=compactor, horizon="26h", **overrides)


def kept_us(timelines: Timelines) -> list[int]:
    """From retirement to deletion, of what is gone."""
    blocks = timelines.blocks
    gone = blocks.deleted_us < timelines.horizon_us
    return sorted((blocks.deleted_us - blocks.retired_us)[gone].tolist())


def test_what_is_due_waits_for_the_next_sync_of_each_reader() -> None:
    gateways = {"count": 2, "sync_interval": "3h", "phase": "0s"}
    scenario = held("readers-synced", gateways=gateways)
    _, timelines = run(scenario)
    blocks, loads = timelines.blocks, timelines.loads
    waits = kept_us(timelines)
    assert waits[-1] > us("90m")
    # The first sync after a retirement is that which drops the block; then the next look.
    for block, drop_us in zip(loads.block.tolist(), loads.drop_us.tolist(), strict=True):
        if blocks.deleted_us[block] < timelines.horizon_us:
            assert blocks.deleted_us[block] >= drop_us
    assert kept_us(run(held("nothing", gateways=gateways))[1])[-1] <= us("25m")
    assert list(differences(scenario, 0, 0)) == []


@pytest.mark.parametrize(("hold", "waits"), [({}, True), ({"ignored_after": "2h"}, False)])
def test_a_reader_that_is_down_is_waited_for_unless_it_is_given_up(
    hold: dict[str, str], waits: bool
) -> None:
    outage = {"kind": "gateway-outage", "target": 0, "at": "7h", "lasts": "12h"}
    gateways = {"count": 2, "sync_interval": "15m"}
    scenario = held({"kind": "readers-synced", **hold}, faults=[outage], gateways=gateways)
    _, timelines = run(scenario)
    gone_us = timelines.blocks.deleted_us
    is_meanwhile = (gone_us > us("9h30m")) & (gone_us < us("19h"))
    assert is_meanwhile.any() != waits
    assert list(differences(scenario, 0, 0)) == []


@pytest.mark.parametrize(
    ("hold", "least", "most"),
    [
        ("nothing", "10m", "25m"),
        ("cycles", "25m", "40m"),
        ({"kind": "cycles", "count": 3}, "40m", "55m"),
        ({"kind": "cycles", "apart": "1h"}, "70m", "85m"),
    ],
)
def test_what_is_due_goes_when_it_was_found_so_often(hold: Any, least: str, most: str) -> None:
    waits = kept_us(run(held(hold))[1])
    assert waits
    assert us(least) <= waits[0] <= waits[-1] <= us(most)


def test_what_was_found_survives_a_restart() -> None:
    crash = {"kind": "compactor-crash", "at": "4h16m", "lasts": "0s"}
    own = {"record": {"kind": "mark"}, "hide": {"kind": "mark-age", "after": "1m"}}
    base = held("cycles", faults=[crash])
    table = {**base.raw()["schemes"][0], **own}
    scenario = world(**{**base.raw(), "schemes": [table]})
    assert kept_us(run(scenario)[1])[-1] <= us("45m")
    assert list(differences(scenario, 0, 0)) == []


def test_a_sweep_takes_as_long_as_its_objects_and_the_next_one_is_late() -> None:
    # A block has a chunk, an index and a meta.json; a compaction of two retires them at once.
    slow = held("nothing", {**AFTER, "rate": "3/h"}, producers={"count": 2})
    _, timelines = run(slow)
    gone_us = sorted(timelines.blocks.deleted_us[timelines.blocks.deleted_us < us("26h")].tolist())
    assert len(gone_us) > 4
    assert min(b - a for a, b in pairwise(gone_us)) >= us("1h")
    assert list(differences(slow, 0, 0)) == []
    # Four blocks come to be retired in four hours: with a rate of two less the rest piles up.
    waits = kept_us(timelines)
    backlog = held("nothing", {**AFTER, "rate": "1/h"}, producers={"count": 2})
    assert kept_us(run(backlog)[1])[-1] > waits[-1] > us("2h")


def test_a_delay_is_not_the_price_where_deletions_compete() -> None:
    def kept(delay: str, rate: str) -> float:
        delete = {"kind": "after", "delay": delay, "rate": rate}
        return garbage_byte_seconds(run(held("nothing", delete, producers={"count": 2}))[1])

    assert kept("2h", "1000/h") > 3 * kept("18m", "1000/h")
    # What comes to be due takes three times as long to delete as the next takes to come.
    assert kept("2h", "1/h") < 1.2 * kept("18m", "1/h")


@pytest.mark.parametrize(("rate", "piles_up"), [("1/h", True), ("4/h", False)])
def test_a_rate_that_is_too_low_is_foreseen(rate: str, piles_up: bool) -> None:
    # Two streams retire a block of three objects every two hours: three objects an hour.
    scenario = held("nothing", {**AFTER, "rate": rate}, producers={"count": 2})
    assert (sweep_share(scenario, 0) > 1.0) == piles_up
    line = sweep_line(scenario, 0)
    assert line.startswith("deletions never catch up") == piles_up
    blocks = run(scenario)[1].blocks
    left = (blocks.retired_us < us("20h")) & (blocks.deleted_us >= us("26h"))
    assert left.any() == piles_up
    assert sweep_line(held("nothing"), 0) == ""
    warned = [line.plain for line in warning_lines(run_scenario(scenario, workers=1))]
    assert (f"warning: own: {line}" in warned) == piles_up


def test_check_warns_of_a_sweep_that_does_not_keep_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(system_paths()["lance"])]) == 0
    said = capsys.readouterr().out
    assert "older_than 1d, one by one: deletions never catch up: " in said
    assert "defaults: deletions" not in said


def test_a_limited_rate_proves_nothing_and_is_above_zero() -> None:
    fast = held("nothing", {**AFTER, "delay": "6h"})
    assert proof(fast, 0, "query-error")
    assert not proof(held("nothing", {**AFTER, "delay": "6h", "rate": "30/s"}), 0, "query-error")
    raw = held("nothing").raw()
    raw["schemes"][0]["delete"] = {**AFTER, "rate": "0/s"}
    with pytest.raises(ScenarioError, match=r"delete.rate"):
        parse(raw)
