"""Syncs of the compactor: when they read, for how long, and what they remember (C2-C4)."""

from __future__ import annotations

import pytest

from tests.worlds import Rig, marks, quarters, told


@pytest.mark.parametrize(
    ("remembers", "marked_again"), [(False, ["10h12m put 2: mark"]), (True, [])]
)
def test_what_is_deleted_during_a_sync_may_be_marked_again(
    remembers: bool, marked_again: list[str]
) -> None:
    # The cleaner deletes block 2 from 10h8m to 10h10m. A sync lists it at 10h8m, and finds no mark
    # at 10h11m: without memory it is a duplicate that nobody has marked.
    rig = Rig()
    sources = quarters(rig)[:4]
    rig.put(rig.block(0, 8, level=2, created="10h"))
    for block in sources:
        rig.mark(block, stamp="1h")
    rig.compactor(
        marks("90m", "1h"),
        cleanup="every 1h",
        delete_takes="2m",
        sync_takes="4m",
        sync_stages={"marks": 0.75},
        remember_marks=remembers,
    )
    rig.go("10h14m")
    assert [
        line for line in told(rig, "10h1us") if "mark" in line and "put" in line
    ] == marked_again


def test_each_stage_sees_what_was_done_at_its_instant() -> None:
    # LIST at 10h, HEADs at 10h1m, marks at 10h2m.
    rig = Rig()
    blocks = quarters(rig)
    process = rig.compactor(
        marks("9h", "9h"), sync_takes="4m", sync_stages={"check": 0.25, "marks": 0.5}, ranges=["2h"]
    )
    late = rig.block(10, 12)
    rig.at("10h1m", lambda: rig.store.delete(blocks[0], (2,)))
    rig.at("10h1m1us", lambda: rig.store.delete(blocks[1], (2,)))
    rig.at("10h1us", lambda: rig.put(late))
    rig.at("10h2m", lambda: rig.mark(blocks[2]))
    rig.at("10h2m1us", lambda: rig.mark(blocks[3]))
    rig.go("10h3m")
    view = process.syncer.view
    assert set(view.wanted) == {1, 2, 3, 4}
    assert set(view.marks) == {2}
    assert set(process.syncer.partial) == {0}


def test_a_sync_that_takes_too_long_fails_for_ever() -> None:
    rig = Rig()
    quarters(rig)
    rig.compactor(sync_takes="5m1us", sync_timeout="5m")
    rig.go("10h11m")
    assert [line for line in told(rig, "10h1us") if " block " not in line] == [
        "10h5m error compactor timeout",
        "10h10m error compactor timeout",
    ]


def test_a_sync_that_takes_as_long_as_it_may_succeeds() -> None:
    rig = Rig()
    quarters(rig)
    rig.compactor(sync_takes="5m", sync_timeout="5m")
    rig.go("10h7m")
    assert "10h6m compact 0 1 2 3 to 5" in rig.story()


def test_all_who_wait_for_a_sync_are_given_its_failure() -> None:
    rig = Rig()
    rig.go("10h")
    rig.compactor(sync_takes="5m1us", sync_timeout="5m", progress_interval="2m", cleanup="every 3m")
    rig.go("10h6m")
    assert rig.story() == [
        "10h5m error compactor timeout",
        "10h5m error progress timeout",
        "10h5m error cleaner timeout",
    ]


def test_a_mark_that_is_gone_is_forgotten_at_the_next_sync() -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.go("2h")
    rig.put(block)
    rig.mark(block)
    process = rig.compactor(marks("9h", "9h"), wait_interval="1h", remember_marks=False)
    rig.at("2h30m", lambda: rig.store.delete(block, (3,)))
    rig.at("4h30m", lambda: rig.mark(block))
    known = []
    for at in ("3h", "4h", "6h"):
        rig.go(at)
        known.append(bool(process.syncer.view.marks))
    assert known == [True, False, True]
    rig.go("20h")
    # Its second mark counts, not the first.
    assert told(rig, "4h31m") == ["14h delete 0: meta chunk index mark"]
