"""The pass of the compactor, step by step, on blocks that a test stores by hand (C1-C13)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.model.blocks.catalog import Block
from sim.scenario.language.faults import OBJECTS
from tests.worlds import AT_ONCE, Rig, lag, marks, quarters, run, story, told, us, world

CHUNK = 0


def test_the_whole_story_of_a_pass() -> None:
    rig = Rig()
    quarters(rig)
    rig.compactor(compaction_takes="10m", upload_takes="3m", delete_takes="30s", sync_takes="1m")
    rig.go("11h")
    assert told(rig, "10h1us") == [
        "10h1m block 5 0.raw 0h-8h level 2",
        "10h12m put 5: chunk",
        "10h13m put 5: index",
        "10h14m put 5: meta",
        "10h14m compact 0 1 2 3 to 5",
        "10h14m retire 0 compacted",
        "10h14m10s delete 0: meta",
        "10h14m20s delete 0: chunk",
        "10h14m30s delete 0: index",
        "10h14m30s retire 1 compacted",
        "10h14m40s delete 1: meta",
        "10h14m50s delete 1: chunk",
        "10h15m delete 1: index",
        "10h15m retire 2 compacted",
        "10h15m10s delete 2: meta",
        "10h15m20s delete 2: chunk",
        "10h15m30s delete 2: index",
        "10h15m30s retire 3 compacted",
        "10h15m40s delete 3: meta",
        "10h15m50s delete 3: chunk",
        "10h16m delete 3: index",
    ]


def test_groups_are_served_one_after_the_other_by_the_view_of_one_sync() -> None:
    rig = Rig()
    for stream in (1, 0):
        quarters(rig, stream=stream)
    rig.compactor(marks("2h", "1h"))
    rig.go("10h10m")
    lines = [line for line in told(rig, "10h1us") if "compact " in line or "mark" in line]
    # Stream 0 first, whose blocks are 5 to 9 here.
    assert lines == [
        "10h1m compact 5 6 7 8 to 10",
        *[f"10h1m put {b}: mark" for b in (5, 6, 7, 8)],
        "10h2m compact 0 1 2 3 to 11",
        *[f"10h2m put {b}: mark" for b in (0, 1, 2, 3)],
    ]


def test_iterations_follow_at_once_until_nothing_is_left() -> None:
    rig = Rig()
    blocks = [rig.block(2 * j, 2 * j + 2) for j in range(9)]
    rig.put(*blocks)
    rig.compactor(wait_interval="9h", ranges=["2h", "8h", "16h"])
    rig.go("8h")
    lines = [line for line in rig.story() if "compact " in line]
    # The two of 8h are the newest but one at last, and span 16h.
    assert lines == [
        "1m compact 0 1 2 3 to 9",
        "2m compact 4 5 6 7 to 10",
        "3m compact 9 10 to 11",
    ]


def with_duplicates(rig: Rig, **spec: Any) -> list[Block]:
    """A block of 8h that is there with its sources: a crash came between upload and retirement."""
    blocks = quarters(rig)
    large = rig.block(0, 8, level=2, created="10h")
    rig.put(large)
    rig.compactor(**spec)
    return [*blocks, large]


def test_garbage_is_retired_in_order_of_creation() -> None:
    rig = Rig()
    with_duplicates(rig, delete_takes="3s")
    rig.go("11h")
    assert [line for line in told(rig, "10h") if "retire" in line or "compact" in line] == [
        "10h retire 0 garbage",
        "10h3s retire 1 garbage",
        "10h6s retire 2 garbage",
        "10h9s retire 3 garbage",
    ]


def test_garbage_is_marked_once() -> None:
    rig = Rig()
    with_duplicates(rig, scheme=marks("2h", "1h"))
    rig.go("11h")
    assert [line for line in told(rig, "10h") if "mark" in line] == [
        f"10h put {b}: mark" for b in range(4)
    ]


def test_a_mark_that_does_not_show_is_looked_for_again() -> None:
    # Marks show after 6m, so the pass at 10h5m takes the sources for garbage again.
    rig = Rig(lag=lag(create_get="6m"))
    with_duplicates(rig, scheme=marks("2h", "1h"))
    rig.go("11h")
    put = [line.partition(" get@")[0] for line in told(rig, "10h1us") if "mark" in line]
    # The blocks themselves show at 10h6m; marked at 10h10m, 10h15m, and seen at 10h20m.
    assert put == [f"{at} put {b}: mark" for at in ("10h10m", "10h15m") for b in range(4)]


def test_a_crash_in_the_middle_of_an_upload_leaves_what_is_there() -> None:
    fault = {"kind": "compactor-crash", "at": "10h0m45s", "lasts": "30m"}
    scenario = world(
        horizon="10h31m",
        compactor={"compaction_takes": "30s", "upload_takes": "30s", "delete_takes": "30s"},
        faults=[fault],
        gateways={"phase": "999h"},
    )
    trace, _ = run(scenario)
    # The crash interrupts the upload: only the chunk is there. The block is made anew.
    lines = [line for line in story(trace.records) if line.startswith("10h")]
    assert lines == [
        "10h block 4 0.raw 8h-10h level 1",
        "10h put 4: chunk index meta",
        "10h block 5 0.raw 0h-8h level 2",
        "10h40s put 5: chunk",
        "10h30m45s block 6 0.raw 0h-8h level 2",
    ]


def test_a_crash_in_the_middle_of_retirement() -> None:
    fault = {"kind": "compactor-crash", "at": "10h1m45s", "lasts": "10m"}
    scenario = world(
        horizon="10h13m",
        compactor={"delete_takes": "30s"},
        faults=[fault],
        gateways={"phase": "999h"},
    )
    trace, _ = run(scenario)
    lines = [line for line in story(trace.records) if line.startswith("10h1")]
    assert lines == [
        "10h1m put 5: chunk index meta",
        "10h1m compact 0 1 2 3 to 5",
        "10h1m retire 0 compacted",
        "10h1m10s delete 0: meta",
        "10h1m20s delete 0: chunk",
        "10h1m30s delete 0: index",
        "10h1m30s retire 1 compacted",
        "10h1m40s delete 1: meta",
        # Block 1 has no meta any more: left for the cleanup of partial uploads.
        "10h11m45s retire 2 garbage",
        "10h11m55s delete 2: meta",
        "10h12m5s delete 2: chunk",
        "10h12m15s delete 2: index",
        "10h12m15s retire 3 garbage",
        "10h12m25s delete 3: meta",
        "10h12m35s delete 3: chunk",
        "10h12m45s delete 3: index",
    ]


def late(rig: Rig, **spec: Any) -> list[str]:
    """What happens from 12h3m on, when a block shows inside what was merged without it."""
    blocks = [rig.block(2 * j, 2 * j + 2) for j in range(6)]
    rig.go("12h")
    rig.put(*(block for block in blocks if block.index != 1))
    rig.compactor(**spec)
    rig.at("12h3m", lambda: rig.put(blocks[1]))
    rig.go("13h")
    return [line for line in told(rig, "12h3m") if "compact" in line or "halt" in line]


@pytest.mark.parametrize("said", [{}, {"vertical_compaction": False}])
def test_a_late_block_halts_the_compactor_for_ever(said: dict[str, bool]) -> None:
    rig = Rig()
    halt, *more = late(rig, **said)
    assert halt == f"12h5m halt overlap {rig.catalog.blocks[6].id} {rig.catalog.blocks[1].id}"
    assert not more


def test_vertical_compaction_merges_a_late_block() -> None:
    rig = Rig()
    assert late(rig, vertical_compaction=True) == [
        "12h6m compact 6 1 to 7",
        "12h6m retire 1 compacted",
        "12h6m retire 6 compacted",
    ]
    assert rig.catalog.blocks[7].sources == (0, 1, 2, 3)


@pytest.mark.parametrize(("resolution", "reason"), [(0, "overlap of sources"), (1, "overlap")])
def test_what_vertical_compaction_cannot_merge_halts_it(resolution: int, reason: str) -> None:
    rig = Rig()
    blocks = [rig.block(*span, resolution=resolution) for span in ((0, 8), (6, 12), (12, 14))]
    rig.put(*blocks)
    rig.compactor(vertical_compaction=True)
    rig.go("1h")
    told_halt = f"0h halt {reason} {blocks[0].id} {blocks[1].id}"
    assert [line for line in rig.story() if "halt" in line] == [told_halt]


def test_a_halted_compactor_halts_again_after_a_restart_if_it_finds_the_same() -> None:
    rig = Rig()
    rig.put(rig.block(10, 14), rig.block(12, 16))
    process = rig.compactor()
    rig.go("1h")
    for at in ("2h", "3h"):
        process.end()
        process.begin(us(at), lambda steps: steps)
        rig.go(f"{at}30m")
    told_turns = [line.split()[:2] for line in rig.story() if "halt" in line or "resume" in line]
    resumed = [[at, what] for at in ("2h", "3h") for what in ("resume", "halt")]
    assert told_turns == [["0h", "halt"], *resumed]


def test_a_halt_is_over_when_its_cause_is_gone_at_a_restart() -> None:
    rig = Rig(lag=lag(delete_get="3h"))
    blocks = quarters(rig)
    rig.store.delete(blocks[2], (CHUNK,))
    process = rig.compactor()
    rig.go("10h30m")
    assert process.has_halted
    rig.put(blocks[2])
    process.end()
    process.begin(us("11h"), lambda steps: steps)
    rig.go("11h5m")
    lines = told(rig, "10h30m")
    assert "11h resume" in lines
    assert any(" compact " in line for line in lines)
    assert not process.has_halted


def test_the_same_plan_twice_is_a_duplicate_and_the_older_block_stays() -> None:
    # What is made shows after 4m: the next iteration plans the same again.
    rig = Rig(lag=lag(create_get="4m", create_list="4m"))
    quarters(rig)
    rig.go("11h")
    rig.compactor(marks("5h", "3h"), compaction_takes="3m")
    rig.go("12h")
    lines = [line.partition(" get@")[0] for line in told(rig, "11h1us")]
    assert [line for line in lines if "compact " in line] == [
        "11h3m compact 0 1 2 3 to 5",
        "11h6m compact 0 1 2 3 to 6 again",
        # Block 5 shows at 11h7m, too late for the iteration that began at 11h6m.
        "11h9m compact 0 1 2 3 to 7 again",
    ]
    # Passes at 11h9m, 11h10m and 11h15m; what they see has shown by then.
    assert [line for line in lines if "garbage" in line] == [
        "11h10m retire 6 garbage",
        "11h15m retire 7 garbage",
    ]


@pytest.mark.parametrize(("retention", "gone"), [("10m", "2h15m"), ("12m", "2h15m")])
def test_retention_is_strict(retention: str, gone: str) -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.go("2h")
    rig.put(block)
    rig.compactor(retention={"raw": retention})
    rig.go("4h")
    # At 2h10m a block that ended at 2h is not older than 10m.
    assert told(rig, "2h1us") == [
        f"{gone} retire 0 retention",
        f"{gone} delete 0: meta chunk index",
    ]


def test_retention_is_by_resolution_and_marks() -> None:
    rig = Rig()
    raw, coarse = rig.block(0, 48, level=2), rig.block(0, 48, level=3, resolution=1)
    rig.go("48h")
    rig.put(raw, coarse)
    rig.compactor(
        marks("10m", "5m"),
        retention={"raw": "40h", "5m": "41h", "1h": "1h"},
        wait_interval="30m",
    )
    rig.go("90h")
    assert [line for line in told(rig, "48h1us") if "mark" in line] == [
        "88h30m put 0: mark",
        "89h delete 0: meta chunk index mark",
        "89h30m put 1: mark",
    ]


def test_marked_blocks_go_when_their_mark_is_older_than_the_delay() -> None:
    rig = Rig()
    blocks = [rig.block(2 * j, 2 * j + 2) for j in range(3)]
    rig.put(*blocks)
    rig.kernel.run(us("2h") + 1)
    rig.mark(blocks[1])
    rig.mark(blocks[0], stamp="2h4m59s")
    rig.go("2h5m")
    rig.compactor(marks("1h", "30m"), delete_takes="4s")
    rig.go("4h")
    # At 3h5m the mark of block 1 (2h) is older than 1h; at 3h5m block 0's too, by a second.
    assert told(rig, "2h5m") == [
        "3h5m1s delete 0: meta",
        "3h5m2s delete 0: chunk",
        "3h5m3s delete 0: index",
        "3h5m4s delete 0: mark",
        "3h5m5s delete 1: meta",
        "3h5m6s delete 1: chunk",
        "3h5m7s delete 1: index",
        "3h5m8s delete 1: mark",
    ]


@pytest.mark.parametrize(("stamp", "gone"), [("59m59s", "2h"), ("1h", "2h10m")])
def test_an_age_equal_to_the_delay_is_not_enough(stamp: str, gone: str) -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.put(block)
    rig.mark(block, stamp=stamp)
    rig.go("2h")
    rig.compactor(marks("1h", "1h"), wait_interval="10m")
    rig.go("3h")
    assert told(rig, "2h") == [f"{gone} delete 0: meta chunk index mark"]


def cleaned(cleanup: str) -> list[str]:
    """When marks are put and blocks deleted in the base world, from 10h on."""
    scenario = world(horizon="11h", compactor={"cleanup": cleanup}, schemes=[marks("0s", "0s")])
    trace, _ = run(scenario)
    lines = story(trace.records)
    return [line for line in lines if line.split()[1:3] in (["put", "0:"], ["delete", "0:"])]


@pytest.mark.parametrize(
    ("cleanup", "gone"),
    [
        # In the next iteration the mark of 10h1m is 0 old; at the tick of 10h5m it is 4m.
        ("in-pass", "10h5m"),
        ("end-of-pass", "10h5m"),
        # 86 · 7m = 10h2m.
        ("every 7m", "10h2m"),
    ],
)
def test_when_the_cleanup_runs(cleanup: str, gone: str) -> None:
    assert cleaned(cleanup)[-2:] == [
        "10h1m put 0: mark",
        f"{gone} delete 0: meta chunk index mark",
    ]


def test_the_end_of_a_pass_comes_after_its_compactions() -> None:
    rig = Rig()
    quarters(rig)
    old = rig.block(100, 102, stream=1)
    rig.put(old)
    rig.mark(old, stamp="1s")
    rig.compactor(marks("1h", "30m"), cleanup="end-of-pass", wait_interval="9h")
    rig.go("11h")
    lines = [line for line in told(rig, "10h") if "delete" in line or "compact" in line]
    assert lines == ["10h1m compact 0 1 2 3 to 6"] + [
        f"10h1m retire {b} compacted" for b in range(4)
    ] + ["10h1m delete 5: meta chunk index mark"]


def test_partial_uploads_go_after_48_hours_of_rest() -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.go("2h")
    rig.store.put(block, (CHUNK,))
    rig.go("3h")
    rig.store.put(block, (CHUNK,))
    rig.compactor(wait_interval="1h", delete_takes="1m")
    rig.go("60h")
    # Exactly 48h at 51h is not older.
    assert told(rig, "3h1us") == ["52h1m delete 0: chunk"]


def test_a_block_under_deletion_that_lost_its_mark_to_a_crash_is_partial() -> None:
    fault = {"kind": "compactor-crash", "at": "12h6m15s", "lasts": "1m"}
    scenario = world(
        horizon="70h",
        producers={"upload_after": "0s"},
        compactor={"delete_takes": "40s"},
        schemes=[marks("2h", "1h")],
        faults=[fault],
        gateways={"phase": "999h"},
    )
    trace, timelines = run(scenario)
    lines = [line for line in story(trace.records) if " delete 1: " in line]
    # Marked at 10h1m with the others; block 0 goes from 12h5m, block 1 from 12h5m40s.
    assert lines[:3] == [
        "12h5m50s delete 1: meta",
        "12h6m delete 1: chunk",
        "12h6m10s delete 1: index",
    ]
    # Only its mark is left, put at 10h1m, older than 48h from 58h1m on. The pass of 58h2m15s
    # (12h7m15s + 551 · 5m) first compacts [48h, 56h), to 58h3m15s.
    assert lines[3:] == ["58h3m55s delete 1: mark"]
    assert timelines.counters["compactor-error"] == 0


def test_downsampling_makes_a_block_of_each_resolution() -> None:
    rig = Rig()
    block = rig.block(0, 240, level=2)
    rig.go("240h")
    rig.put(block)
    rig.compactor(downsampling=True, downsampling_takes="10m", upload_takes="3m")
    rig.go("241h")
    assert told(rig, "240h1us") == [
        "240h11m put 1: chunk",
        "240h12m put 1: index",
        "240h13m put 1: meta",
        "240h13m compact 0 to 1",
        "240h13m block 2 0.1h 0h-240h level 4",
        "240h24m put 2: chunk",
        "240h25m put 2: index",
        "240h26m put 2: meta",
        "240h26m compact 1 to 2",
    ]
    assert "240h block 1 0.5m 0h-240h level 3" in rig.story()


def test_sizes_follow_the_ratio() -> None:
    rig = Rig()
    quarters(rig)
    rig.compactor(size_ratio=0.75)
    rig.go("11h")
    assert rig.catalog.blocks[5].bytes == 300


@pytest.mark.parametrize("kind", ["list", "head", "mark"])
def test_a_sync_that_fails_ends_the_pass(kind: str) -> None:
    requests, objects = {
        "list": ("list", list(OBJECTS)),
        "head": ("head", "meta.json"),
        "mark": ("get", "deletion-mark.json"),
    }[kind]
    hit = {"who": "compactor", "requests": requests, "objects": objects, "error_rate": 1.0}
    rig = Rig(faults=[{"kind": "request-errors", "at": "10h", "lasts": "1us", **hit}])
    quarters(rig)
    rig.compactor(marks("2h", "1h"))
    rig.go("10h3m")
    assert rig.story()[-1] == f"10h error compactor {kind}"
    rig.go("10h10m")
    assert "10h6m compact 0 1 2 3 to 5" in rig.story()


def test_the_consistency_delay_keeps_young_blocks_out_of_plans() -> None:
    rig = Rig()
    quarters(rig)
    rig.compactor(consistency_delay="30m")
    rig.go("11h")
    assert [line for line in rig.story() if "compact " in line] == ["10h31m compact 0 1 2 3 to 5"]


def test_half_of_the_delay_hides_a_block_from_the_compactor() -> None:
    rig = Rig()
    blocks = quarters(rig)
    # Block 1 is marked; while the mark is young the block is planned as before, and then not.
    rig.mark(blocks[1], stamp="9h")
    rig.compactor({**AT_ONCE, **marks("3h", "1h")}, wait_interval="1h")
    rig.go("10h30m")
    assert "10h1m compact 0 1 2 3 to 5" in rig.story()
    rig = Rig()
    blocks = quarters(rig)
    rig.mark(blocks[1], stamp="9h")
    rig.compactor(marks("2h", "5h"), wait_interval="1h", ranges=["2h", "8h"])
    rig.go("10h30m")
    # One hour old is not more than half of 2h.
    assert "10h1m compact 0 1 2 3 to 5" in rig.story()
    rig = Rig()
    blocks = quarters(rig)
    rig.mark(blocks[1], stamp="8h59m59s")
    rig.compactor(marks("2h", "5h"), wait_interval="1h")
    rig.go("10h30m")
    assert "10h1m compact 0 2 3 to 5" in rig.story()
