"""Uploads and deletions object by object (B2, B4), and the producers that upload (P1-P3)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.kernel import Phase
from sim.model.store.client import RequestFailed
from sim.model.store.transfer import Steps, delete, upload
from sim.trace.records import REQUEST_KINDS, PutRecord
from tests.worlds import Rig, run, story, us, world


def test_an_upload_ends_with_its_meta() -> None:
    rig = Rig(chunk_files=3)
    block = rig.block(0, 2)
    job = upload(block, rig.client("producer/0", None), rig.kernel, Phase.PRODUCER, us("7us"))
    rig.kernel.spawn(job, at_us=us("2h"), phase=Phase.PRODUCER)
    rig.go("3h")
    # Five objects at 7/5, 14/5, 21/5, 28/5, 7, rounded down.
    assert rig.story() == [
        "2h1us put 0: chunk1",
        "2h2us put 0: chunk2",
        "2h4us put 0: chunk3",
        "2h5us put 0: index",
        "2h7us put 0: meta",
    ]
    assert {r.stamp_us for r in rig.trace().records if isinstance(r, PutRecord)} == {us("2h5us")}
    assert rig.tally.records(0)[-1].counts == (0, 0, 0, 5, 0)


def test_objects_of_one_instant_are_one_record() -> None:
    rig = Rig(chunk_files=2)
    block = rig.block(0, 2)
    job = upload(block, rig.client("producer/0", None), rig.kernel, Phase.PRODUCER, 2)
    rig.kernel.spawn(job, at_us=10, phase=Phase.PRODUCER)
    rig.go("1s")
    assert rig.story() == ["10us put 0: chunk1", "11us put 0: chunk2 index", "12us put 0: meta"]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (None, ["meta", "chunk1", "chunk2", "index", "mark"]),
        ("meta-first", ["meta", "chunk1", "chunk2", "index", "mark"]),
        ("as-listed", ["chunk1", "chunk2", "mark", "index", "meta"]),
    ],
)
def test_objects_are_deleted_one_by_one_in_order(order: str | None, names: list[str]) -> None:
    rig = Rig(chunk_files=2, deletion_order=order)
    block = rig.block(0, 2)
    rig.put(block)
    rig.mark(block)
    job = delete(block, rig.client("compactor", None), rig.kernel, Phase.COMPACTOR, us("50s"))
    rig.kernel.spawn(job, at_us=us("1h"), phase=Phase.COMPACTOR)
    rig.go("2h")
    assert rig.story()[2:] == [f"1h{i}0s delete 0: {name}" for i, name in enumerate(names, 1)]


def test_only_what_is_there_is_deleted_and_nothing_takes_no_time() -> None:
    rig = Rig(chunk_files=2)
    block = rig.block(0, 2)
    rig.store.put(block, (0, 2))
    client = rig.client("compactor", None)
    for at in ("1h", "2h"):
        job = delete(block, client, rig.kernel, Phase.COMPACTOR, us("1m"))
        rig.kernel.spawn(job, at_us=us(at), phase=Phase.COMPACTOR)
    rig.go("3h")
    assert rig.story()[1:] == ["1h30s delete 0: chunk1", "1h1m delete 0: index"]


def test_what_somebody_else_deleted_meanwhile_is_not_deleted_again() -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.put(block)
    client = rig.client("compactor", None)
    job = delete(block, client, rig.kernel, Phase.COMPACTOR, us("3m"))
    rig.kernel.spawn(job, at_us=0, phase=Phase.COMPACTOR)
    rig.at("90s", lambda: rig.store.delete(block, (0,)))
    rig.go("1h")
    assert rig.story()[1:] == ["1m delete 0: meta", "1m30s delete 0: chunk", "3m delete 0: index"]


def test_a_store_may_refuse_to_delete_what_is_gone() -> None:
    rig = Rig(delete_absent="error")
    block = rig.block(0, 2)
    rig.put(block)
    client = rig.client("compactor", None)

    def job() -> Steps:
        with pytest.raises(RequestFailed, match="chunks/000001"):
            yield from delete(block, client, rig.kernel, Phase.COMPACTOR, us("3m"))
        yield from delete(block, client, rig.kernel, Phase.COMPACTOR, us("1m"))

    rig.kernel.spawn(job(), at_us=0, phase=Phase.COMPACTOR)
    rig.at("90s", lambda: rig.store.delete(block, (0,)))
    rig.go("1h")
    # What is gone when a deletion begins is not asked for.
    assert rig.story()[1:] == ["1m delete 0: meta", "1m30s delete 0: chunk", "3m delete 0: index"]
    counts = rig.tally.records(us("1h"))[-1].counts
    assert counts[REQUEST_KINDS.index("delete")] == 3


def produced(horizon: str, **changes: Any) -> list[str]:
    """The story of a producer; its gateway starts too late and the compactor has no work."""
    producers = {"upload_after": "10m", "upload_takes": "30m", **changes.pop("producers", {})}
    scenario = world(horizon=horizon, producers=producers, gateways={"phase": "999h"}, **changes)
    trace, _ = run(scenario)
    return story(trace.records)


def test_the_whole_story_of_a_producer() -> None:
    assert produced("5h") == [
        "2h10m block 0 0.raw 0h-2h level 1",
        "2h20m put 0: chunk",
        "2h30m put 0: index",
        "2h40m put 0: meta",
        "4h10m block 1 0.raw 2h-4h level 1",
        "4h20m put 1: chunk",
        "4h30m put 1: index",
        "4h40m put 1: meta",
    ]


def test_uploads_do_not_overtake() -> None:
    told = produced("9h", producers={"upload_takes": "3h"})
    assert [line for line in told if "meta" in line or "block" in line] == [
        "2h10m block 0 0.raw 0h-2h level 1",
        "5h10m put 0: meta",
        "5h10m block 1 0.raw 2h-4h level 1",
        "8h10m put 1: meta",
        "8h10m block 2 0.raw 4h-6h level 1",
    ]


def crash(at: str, lasts: str) -> dict[str, Any]:
    return {"kind": "producer-crash", "target": 0, "at": at, "lasts": lasts}


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        pytest.param(
            [crash("2h25m", "1h")],
            [
                "2h10m block 0 0.raw 0h-2h level 1",
                "2h20m put 0: chunk",
                "3h35m put 0: chunk",
                "3h45m put 0: index",
                "3h55m put 0: meta",
                "4h10m block 1 0.raw 2h-4h level 1",
            ],
            id="begins again",
        ),
        pytest.param(
            [crash("2h30m", "1h")],
            [
                "2h10m block 0 0.raw 0h-2h level 1",
                "2h20m put 0: chunk",
                "3h40m put 0: chunk",
                "3h50m put 0: index",
                "4h put 0: meta",
                "4h10m block 1 0.raw 2h-4h level 1",
            ],
            id="no step at the instant of the crash",
        ),
        pytest.param(
            [crash("1h", "30m"), crash("2h40m1us", "10m")],
            [
                "2h10m block 0 0.raw 0h-2h level 1",
                "2h20m put 0: chunk",
                "2h30m put 0: index",
                "2h40m put 0: meta",
                "4h10m block 1 0.raw 2h-4h level 1",
            ],
            id="idle",
        ),
        pytest.param(
            [crash("1h", "4h")],
            ["5h block 0 0.raw 0h-2h level 1", "5h10m put 0: chunk"],
            id="late",
        ),
    ],
)
def test_crashes(faults: list[dict[str, Any]], expected: list[str]) -> None:
    horizon = "5h15m" if expected[0].startswith("5h") else "4h15m"
    assert produced(horizon, faults=faults) == expected


def test_a_failed_put_is_tried_again_from_the_first_object() -> None:
    fault = {"kind": "store-errors", "at": "2h15m", "lasts": "10m", "error_rate": 1.0}
    told = produced("3h30m", faults=[fault], producers={"retry_after": "5m"})
    # The compactor's syncs at 2h15m and 2h20m fail as well; it is another test's.
    assert [line for line in told if "compactor" not in line] == [
        "2h10m block 0 0.raw 0h-2h level 1",
        "2h20m error producer/0 put 0.raw.0-7200000000.1.0/chunks/000001",
        "2h35m put 0: chunk",
        "2h45m put 0: index",
        "2h55m put 0: meta",
    ]


def test_a_lost_answer_is_tried_again_over_what_is_there() -> None:
    fault = {"kind": "store-errors", "at": "2h25m", "lasts": "10m", "lost_answer_rate": 1.0}
    told = produced("3h30m", faults=[fault], producers={"retry_after": "5m"})
    assert [line for line in told if "compactor" not in line] == [
        "2h10m block 0 0.raw 0h-2h level 1",
        "2h20m put 0: chunk",
        "2h30m put 0: index",
        "2h30m error producer/0 put 0.raw.0-7200000000.1.0/index",
        "2h45m put 0: chunk",
        "2h55m put 0: index",
        "3h5m put 0: meta",
    ]
