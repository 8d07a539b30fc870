"""The jobs of the compactor's process beside its passes, and what they share (C2, C4, C11, C13)."""

from __future__ import annotations

import pytest

from sim.model.blocks.catalog import Block
from sim.model.store.client import RequestFailed
from tests.worlds import Rig, lag, marks, quarters, run, story, told, us, world

CHUNK, INDEX, META = range(3)


def partial(rig: Rig) -> Block:
    """A block of which a chunk is put at 2h, and no more."""
    block = rig.block(0, 2)
    rig.go("2h")
    rig.store.put(block, (CHUNK,))
    return block


def marked(rig: Rig, n: int) -> list[Block]:
    """Blocks of one stream each, marked at 1h, due at 3h."""
    blocks = [rig.block(0, 2, stream=stream) for stream in range(n)]
    rig.go("3h")
    rig.put(*blocks)
    for block in blocks:
        rig.mark(block, stamp="1h")
    return blocks


def test_each_worker_deletes_one_block_at_a_time() -> None:
    rig = Rig()
    marked(rig, 3)
    rig.compactor(marks("90m", "1h"), delete_workers=2, delete_takes="8s")
    rig.go("3h1m")
    assert told(rig, "3h1us") == [
        *(f"3h{2 * i}s delete {b}: {name}" for i, name in NAMES for b in (0, 1)),
        *(f"3h{8 + 2 * i}s delete 2: {name}" for i, name in NAMES),
    ]


ASKED = {"kind": "store-errors", "at": "0s", "lasts": "0s"}
"""A fault that never holds, but makes the store be asked for every object on its own."""

NAMES = list(enumerate(["meta", "chunk", "index", "mark"], start=1))


def test_a_block_that_cannot_be_deleted_ends_the_process_after_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(faults=[ASKED])
    marked(rig, 3)
    process = rig.compactor(marks("90m", "1h"), delete_workers=2, restart_after="9h")
    client = process.syncer.view.client
    delete = client.delete

    def fails(block: Block, object_index: int, t_us: int) -> None:
        if (block.index, object_index) == (0, CHUNK):
            raise RequestFailed("delete", block.id)
        delete(block, object_index, t_us)

    monkeypatch.setattr(client, "delete", fails)
    rig.go("4h")
    lines = told(rig, "3h")[-10:]
    assert lines[0] == "3h delete 0: meta"
    assert lines[1:9] == [f"3h delete {b}: {name}" for b in (1, 2) for _, name in NAMES]
    assert lines[9] == f"3h error compactor exit delete {rig.catalog.blocks[0].id}"


@pytest.mark.parametrize(("interval", "gone"), [("0s", []), ("5m", ["50h5m delete 0: chunk"])])
def test_partial_blocks_go_while_a_compaction_is_under_way(interval: str, gone: list[str]) -> None:
    rig = Rig()
    partial(rig)
    for j in range(1, 7):
        rig.put(rig.block(24 * j, 24 * j + 24, level=2, stream=1))
    rig.go("30h")
    rig.compactor(
        wait_interval="9h", compaction_takes="99h", ranges=["24h", "48h"], cleanup_interval=interval
    )
    rig.go("60h")
    assert [line for line in told(rig, "30h") if " delete 0" in line] == gone


def test_partial_blocks_go_after_a_halt_once_the_process_has_synced_again() -> None:
    rig = Rig()
    partial(rig)
    early, late = rig.block(10, 14), rig.block(12, 16)
    rig.put(early, late)
    process = rig.compactor(cleanup_interval="5m")
    rig.go("3h")
    assert process.has_halted
    process.end()
    rig.go("50h")
    assert not [line for line in told(rig, "3h") if "delete" in line]
    process.begin(us("50h"), lambda steps: steps)
    rig.go("51h")
    # It halts again, and its other jobs know what it listed.
    assert [line.split()[1] for line in told(rig, "50h")] == ["resume", "halt", "delete"]


@pytest.mark.parametrize(
    ("since", "gone"), [("modified", "53h delete 0: chunk"), ("created", "51h delete 0: chunk")]
)
def test_since_when_a_partial_block_is_old(since: str, gone: str) -> None:
    # Created at 2h, and its chunk came at 4h.
    rig = Rig()
    block = rig.block(0, 2)
    rig.go("4h")
    rig.store.put(block, (CHUNK,))
    rig.compactor(wait_interval="1h", partial_age_from=since)
    rig.go("60h")
    assert told(rig, "4h1us") == [gone]


