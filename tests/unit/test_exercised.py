"""What a trial tried, counted in worlds small enough to count by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.evidence.exercised import Exercised, exercised, lacking
from sim.analysis.queries.exposure import exposures
from sim.scenario.schema import Scenario
from tests.worlds import marks, run, world


def tried(scenario: Scenario) -> Exercised:
    timelines = run(scenario)[1]
    return exercised(scenario, timelines, 100.0, exposures(scenario, timelines), grows=False)


def small(**changes: Any) -> Scenario:
    """Four blocks become one at 10h1m; a gateway syncs at every half hour."""
    return world(**{"horizon": "14h", "warmup": "1h", **changes})


def test_four_blocks_that_go_at_once_are_met() -> None:
    assert tried(small()) == Exercised(
        trials=1,
        queries=100.0,
        compactions=1,
        retired=4,
        deleted=4,
        read=4,
        asked=4,
        late=4,
        needed=6,  # the blocks that end from 2h to 12h; the producer answers for none of them
    )


def test_a_delay_that_is_long_enough_meets_nobody() -> None:
    found = tried(small(schemes=[marks("3h", "1h")]))
    assert (found.retired, found.deleted, found.asked, found.late) == (4, 4, 4, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schemes": [marks("6h", "1h")]}, "deleted"),
        ({"gateways": {"phase": "11h"}}, "read"),
        ({"queries": [{"name": "q", "range": "1h"}]}, "asked"),
        ({"producers": {"local_retention": "2d"}}, "needed"),
        ({"warmup": "11h"}, "retired"),
    ],
)
def test_each_count_can_be_zero(changes: dict[str, Any], field: str) -> None:
    assert getattr(tried(small()), field) > 0
    assert getattr(tried(small(**changes)), field) == 0


def test_a_compactor_falls_behind_or_keeps_up() -> None:
    assert tried(small(horizon="3d")).behind == 0
    assert tried(small(horizon="3d", compactor={"compaction_takes": "20h"})).behind == 1
    # One range: there is nothing to merge.
    assert tried(small(horizon="3d", compactor={"ranges": ["2h"]})).behind == 0


def test_trials_add_up() -> None:
    one = Exercised(trials=1, queries=1.5, deleted=2, halted=1)
    assert one + one == Exercised(trials=2, queries=3.0, deleted=4, halted=2)


def test_the_first_thing_that_is_missing_is_told() -> None:
    whole = tried(small())
    assert lacking(whole, is_gap=True) == ""
    assert lacking(Exercised(), is_gap=False) == "no query was asked"
    without_gaps = tried(small(producers={"local_retention": "2d"}))
    assert lacking(without_gaps, is_gap=False) == ""
    assert lacking(without_gaps, is_gap=True) == "no query asked for data that only the bucket had"
