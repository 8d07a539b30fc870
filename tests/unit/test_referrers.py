"""Sessions that reference again what is being collected (rules R)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.expect import Verdict, judge
from sim.core.units import NEVER
from sim.errors import ScenarioError
from sim.model.computed.conditions import is_computable
from sim.model.store.references import Begun, Committed
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.schemes.references import References, _References
from sim.study.run import run_scenario
from sim.trace.columns import build
from tests.reference.test_agreement import differences
from tests.unit.test_sources import blocks
from tests.worlds import AT_ONCE, lag, us, world

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
    "locked": {
        "delete": {"kind": "after", "delay": "0s"},
        "hold": {"kind": "references", "sessions": "locked"},
    },
    "stale": {
        "delete": {"kind": "after", "delay": "0s"},
        "hold": {"kind": "references", "sessions": "locked", "inactive_after": "3h"},
    },
    "young": {
        "delete": {"kind": "after", "delay": "0s"},
        "hold": {"kind": "references", "young_for": "5h"},
    },
    "old": {
        "delete": {"kind": "after", "delay": "0s"},
        "hold": {"kind": "references", "young_for": "4h"},
    },
}
# Deleting takes its time, one block after the other, so that sessions begin meanwhile.
SLOWLY = {
    "ranges": ["2h"],
    "wait_interval": "5h30m",
    "retention": {"raw": "6h"},
    "delete_takes": "2h",
    "delete_workers": 1,
}


def scheme(name: str) -> dict[str, Any]:
    marked = {"record": "mark", "hide": {"kind": "mark-age", "after": "0s"}}
    return {"name": name, "kind": "composed", **marked, **KINDS[name]}


def unmarked(name: str) -> dict[str, Any]:
    """The scheme with a record that sessions do not see."""
    return {"name": name, "kind": "composed", "record": "memory", **KINDS[name]}


def scenario(*names: str, takes: Any = "5h", **tables: Any) -> Scenario:
    referrers = {"count": 2, "every": "50m", "takes": takes, "within": "6h"}
    usual = {
        "horizon": "40h",
        "compactor": {"ranges": ["2h"], "wait_interval": "30m", "retention": {"raw": "6h"}},
        "referrers": referrers,
        "schemes": [scheme(name) for name in names],
    }
    return world(**{**usual, **tables})


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


@pytest.mark.parametrize(("name", "dangles"), [("locked", False), ("stale", True)])
def test_nothing_goes_while_a_session_has_a_lock_that_is_not_stale(
    name: str, dangles: bool
) -> None:
    # Between two of them there is half an hour at least in which there is no lock.
    every = {"law": "uniform", "low": "5h30m", "high": "7h"}
    table = {"every": every, "takes": "5h", "within": "6h"}
    made = scenario(referrers=table, horizon="10d", schemes=[unmarked(name)])
    n_referenced, dangling = counted(made)
    assert n_referenced > 5
    assert (dangling > 0) == dangles
    gone = build(simulate(made, 0, 0)).blocks.deleted_us < NEVER
    assert gone.sum() > 20


@pytest.mark.parametrize(("name", "dangles"), [("young", False), ("old", True)])
def test_a_look_keeps_content_for_as_long_as_it_makes_it_young(name: str, dangles: bool) -> None:
    table = {"count": 2, "every": "50m", "takes": "5h", "within": "6h"}
    made = scenario(referrers=table, horizon="10d", schemes=[unmarked(name)])
    n_referenced, dangling = counted(made)
    assert n_referenced > 10
    assert (dangling > 0) == dangles


def test_none_dangling_says_nothing_where_nothing_goes() -> None:
    expect = {"never": {"never": ["dangling-reference"]}}
    never = {"name": "never", "kind": "composed", "record": "memory", "delete": "never"}
    (judgement,) = judge(run_scenario(scenario(schemes=[never], expect=expect, trials=1)))
    assert judgement.verdict is Verdict.UNKNOWN
    assert "no block was deleted" in judgement.reason


@pytest.mark.parametrize("name", ["locked", "young"])
def test_what_is_going_is_not_relied_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"count": 2, "every": "20m", "takes": "1m", "within": "12h", "wants": 0.1}
    schemes = [unmarked(name)]
    made = scenario(referrers=table, compactor=SLOWLY, horizon="20d", schemes=schemes)
    n_referenced, dangling = counted(made)
    assert n_referenced > 10
    assert dangling == 0
    began = _References.session_began

    def forgetful(self: _References, client: Any, number: int, found: Any, t_us: int) -> bool:
        self._going.clear()
        return began(self, client, number, found, t_us)

    monkeypatch.setattr(_References, "session_began", forgetful)
    assert counted(made)[1] > 0


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


def looked(**keys: Any) -> _References:
    """What acts of a hold when it was just read that a session began at 1h and found block 0."""
    table = {"kind": "references", **keys}
    hold = References.model_validate(table).made(scenario("held"))
    hold._begun = {0: Begun(us("1h"), {0: us("1h")})}
    return hold


@pytest.mark.parametrize(
    "keys", [{"young_for": "2h"}, {"sessions": "locked", "inactive_after": "2h"}]
)
def test_what_a_session_found_stays_until_exactly_so_long_after(keys: dict[str, Any]) -> None:
    (block,) = blocks((0,))
    hold = looked(**keys)
    assert not hold.may_delete(block, us("3h"))
    assert hold.may_delete(block, us("3h") + 1)
    hold._told = {0: Committed(frozenset(), us("1h"))}
    assert hold.may_delete(block, us("3h")) == ("sessions" in keys)


def test_what_is_verified_before_a_commit_goes_between_two_looks_of_who_collects() -> None:
    def dangling(when: str, *, verifies: bool) -> int:
        delete = {"kind": "after", "delay": "0s", "when": when}
        table = {"count": 4, "every": "40m", "takes": "2h", "within": "6h", "verifies": verifies}
        made = scenario(
            referrers=table,
            compactor={"ranges": ["2h"], "wait_interval": "3h", "retention": {"raw": "6h"}},
            schemes=[{"name": "-", "kind": "composed", "record": "memory", "delete": delete}],
            horizon="10d",
        )
        return counted(made)[1]

    # Expired content is found and then gone a minute or two hours later.
    assert dangling("every 1m", verifies=False) > 4 * dangling("every 1m", verifies=True)
    assert dangling("every 2h", verifies=True) > 0


@pytest.mark.parametrize(("refresh", "verifies"), [(None, False), ("3h", False), (None, True)])
def test_both_implementations_agree_on_what_is_referenced(
    refresh: str | None, verifies: bool
) -> None:
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
            "verifies": verifies,
        },
        queries=[{"name": "q", "rate": "1/h", "range": "2h"}],
    )
    for index in range(len(KINDS)):
        assert next(differences(made, index, 0), None) is None
        assert counted(made, index)[0] > 0


@pytest.mark.parametrize("name", KINDS)
def test_both_agree_where_deleting_takes_time_and_requests_fail(name: str) -> None:
    late = {"law": "exponential", "mean": "40m"}
    made = scenario(
        horizon="4d",
        compactor=SLOWLY,
        store={
            "profile": "strong",
            "error_rate": 0.1,
            "lost_answer_rate": 0.1,
            "lag": lag(create_get=late, overwrite_get=late),
        },
        referrers={
            "count": 3,
            "every": {"law": "uniform", "low": "20m", "high": "2h"},
            "takes": {"law": "uniform", "low": "0s", "high": "3h"},
            "within": "12h",
            "wants": 0.5,
        },
        schemes=[unmarked(name)],
        queries=[{"name": "q", "rate": "1/h", "range": "2h"}],
    )
    assert next(differences(made, 0, 0), None) is None
    assert counted(made)[0] > 0
