"""What stays in copies of a bucket after it is gone from the bucket (S11)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.checkers import observe
from sim.analysis.expect import Verdict, judge
from sim.analysis.leftovers import left_behind
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario
from tests.worlds import AT_ONCE, run, us, world

COPIED: dict[str, Any] = {
    "replicas": 3,
    "primary": True,
    "replication": {"omits": ["deletes"]},
    "lag": {"create": {"get": "20m"}, "delete": {"get": "20m"}},
}


def copied(omits: list[str], **tables: Any) -> Scenario:
    """Two copies; of one stream four blocks become one at 10h, and go at once."""
    said: dict[str, Any] = {"horizon": "14h", **tables}
    return world(
        store={**COPIED, "replication": {"omits": omits}},
        producers={"chunk_files": 2, "block_bytes": "101B"},
        **said,
    )


@pytest.mark.parametrize("omits", [["deletes"], ["deletes", "marks"]])
def test_what_is_gone_stays_in_each_copy_that_is_not_told(omits: list[str]) -> None:
    scenario = copied(omits)
    timelines = run(scenario)[1]
    rows, copies, n_chunks = (column.tolist() for column in left_behind(timelines))
    assert rows == [0, 0, 1, 1, 2, 2, 3, 3]
    assert copies == [1, 2] * 4
    assert n_chunks == [2] * 8
    counted = observe(scenario, timelines)
    assert counted["left-behind"] == 8
    # A chunk has half of 101 bytes, rounded down.
    assert counted["left-behind-bytes"] == 8 * 2 * 50


@pytest.mark.parametrize("omits", [[], ["marks"]])
def test_nothing_stays_where_deletions_arrive_though_they_are_late(omits: list[str]) -> None:
    scenario = copied(omits)
    timelines = run(scenario)[1]
    assert (timelines.blocks.deleted_us < scenario.horizon_us).sum() == 4
    counted = observe(scenario, timelines)
    assert (counted["left-behind"], counted["left-behind-bytes"]) == (0, 0.0)


def test_deletions_on_their_way_at_the_end_arrive() -> None:
    timelines = run(copied([], horizon="10h5m"))[1]
    assert (timelines.blocks.deleted_us < us("10h5m")).sum() == 4
    assert left_behind(timelines)[0].size == 0
    assert left_behind(run(copied(["deletes"], horizon="10h5m"))[1])[0].size == 8


def test_what_the_store_deletes_by_itself_stays_whatever_is_copied() -> None:
    beside = {"kind": "lifecycle", "after": "3h", "every": "1h"}
    scenario = copied([], schemes=[{**AT_ONCE, "beside": beside}])
    rows, copies, _ = left_behind(run(scenario)[1])
    assert rows.size
    assert set(copies.tolist()) == {1, 2}


def test_a_part_of_a_block_counts_by_its_chunks() -> None:
    # The store takes the first chunk, put at 2h40m, and the compactor what is left.
    beside = {"kind": "lifecycle", "after": "90m", "every": "250m"}
    scenario = world(
        horizon="12h",
        store={**COPIED, "replication": {"omits": []}},
        producers={"chunk_files": 2, "upload_takes": "160m", "block_bytes": "100B"},
        compactor={"ranges": ["2h"], "retention": {"raw": "1h"}},
        schemes=[{**AT_ONCE, "beside": beside}],
    )
    rows, copies, n_chunks = (column.tolist() for column in left_behind(run(scenario)[1]))
    assert (rows[:2], copies[:2], n_chunks[:2]) == ([0, 0], [1, 2], [1, 1])
    assert observe(scenario, run(scenario)[1])["left-behind-bytes"] == 50 * sum(n_chunks)


def test_nobody_counts_where_nothing_is_copied() -> None:
    scenario = world()
    assert "left-behind" not in observe(scenario, run(scenario)[1])


def test_a_scenario_may_expect_either() -> None:
    expected = {"at once": {"never": ["left-behind"], "at_most": {"left-behind-bytes": "1B"}}}
    for omits, verdict in ((["deletes"], Verdict.INVALID), ([], Verdict.VALID)):
        scenario = copied(omits, trials=2, expect=expected)
        assert {found.verdict for found in judge(run_scenario(scenario))} == {verdict}
    plain = world(trials=2, expect={"at once": {"never": ["left-behind"]}})
    assert [found.verdict for found in judge(run_scenario(plain))] == [Verdict.UNKNOWN]