@pytest.mark.parametrize(("age", "gone"), [("59m", "6h"), ("1h", "7h"), ("3h", "9h")])
def test_how_old_a_partial_block_must_be(age: str, gone: str) -> None:
    # Its chunk comes at 5h; a pass each hour.
    rig = Rig()
    block = rig.block(0, 2)
    rig.go("5h")
    rig.store.put(block, (CHUNK,))
    rig.compactor(wait_interval="1h", partial_age=age)
    rig.go("10h")
    assert told(rig, "5h1us") == [f"{gone} delete 0: chunk"]


def test_a_mark_without_its_block_is_old_by_the_mark() -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.go("2h")
    rig.put(block)
    rig.go("9h")
    rig.mark(block)
    rig.store.delete(block, (META, CHUNK, INDEX))
    rig.compactor(wait_interval="1h")
    rig.go("60h")
    assert told(rig, "9h1us") == ["58h delete 0: mark"]


def test_one_that_cannot_be_deleted_does_not_keep_others(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(faults=[ASKED])
    partial(rig)
    other = rig.block(0, 2, stream=1)
    rig.store.put(other, (CHUNK,))
    process = rig.compactor(wait_interval="1h")
    client = process.syncer.view.client
    delete = client.delete

    def fails(block: Block, object_index: int, t_us: int) -> None:
        if block is not other:
            raise RequestFailed("delete", block.id)
        delete(block, object_index, t_us)

    monkeypatch.setattr(client, "delete", fails)
    rig.go("53h")
    assert told(rig, "2h1us") == ["51h delete 1: chunk"]


@pytest.mark.parametrize(("progress", "is_lost"), [("0s", True), ("1h", False)])
def test_a_stale_list_deletes_a_block_that_was_committed_meanwhile(
    progress: str, is_lost: bool
) -> None:
    rig = Rig()
    block = partial(rig)
    for j in range(1, 7):
        rig.put(rig.block(24 * j, 24 * j + 24, level=2, stream=1))
    rig.compactor(
        compaction_takes="99h",
        ranges=["24h", "48h"],
        cleanup_interval="1h",
        progress_interval=progress,
    )
    rig.at("30h", lambda: rig.store.put(block, (INDEX, META), stamp_us=us("30h")))
    rig.go("90h")
    gone = [line for line in rig.story() if " delete 0" in line]
    # Its newest object is of 30h.
    assert gone == (["79h delete 0: meta chunk index"] if is_lost else [])


def test_who_wants_a_sync_while_one_is_under_way_waits_for_its_outcome() -> None:
    # The cleaner of 10h waits for the sync of the pass, and at 10h4m begins one of its own.
    rig = Rig()
    quarters(rig)
    rig.compactor(
        marks("3h", "1h"), sync_takes="3m", cleanup="every 4m", wait_interval="1h", ranges=["2h"]
    )
    rig.go("10h10m")
    syncs = rig.tally.records(us("10h10m"))[0]
    # The pass syncs a second time for its retention; the cleaner waits for that from 10h4m on.
    assert [t - us("10h") for t in syncs.at_us] == [0, us("3m"), us("8m")]
    assert syncs.actors == ("compactor",)


def test_a_crash_stops_the_cleaner_as_well() -> None:
    scenario = world(
        horizon="16h",
        compactor={"cleanup": "every 5m", "wait_interval": "5m"},
        schemes=[marks("2h", "1h")],
        faults=[{"kind": "compactor-crash", "at": "11h", "lasts": "3h"}],
        gateways={"phase": "999h"},
    )
    trace, _ = run(scenario)
    gone = [line for line in story(trace.records) if " delete 0" in line]
    # Marked at 10h1m; before the crash ended nobody deletes.
    assert gone == ["14h delete 0: meta chunk index mark"]


def test_a_block_that_was_marked_is_not_partial() -> None:
    # A pass ends by a list of the last good sync; marks are those of the last one.
    rig = Rig(lag=lag())
    block = partial(rig)
    process = rig.compactor(cleanup_interval="1h", wait_interval="999h")
    rig.go("49h")
    process.syncer.view.remember_mark(block, us("49h"))
    rig.go("60h")
    assert not [line for line in rig.story() if "delete" in line]


def test_a_process_that_starts_again_at_once_is_refused() -> None:
    # It would end and start again for ever at one instant.
    with pytest.raises(ValueError, match="parts do not fit together"):
        world(compactor={"restart_after": "0s"})
    world(compactor={"restart_after": "1s"})
