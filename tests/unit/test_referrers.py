"""Sessions that reference again what is being collected (rules R)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.expect import Verdict, judge
from sim.errors import ScenarioError
from sim.model.computed.conditions import is_computable
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario
from sim.trace.columns import build
from tests.reference.test_agreement import differences
from tests.worlds import AT_ONCE, lag, world

KINDS: dict[str, dict[str, Any]] = {
    "held": {"delete": {"kind": "after", "delay": "1h"}, "hold": "references"},
    "finished": {
        "delete": {"kind": "after", "delay": "0s"},
        "hold": {"kind": "references", "sessions": "finished"},
    },
    "active": {
        "delete": {"kind": "after", "delay": "0s"},
        "hold": {"kind": "references", "sessions": "finished", "inactive_after": "3h"},
    },
}


def scheme(name: str) -> dict[str, Any]:
    marked = {"record": "mark", "hide": {"kind": "mark-age", "after": "0s"}}
    return {"name": name, "kind": "composed", **marked, **KINDS[name]}


def scenario(*names: str, takes: Any = "5h", **tables: Any) -> Scenario:
    referrers = {"count": 2, "every": "50m", "takes": takes, "within": "6h"}
    return world(
        horizon="40h",
        compactor={"ranges": ["2h"], "wait_interval": "30m", "retention": {"raw": "6h"}},
        **{"referrers": referrers, "schemes": [scheme(name) for name in names], **tables},
    )


def counted(made: Scenario, scheme_index: int = 0) -> tuple[int, int]:
    """References, and those that dangle."""
    counters = build(simulate(made, scheme_index, 0)).counters
    return counters["re-references"], counters["dangling-reference"]


def test_long_sessions_outlast_a_delay_and_short_ones_do_not() -> None:
    n_long, dangling = counted(scenario("held"))
    assert n_long >= dangling > 0
    n_short, dangling = counted(scenario("held", takes="20m"))
    assert n_short > 0
    assert dangling == 0


def test_waiting_for_every_session_needs_no_delay_unless_some_are_not_waited_for() -> None:
    n_waited, dangling = counted(scenario("finished"))
    assert n_waited > 0
    assert dangling == 0
    assert counted(scenario("active"))[1] > 0


def test_what_is_referenced_before_it_is_collected_is_not_retired() -> None:
    sweep = world(
        horizon="40h",
        compactor={"ranges": ["2h"], "wait_interval": "3h", "retention": {"raw": "6h"}},
        referrers={"every": "40m", "takes": "1m", "within": "3h"},
        schemes=[AT_ONCE],
    )
    n_referenced, dangling = counted(sweep)
    assert n_referenced > dangling


def test_no_array_computes_such_a_world() -> None:
    assert not is_computable(scenario("held"), 0)
    assert is_computable(world(), 0)


def test_nothing_is_referenced_again_where_nothing_expires() -> None:
    with pytest.raises((ScenarioError, ValueError), match="expire|fit together"):
        world(referrers={"every": "1h", "takes": "1h", "within": "1h"})


@pytest.mark.parametrize(("wants", "verdict"), [(1.0, Verdict.VALID), (0.0, Verdict.UNKNOWN)])
def test_none_dangling_says_something_only_if_some_were_tried(
    wants: float, verdict: Verdict
) -> None:
    table = {"count": 2, "every": "50m", "takes": "5h", "within": "6h", "wants": wants}
    expect = {"finished": {"never": ["dangling-reference"]}}
    made = scenario("finished", referrers=table, expect=expect, trials=1)
    assert [judgement.verdict for judgement in judge(run_scenario(made))] == [verdict]


@pytest.mark.parametrize("refresh", [None, "3h"])
def test_both_implementations_agree_on_what_is_referenced(refresh: str | None) -> None:
    late = {"law": "exponential", "mean": "40m"}
    made = scenario(
        *KINDS,
        store={"profile": "strong", "lag": lag(create_get=late, overwrite_get=late)},
        referrers={
            "count": 2,
            "every": {"law": "uniform", "low": "20m", "high": "2h"},
            "takes": {"law": "uniform", "low": "0s", "high": "5h"},
            "within": "6h",
            "refresh": refresh,
        },
        queries=[{"name": "q", "rate": "1/h", "range": "2h"}],
    )
    for index in range(len(KINDS)):
        assert next(differences(made, index, 0), None) is None
        assert counted(made, index)[0] > 0
