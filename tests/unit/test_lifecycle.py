"""A rule of the bucket that deletes beside the compactor, by the age of objects (D19)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sim.analysis.curve.feedback import entanglement, with_delay
from sim.analysis.evidence.events import What
from sim.analysis.evidence.tale import Explained
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.rules.safety import proof
from sim.model.computed.conditions import is_computable
from sim.model.world import simulate
from sim.report.plan import rival_lines
from sim.study.explain import explain
from sim.testing.promises import blocks_without_files, unretired_deletions
from sim.trace.columns import build
from sim.trace.records import DeleteRecord, RetireRecord
from tests.worlds import AT_ONCE, marks, story, us, world

NO_MERGE = {"ranges": ["2h"]}


def rule(after: str, every: str = "1h", **scheme: Any) -> dict[str, Any]:
    beside = {"kind": "lifecycle", "after": after, "every": every}
    return {**(scheme or marks("9h", "8h")), "beside": beside}


def test_what_is_old_goes_at_the_next_look_and_no_sooner() -> None:
    # Put at 2h; 3h later to the microsecond at 5h, and not at 4h.
    told = story(simulate(world(horizon="5h1s", schemes=[rule("3h")]), 0, 0).records)
    assert [line for line in told if "lete" in line or "retire" in line] == [
        "5h retire 0 lifecycle",
        "5h delete 0: meta chunk index",
    ]
    late = world(horizon="6h1s", schemes=[rule("3h1us")])
    assert [r.t_us for r in simulate(late, 0, 0).records if isinstance(r, DeleteRecord)] == [
        us("6h")
    ]


def test_a_look_is_at_midnight_unless_said_otherwise() -> None:
    scheme = {**AT_ONCE, "beside": {"kind": "lifecycle", "after": "1s"}}
    scenario = world(horizon="50h", compactor=NO_MERGE, schemes=[scheme])
    gone = {r.t_us for r in simulate(scenario, 0, 0).records if isinstance(r, DeleteRecord)}
    assert gone == {us("24h"), us("48h")}


def test_a_block_that_was_long_in_coming_goes_in_parts_and_its_mark_goes_last() -> None:
    scenario = world(
        horizon="14h",
        producers={"upload_takes": "3h"},
        compactor={**NO_MERGE, "wait_interval": "11m", "retention": {"raw": "1h"}},
        schemes=[rule("2h")],
    )
    mine = [line for line in story(simulate(scenario, 0, 0).records) if "lete 0:" in line]
    assert mine == [
        "5h delete 0: chunk",
        "6h delete 0: index",
        "7h delete 0: meta",
        "8h delete 0: mark",
    ]
    trace = simulate(scenario, 0, 0)
    assert blocks_without_files(trace)
    # It was retired by its mark, or is so from the first of its objects on: nothing goes unseen.
    assert not unretired_deletions(trace)


def test_who_is_marked_or_held_goes_all_the_same() -> None:
    held: dict[str, Any] = {"name": "held", "kind": "composed", "hold": "leases"}
    held |= {"record": "memory", "delete": {"kind": "after", "delay": "1h"}}
    records = simulate(world(horizon="6h", schemes=[rule("2h", **held)]), 0, 0).records
    assert any(isinstance(r, DeleteRecord) for r in records)


def test_a_merged_block_begins_a_life_of_its_own() -> None:
    # Data of [0h, 8h) is merged at 10h1m, and goes 9h later; what it is made of went before.
    told = story(simulate(world(horizon="21h", schemes=[rule("9h")]), 0, 0).records)
    whole = [line for line in told if " 5: " in line]
    assert whole == ["10h1m put 5: chunk index meta", "20h delete 5: meta chunk index"]
    assert "11h delete 0: meta chunk index" in told


def test_nobody_rests_over_what_the_store_does() -> None:
    for scheme in (rule("3h"), rule("150m", every="50m", **AT_ONCE)):
        scenario = world(horizon="20h", compactor={"retention": {"raw": "9h"}}, schemes=[scheme])
        at_once, by_step = (simulate(scenario, 0, 0, step_by_step=s) for s in (False, True))
        assert at_once.digest == by_step.digest
        assert not is_computable(scenario, 0)


def asks(after: str, **query: Any) -> Any:
    return world(
        horizon="20h",
        warmup="2h",
        producers={"local_retention": "20m"},
        gateways={"sync_interval": "15m", "phase": "7m"},
        queries=[{"name": "q", "rate": "2/m", "range": "5h", **query}],
        schemes=[rule(after, every="10m")],
    )


@pytest.mark.parametrize(
    ("safe", "short", "query", "outcomes"),
    [
        ("5h", "4h50m", {}, ["query-error", "silent-gap"]),
        ("6h30m", "6h20m", {"offset": "1h", "takes": "30m"}, ["query-error"]),
    ],
)
def test_rules_prove_as_much_where_all_that_is_read_is_spared(
    safe: str, short: str, query: dict[str, Any], outcomes: list[str]
) -> None:
    for after, is_safe in ((safe, True), (short, False)):
        scenario = asks(after, **query)
        (found,) = evaluate_exact(scenario, build(simulate(scenario, 0, 0)))
        for outcome in outcomes:
            assert (found.fractions[outcome] == 0.0) == is_safe
            assert bool(proof(scenario, 0, outcome)) == is_safe


def test_a_rule_that_the_run_is_too_short_for_is_in_no_way() -> None:
    assert proof(asks("20h", range="90d"), 0, "query-error")
    assert not proof(asks("19h", range="90d"), 0, "query-error")


def test_a_check_tells_of_what_goes_before_its_time() -> None:
    def said(after: str, retention: str) -> str:
        compactor = {"retention": {"raw": retention}}
        scenario = world(horizon="90d", compactor=compactor, schemes=[rule(after)])
        return "; ".join(rival_lines(scenario, 0))

    goes = "what is older than 3d goes (beside = lifecycle), and raw data is "
    assert said("3d", "4d") == f"{goes}to be kept for 4d"
    assert said("3d", "0d") == f"{goes}to be kept for ever (compactor.retention)"
    assert said("3d", "68h") == f"{goes}kept for 2d20h, then marked for 9h"
    assert said("3d", "62h") == ""
    assert said("90d", "0d") == ""


def test_each_resolution_is_told_of() -> None:
    compactor = {"downsampling": True, "retention": {"raw": "4d", "5m": "20d", "1h": "0d"}}
    scenario = world(horizon="90d", compactor=compactor, schemes=[rule("10d")])
    assert [line.split(", and ")[1] for line in rival_lines(scenario, 0)] == [
        "5m data is to be kept for 20d",
        "1h data is to be kept for ever (compactor.retention)",
    ]


def test_a_delay_is_a_world_of_its_own_where_somebody_else_deletes() -> None:
    scenario = world(schemes=[rule("3h")])
    assert "somebody else deletes as well" in entanglement(scenario)
    assert "somebody else deletes as well" not in entanglement(world(schemes=[marks("1h", "1h")]))
    assert with_delay(scenario, 0, us("2h")).schemes[0].composed.beside is not None
    at_once = world(schemes=[rule("3h", **AT_ONCE)]).schemes[0]
    assert at_once.with_delay("delete_delay", us("2h")).composed.beside == at_once.composed.beside


def test_a_tale_says_that_the_store_did_it() -> None:
    scenario = asks("4h")
    found = explain(scenario, outcome="query-error")
    assert isinstance(found, Explained)
    done = {e.actor for e in found.tale.events if e.what in (What.RETIRED, What.DELETING)}
    assert done == {"store"}
    # Where it deletes nothing, the compactor does.
    alone = world(schemes=[rule("13h", **AT_ONCE)])
    told = explain(alone, outcome="query-error")
    assert isinstance(told, Explained)
    assert {e.actor for e in told.tale.events if e.what is What.DELETING} == {"compactor"}


def test_retirements_by_the_store_are_of_committed_blocks_once() -> None:
    scenario = world(horizon="14h", producers={"upload_takes": "100m"}, schemes=[rule("1h")])
    retired = [r.block for r in simulate(scenario, 0, 0).records if isinstance(r, RetireRecord)]
    assert len(retired) == len(set(retired)) > 0


@pytest.mark.parametrize("key", ["after", "every"])
def test_refuses_no_time(key: str) -> None:
    beside = {"kind": "lifecycle", "after": "3h", key: "0s"}
    with pytest.raises(ValidationError) as refused:
        world(schemes=[{**AT_ONCE, "beside": beside}])
    assert f"beside.{key}" in str(refused.value)
