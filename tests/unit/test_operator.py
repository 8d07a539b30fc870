"""What people do to the bucket with tools (O1-O8), told record by record."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis import checkers
from tests.worlds import AT_ONCE, marks, run, story, world


def told(
    *interventions: dict[str, Any],
    words: tuple[str, ...] = ("mark", "retire", "delete", "error"),
    **changes: Any,
) -> list[str]:
    """What was marked, retired and deleted in a world of one range, in which nothing is merged."""
    trace, _ = run(world(**{**APART, "interventions": list(interventions), **changes}))
    return [line for line in story(trace.records) if set(words) & set(line.split())]


APART: dict[str, Any] = {
    "horizon": "7h",
    "compactor": {"ranges": ["2h"]},
    "schemes": [marks("2h", "1h")],
}


def test_marks_the_oldest_that_has_no_mark() -> None:
    by_hand = {"kind": "mark", "at": "5h0m0s500ms"}
    assert told(by_hand, {**by_hand, "at": "5h1m"}, {**by_hand, "at": "5h2m"}) == [
        "5h500000us put 0: mark",
        "5h500000us retire 0 by-hand",
        "5h1m put 1: mark",
        "5h1m retire 1 by-hand",
    ]


@pytest.mark.parametrize(
    ("choice", "blocks"),
    [
        ({"which": "all"}, ["0", "1", "2", "3"]),
        ({"which": "newest", "stream": 0}, ["2"]),
        ({"which": "oldest", "stream": 1}, ["1"]),
        ({"which": "all", "older_than": "1h30m"}, ["0", "1"]),
        ({"which": "all", "level": 2}, []),
        ({"which": "all", "resolution": "raw", "level": 1, "stream": 1}, ["1", "3"]),
        ({"which": "all", "resolution": "5m"}, []),
    ],
)
def test_chooses_by_what_blocks_are(choice: dict[str, Any], blocks: list[str]) -> None:
    lines = told({"kind": "mark", "at": "5h", **choice}, producers={"count": 2})
    assert [line.split()[2] for line in lines if "retire" in line] == blocks


def test_an_unmarked_block_is_deleted_by_whoever_remembers_its_mark() -> None:
    mark, unmark = {"kind": "mark", "at": "3h"}, {"kind": "unmark", "at": "4h30m"}
    assert told(mark, unmark) == [
        "3h put 0: mark",
        "3h retire 0 by-hand",
        "4h30m delete 0: mark",
        "5h5m delete 0: meta chunk index",
    ]


def test_an_unmarked_block_is_kept_by_whoever_has_not_seen_its_mark() -> None:
    mark, unmark = {"kind": "mark", "at": "3h1m"}, {"kind": "unmark", "at": "3h4m"}
    assert told(mark, unmark) == [
        "3h1m put 0: mark",
        "3h1m retire 0 by-hand",
        "3h4m delete 0: mark",
    ]


def test_unmarking_takes_the_first_that_has_a_mark() -> None:
    lines = told(
        {"kind": "mark", "at": "5h", "which": "newest"},
        {"kind": "unmark", "at": "5h1m"},
        {"kind": "unmark", "at": "5h2m"},
    )
    assert [line for line in lines if "delete" in line] == ["5h1m delete 1: mark"]


def test_nobody_deletes_or_marks_again_where_a_mark_is_unreadable() -> None:
    scenario = world(
        **{
            **APART,
            "horizon": "20h",
            "compactor": {"ranges": ["2h"], "retention": {"raw": "4h"}},
            "interventions": [
                {"kind": "corrupt-mark", "at": "3h"},
                {"kind": "mark", "at": "5h", "older_than": "3h"},
            ],
        }
    )
    trace, timelines = run(scenario)
    of_first = [line for line in story(trace.records) if " 0: mark" in line]
    assert of_first == ["3h put 0: mark"]
    assert timelines.marks.unreadable.tolist() == [0]
    assert checkers.leaked_blocks(scenario, timelines) == 1


def test_an_unreadable_mark_that_is_taken_away_leaks_nothing() -> None:
    broken, unmark = {"kind": "corrupt-mark", "at": "3h"}, {"kind": "unmark", "at": "4h"}
    scenario = world(**{**APART, "interventions": [broken, unmark]})
    _, timelines = run(scenario)
    assert timelines.marks.unreadable.tolist() == []
    assert checkers.leaked_blocks(scenario, timelines) == 0


@pytest.mark.parametrize("leaves_mark", [True, False])
def test_a_deletion_by_hand_may_leave_a_mark_alone(leaves_mark: bool) -> None:
    by_hand = {"kind": "delete", "at": "3h", "leaves_mark": leaves_mark}
    assert told(by_hand, schemes=[AT_ONCE]) == [
        "3h retire 0 by-hand",
        "3h delete 0: meta chunk index",
        *(["3h put 0: mark"] * leaves_mark),
    ]
    _, timelines = run(world(**{**APART, "interventions": [by_hand], "schemes": [AT_ONCE]}))
    assert timelines.counters["orphan-mark"] == leaves_mark


def test_cleanup_is_a_second_deleter_with_a_delay_of_its_own() -> None:
    mark, clean = {"kind": "mark", "at": "3h"}, {"kind": "cleanup", "delete_delay": "10m"}
    assert told(mark, {**clean, "at": "3h10m"}, {**clean, "at": "3h11m"}) == [
        "3h put 0: mark",
        "3h retire 0 by-hand",
        "3h11m delete 0: meta chunk index mark",
    ]


def test_cleanup_removes_what_is_left_of_a_block_after_two_days() -> None:
    delete, clean = {"kind": "delete", "at": "3h"}, {"kind": "cleanup", "delete_delay": "48h"}
    lines = told(
        delete,
        {**clean, "at": "51h"},
        {**clean, "at": "51h1m"},
        horizon="52h",
        # The compactor, which would do the same, has long stopped.
        faults=[{"kind": "compactor-crash", "at": "4h", "lasts": "99h"}],
    )
    assert lines[3:] == ["51h1m delete 0: mark"]


def test_what_takes_time_lets_the_next_wait() -> None:
    lines = told(
        {"kind": "delete", "at": "5h", "leaves_mark": False},
        {"kind": "mark", "at": "5h1m"},
        compactor={"ranges": ["2h"], "delete_takes": "3m"},
    )
    assert [line.split()[0] for line in lines if "retire" in line] == ["5h", "5h3m"]


def test_a_failed_request_ends_an_intervention() -> None:
    by_hand = {"kind": "mark", "at": "5h", "which": "all"}
    broken = {"kind": "store-errors", "at": "4h59m", "lasts": "2m", "error_rate": 1.0}
    lines = told(by_hand, {"kind": "cleanup", "at": "5h"}, faults=[broken])
    assert lines.count("5h error operator list") == 2
    assert not any("mark" in line for line in lines)
