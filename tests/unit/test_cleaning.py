"""Another process that cleans up beside the compactor, with delays of its own (D24)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.evidence.events import What
from sim.analysis.evidence.tale import Explained
from sim.analysis.rules.safety import proof
from sim.model.computed.conditions import is_computable
from sim.model.world import simulate
from sim.report.plan import rival_lines
from sim.scenario.schema import Scenario
from sim.study.explain import explain
from sim.trace.columns import build
from sim.trace.records import DeleteRecord, ErrorRecord
from tests.worlds import marks, us, world


def beside(every: str = "1h", **keys: str) -> dict[str, Any]:
    return {**marks("9h", "8h"), "beside": {"kind": "cleanup", "every": every, **keys}}


def gone_us(scenario: Scenario) -> list[int]:
    """When objects went, each instant once."""
    records = simulate(scenario, 0, 0).records
    return sorted({r.t_us for r in records if isinstance(r, DeleteRecord)})


@pytest.mark.parametrize(
    ("delay", "first"), [("0s", "11h"), ("58m59s", "11h"), ("59m", "12h"), ("3h30m", "14h")]
)
def test_a_marked_block_goes_at_the_first_tick_after_the_delay(delay: str, first: str) -> None:
    # Four blocks are marked at 10h1m.
    scenario = world(horizon="14h1s", schemes=[beside(delete_delay=delay)])
    assert gone_us(scenario) == [us(first)]


def test_a_delay_is_48h_unless_said_otherwise_and_then_the_compactor_comes_first() -> None:
    scenario = world(horizon="20h", schemes=[beside()])
    assert gone_us(scenario) == [us("19h5m")]


def test_nobody_rests_over_what_it_does() -> None:
    scenario = world(
        horizon="30h", compactor={"retention": {"raw": "6h"}}, schemes=[beside(delete_delay="20m")]
    )
    at_once, by_step = (simulate(scenario, 0, 0, step_by_step=s) for s in (False, True))
    assert at_once.digest == by_step.digest
    assert not is_computable(scenario, 0)


@pytest.mark.parametrize(("own", "first"), [({}, "5h"), ({"partial_age": "1h"}, "4h")])
def test_orphans_go_by_an_age_of_its_own(own: dict[str, str], first: str) -> None:
    # The producer is down from 2h10m on, when its chunk is there and its index is not.
    scenario = world(
        horizon="6h",
        producers={"upload_takes": "15m"},
        compactor={"partial_age": "2h50m", "wait_interval": "3h"},
        faults=[{"kind": "producer-crash", "target": 0, "at": "2h6m", "lasts": "10h"}],
        schemes=[beside(**own)],
    )
    assert gone_us(scenario)[0] <= us(first)
    assert gone_us(scenario)[0] > us(first) - us("1h")


def test_what_fails_is_done_again_at_the_next_tick() -> None:
    scenario = world(
        horizon="20h",
        faults=[{"kind": "store-errors", "at": "10h30m", "lasts": "1h", "error_rate": 1.0}],
        schemes=[beside(delete_delay="0s")],
    )
    trace = simulate(scenario, 0, 0)
    failed = [r for r in trace.records if isinstance(r, ErrorRecord)]
    mine = [r for r in failed if r.actor == "operator/cleanup"]
    assert [r.t_us for r in mine] == [us("11h")]
    assert gone_us(scenario)[0] == us("12h")
    # It is no failure of the compactor.
    own = sum(r.actor in ("compactor", "cleaner") for r in failed)
    assert build(trace).counters["compactor-error"] == own


def test_rules_prove_nothing_beside_it() -> None:
    safe = {"warmup": "3h", "producers": {"local_retention": "2h"}, "horizon": "40h"}
    assert proof(world(**safe, schemes=[marks("9h", "1h")]), 0, "query-error")
    scheme = {**marks("9h", "1h"), "beside": beside(delete_delay="9h")["beside"]}
    assert not proof(world(**safe, schemes=[scheme]), 0, "query-error")


def test_a_check_tells_of_a_shorter_delay() -> None:
    said = [[*rival_lines(world(schemes=[beside(delete_delay=d)]), 0)] for d in ("1h", "9h")]
    assert said == [
        ["what is kept for 9h, and whose mark is older than 1h, goes (beside = cleanup)"],
        [],
    ]
    kept: dict[str, Any] = {"name": "s", "kind": "composed", "record": "mark", "delete": "never"}
    kept |= {"hide": {"kind": "mark-age", "after": "1h"}}
    kept |= {"beside": beside(delete_delay="1h")["beside"]}
    (line,) = rival_lines(world(schemes=[kept]), 0)
    assert line.startswith("what is kept for ever, and whose mark")


def test_a_tale_says_who_came_before_the_delay() -> None:
    scenario = world(horizon="14h", schemes=[beside("5m", delete_delay="0s")])
    found = explain(scenario, outcome="query-error")
    assert isinstance(found, Explained)
    done = {e.what: e.actor for e in found.tale.events if e.what in (What.RETIRED, What.DELETING)}
    assert done == {What.RETIRED: "compactor", What.DELETING: "operator"}
