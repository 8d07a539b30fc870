"""Deletions that are due and not done (D23), beside a count of blocks at instants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from sim.analysis.checkers import observe
from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.expect import Verdict, judge
from sim.analysis.overdue import Overdue, deletions_due
from sim.core.units import NEVER
from sim.model.world import simulate
from sim.report.tables import warning_lines
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario
from sim.trace.columns import build
from tests.worlds import AT_ONCE, marks, run, us, world

SLOW: dict[str, Any] = {
    "name": "slow",
    "kind": "composed",
    "record": "mark",
    "hide": {"kind": "mark-age", "after": "10m"},
    "delete": {"kind": "after", "delay": "1h", "rate": "4/h", "when": "every 10m"},
}


def fleet(scheme: dict[str, Any], **tables: Any) -> Scenario:
    """Four streams, of which each loses two blocks in 4h: 32 objects, where 16 go."""
    more = {"ranges": ["2h", "4h"], **tables.pop("compactor", {})}
    base: dict[str, Any] = {"horizon": "40h", "warmup": "4h", "producers": {"count": 4}}
    return world(**base, compactor=more, schemes=[scheme], **tables)


def there(scenario: Scenario, at_us: Iterable[int]) -> list[int]:
    """How many blocks are due and not gone at instants."""
    timelines = run(scenario)[1]
    rows, due_us = deletions_due(scenario, timelines)
    gone_us = timelines.blocks.deleted_us[rows]
    return [int(((due_us <= t_us) & (gone_us > t_us)).sum()) for t_us in at_us]


def test_a_sweep_in_time_leaves_what_waits_for_the_next_look() -> None:
    scenario = fleet(marks("1h", "10m"))
    found = Overdue.of(scenario, run(scenario)[1])
    # Marks are put a minute after a pass, and looked at every 5m.
    assert set(found.waits_us.tolist()) == {us("4m"), us("3m"), us("2m"), us("1m")}
    assert found.most == 8
    assert found.last == 0
    assert not found.grows


def test_a_sweep_with_too_low_a_rate_leaves_more_and_more() -> None:
    scenario = fleet(SLOW)
    found = Overdue.of(scenario, run(scenario)[1])
    assert found.grows
    counted = there(scenario, range(scenario.warmup_us, scenario.horizon_us, us("1m")))
    assert found.last == counted[-1] > 20
    assert found.most == max(counted)
    assert found.mean == pytest.approx(float(np.mean(counted)), rel=0.01)
    assert found.waits_us.max() > us("10h")


def test_what_goes_at_once_waits_for_nothing() -> None:
    scenario = fleet(AT_ONCE)
    counted = observe(scenario, run(scenario)[1])
    assert counted["sweep-backlog"] == {"mean": 0.0, "most": 0, "last": 0, "grows": 0}
    wait = counted["deletion-wait"]
    assert isinstance(wait, dict)
    assert wait["n"] > 0
    assert wait["max_s"] == 0.0


def test_what_is_never_deleted_is_never_due() -> None:
    scenario = fleet({"name": "kept", "kind": "composed", "delete": "never"})
    rows, due_us = deletions_due(scenario, run(scenario)[1])
    assert rows.size
    assert due_us.min() >= NEVER
    assert observe(scenario, run(scenario)[1])["deletion-wait"]["n"] == 0  # type: ignore[index]


def test_a_hold_makes_blocks_wait() -> None:
    free: dict[str, Any] = {"name": "s", "kind": "composed", "record": "memory"}
    free |= {"delete": {"kind": "after", "delay": "10m"}}
    waits = [
        Overdue.of(scenario, run(scenario)[1]).waits_us.max()
        for scenario in (fleet(free), fleet({**free, "hold": "leases"}))
    ]
    assert waits[0] < us("10m") < waits[1]


def test_an_age_counts_from_the_creation_but_not_before_the_retirement() -> None:
    aged = {"name": "s", "kind": "composed", "record": "memory"}
    for delay, waits_at_all in (("5m", False), ("9h", True)):
        delete = {"kind": "after", "delay": delay, "counted_from": "creation"}
        scenario = fleet({**aged, "delete": delete})
        blocks = run(scenario)[1].blocks
        rows, due_us = deletions_due(scenario, run(scenario)[1])
        assert (due_us >= blocks.retired_us[rows]).all()
        assert (due_us > blocks.retired_us[rows]).any() == waits_at_all


def test_commits_that_must_follow_are_waited_for_first() -> None:
    kept: dict[str, Any] = {"name": "s", "kind": "composed"}
    kept |= {"record": "manifest", "learn": "manifest"}
    late = []
    for keep in (1, 4):
        scenario = fleet({**kept, "delete": {"kind": "commits", "keep": keep}})
        timelines = run(scenario)[1]
        rows, due_us = deletions_due(scenario, timelines)
        late.append(int((due_us - timelines.blocks.retired_us[rows])[due_us < NEVER].max()))
        assert Overdue.of(scenario, timelines).waits_us.max() <= us("5m")
    assert late[0] == 0 < late[1]


def test_people_and_the_store_are_not_waited_for() -> None:
    by_hand = [{"kind": "mark", "at": "20h", "stream": 0}]
    memory: dict[str, Any] = {"name": "s", "kind": "composed", "record": "memory"}
    memory |= {"delete": {"kind": "after", "delay": "30h"}}
    for scheme, n in ((memory, 0), (marks("30h", "20h"), 1)):
        scenario = fleet(scheme, compactor={"ranges": ["2h"]}, interventions=by_hand)
        assert deletions_due(scenario, run(scenario)[1])[0].size == n
    beside = {"kind": "lifecycle", "after": "5h", "every": "1h"}
    scenario = fleet({**marks("9h", "8h"), "beside": beside}, compactor={"ranges": ["2h"]})
    assert deletions_due(scenario, run(scenario)[1])[0].size == 0


def test_a_curve_counts_what_each_delay_would_leave() -> None:
    scenario = fleet(marks("1h", "10m"))
    trace = simulate(scenario, 0, 0)
    ran = EveryDelay(scenario, 0, trace, build(trace))
    longer = fleet(marks("3h", "10m"))
    own = observe(longer, build(simulate(longer, 0, 0)))
    judged = ran.judged(us("3h"), 0).counts
    assert judged["sweep-backlog"] == own["sweep-backlog"]
    assert judged["deletion-wait"] == own["deletion-wait"]


def test_a_scenario_may_bound_both() -> None:
    bounds = {"sweep-backlog.most": 8, "deletion-wait.max_s": "5m"}
    for scheme, verdict in ((marks("1h", "10m"), Verdict.VALID), (SLOW, Verdict.INVALID)):
        name = scheme["name"]
        scenario = fleet(scheme, trials=2, expect={name: {"at_most": bounds}})
        assert {found.verdict for found in judge(run_scenario(scenario))} == {verdict}


def test_a_run_warns_of_deletions_that_take_longer_than_there_is_time() -> None:
    for takes, warns in (("45m", True), ("5m", False)):
        scenario = fleet(marks("1h", "10m"), compactor={"delete_takes": takes}, trials=1)
        said = [line.plain for line in warning_lines(run_scenario(scenario))]
        assert any("deletions never catch up" in line for line in said) == warns
