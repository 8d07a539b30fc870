"""Compactions that are due and not done, beside plans made again of what was there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from sim.analysis.backlog import Backlog
from sim.analysis.checkers import grows, observe
from sim.analysis.effort.estimate import busy_share
from sim.analysis.evidence.exercised import exercised
from sim.core.units import NEVER
from sim.model.actors.planner import plan
from sim.report.plan import busy_line
from sim.scenario.schema import Scenario
from sim.trace.timelines import Timelines
from tests.worlds import run, us, world

BUSY: dict[str, Any] = {
    "horizon": "4d",
    "warmup": "12h",
    "producers": {"count": 30},
    "compactor": {"compaction_takes": "20m", "ranges": ["2h", "8h", "2d"]},
}


def backlog(scenario: Scenario) -> Backlog:
    return Backlog.of(scenario, run(scenario)[1])


@dataclass(frozen=True)
class Merged:
    """Blocks as plans need them."""

    min_us: int
    max_us: int
    index: int = 0


def todo(scenario: Scenario, timelines: Timelines, t_us: int) -> int:
    """How many compactions it would take if nothing came after ``t_us``, as Thanos counts them."""
    blocks = timelines.blocks
    groups = defaultdict(list)
    young_us = np.where(blocks.level == 1, scenario.compactor.consistency_delay_us, 0)
    is_there = (blocks.committed_us + young_us <= t_us) & (blocks.retired_us > t_us)
    for row in np.flatnonzero(is_there & (blocks.resolution == 0)).tolist():
        one = Merged(int(blocks.min_us[row]), int(blocks.max_us[row]), row)
        groups[int(blocks.stream[row])].append(one)
    return sum(sum(1 for _ in _plans(own, scenario)) for own in groups.values())


def _plans(group: list[Merged], scenario: Scenario) -> Iterator[list[Merged]]:
    group.sort(key=lambda one: one.min_us)
    while chosen := plan(group, scenario.compactor.ranges_us):
        yield chosen
        at = group.index(chosen[0])
        group[at : at + len(chosen)] = [Merged(chosen[0].min_us, chosen[-1].max_us)]


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"compactor": {**BUSY["compactor"], "count": 4, "consistency_delay": "30m"}},
        {
            "producers": {"count": 12, "upload_after": {"law": "exponential", "mean": "40m"}},
            "compactor": {**BUSY["compactor"], "compaction_takes": "1h", "downsampling": True},
        },
    ],
    ids=str,
)
def test_as_many_are_due_as_plans_say_of_what_is_there(overrides: dict[str, Any]) -> None:
    scenario = world(**{**BUSY, **overrides})
    timelines = run(scenario)[1]
    found = Backlog.of(scenario, timelines)
    looked_us = [us(f"{minutes}m") - 7 for minutes in range(1111, 4 * 24 * 60, 517)]
    due = [int(((found.due_us <= t_us) & (t_us < found.end_us)).sum()) for t_us in looked_us]
    assert due == [todo(scenario, timelines, t_us) for t_us in looked_us]
    assert max(due) > 10


def test_one_stream_waits_for_the_next_pass() -> None:
    overrides = {"upload_after": "1m"}
    found = backlog(world(horizon="20h", producers=overrides))
    # The window of 0h to 8h is due with the upload at 10h1m, and looked at five minutes later.
    assert sorted(found.due_us.tolist()) == [us("10h1m"), us("18h1m")]
    assert found.waits_us.tolist() == [us("4m"), us("4m")]
    assert sorted(found.end_us.tolist()) == [us("10h6m"), us("18h6m")]
    assert (found.last, found.most) == (0, 1)
    assert found.mean == pytest.approx(10 / (20 * 60))


def test_what_is_due_at_the_end_counts_and_what_is_only_begun_too() -> None:
    found = backlog(world(horizon="12h", producers={"count": 3}, compactor=BUSY["compactor"]))
    assert found.last == 0
    found = backlog(
        world(horizon="11h", producers={"count": 3}, compactor={"compaction_takes": "40m"})
    )
    assert (found.last, found.end_us.tolist().count(NEVER)) == (2, 2)
    assert sorted(found.waits_us.tolist()) == [0, us("40m")]


def test_what_somebody_has_removed_is_not_due_any_more() -> None:
    down = {"kind": "crash", "who": "compactor", "at": "1h", "lasts": "30d"}
    found = backlog(world(faults=[down]))
    assert (found.due_us.tolist(), found.end_us.tolist()) == ([us("10h")], [NEVER])
    by_hand = {"kind": "delete", "at": "11h", "stream": 0}
    found = backlog(world(faults=[down], interventions=[by_hand]))
    assert (found.due_us.tolist(), found.end_us.tolist()) == ([us("10h")], [us("11h")])


def test_a_single_range_leaves_nothing_to_do() -> None:
    found = backlog(world(compactor={"ranges": ["2h"]}))
    assert (found.last, found.most, found.mean, found.grows) == (0, 0, 0.0, False)


@pytest.mark.parametrize(("count", "is_full"), [(1, True), (2, False)])
def test_it_grows_where_there_is_more_to_do_than_time(count: int, is_full: bool) -> None:
    scenario = world(**{**BUSY, "compactor": {**BUSY["compactor"], "count": count}})
    timelines = run(scenario)[1]
    counted = observe(scenario, timelines)
    assert isinstance(counted["backlog"], dict)
    assert (counted["backlog"]["last"] > 30) == grows(counted) == is_full
    assert (busy_share(scenario) > 1.0) == is_full
    for so in (True, False):
        assert exercised(scenario, timelines, 1.0, (), grows=so).behind == int(so)


def test_what_is_due_may_rise_and_fall_without_growing() -> None:
    # A burst of each stream's window comes every 8h, and the last one is under way at the end.
    scenario = world(**{**BUSY, "horizon": "3d11h", "producers": {"count": 18}})
    found = backlog(scenario)
    assert found.last > 0
    assert not found.grows


@pytest.mark.parametrize(
    ("since_us", "until_us", "is_growing"), [(60, NEVER, True), (65, 85, False)]
)
def test_it_grows_only_if_the_least_does(since_us: int, until_us: int, is_growing: bool) -> None:
    # One is due all the time, and another in the last third: always, or for most of it.
    end_us = np.array([NEVER, until_us])
    due_us = np.array([0, since_us])
    found = Backlog(low_us=0, high_us=90, due_us=due_us, begun_us=end_us, end_us=end_us)
    assert found.grows == is_growing


def test_a_plan_says_how_many_compactors_are_enough() -> None:
    scenario = world(**BUSY)
    assert busy_line(scenario).endswith("% of the time; compactor.count = 2 is more")
    enough = world(**{**BUSY, "compactor": {**BUSY["compactor"], "count": 2}})
    assert busy_line(enough) == ""
    alone = world(horizon="4d", compactor={"compaction_takes": "30h"})
    assert busy_line(alone).endswith(" % of the time")
