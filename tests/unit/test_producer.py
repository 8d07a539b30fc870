"""What a producer does before it uploads, and when an answer does not come (P1, P2)."""

from __future__ import annotations

import pytest

from sim.core.kernel import Phase
from sim.model.actors.producer import Producer
from sim.model.blocks.catalog import Block
from sim.model.store.client import RequestFailed
from sim.scenario.schema import Producers
from tests.worlds import Rig, lag

META = 2
# A fault that never holds, but makes the store be asked for every object on its own.
ASKED = {"kind": "store-errors", "at": "0s", "lasts": "0s"}


def producer(rig: Rig, monkeypatch: pytest.MonkeyPatch, *, loses: int) -> None:
    """A producer of blocks of 2h, whose first put of one object is answered with an error."""
    client = rig.client("producer/0", None)
    put = client.put
    lost: list[Block] = []

    def put_once(block: Block, object_index: int, t_us: int, *, stamp_us: int = 0) -> None:
        put(block, object_index, t_us, stamp_us=stamp_us)
        if object_index == loses and not lost:
            lost.append(block)
            raise RequestFailed("put", block.id)

    monkeypatch.setattr(client, "put", put_once)
    spec = Producers.model_validate({"upload_after": "1h", "retry_after": "1m"})
    actor = Producer(
        0,
        spec,
        kernel=rig.kernel,
        client=client,
        streams=rig.streams,
        recorder=rig.recorder,
    )
    rig.kernel.spawn(actor.run(), at_us=0, phase=Phase.PRODUCER)


def test_a_block_that_is_there_is_not_uploaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(faults=[ASKED])
    producer(rig, monkeypatch, loses=META)
    rig.go("4h")
    puts = [line for line in rig.story() if " put 0: " in line]
    assert puts == ["3h put 0: chunk", "3h put 0: index", "3h put 0: meta"]
    heads = rig.tally.records(0)[2].counts[1]
    assert heads == 2


def test_a_block_that_does_not_show_is_uploaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(faults=[ASKED], lag=lag(create_get="2m"))
    producer(rig, monkeypatch, loses=META)
    rig.go("4h")
    puts = [line.partition(" get@")[0] for line in rig.story() if " put 0: " in line]
    assert puts == [f"{at} put 0: {name}" for at in ("3h", "3h1m") for name in NAMES]


NAMES = ("chunk", "index", "meta")


def test_without_its_meta_a_block_is_uploaded_from_its_first_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(faults=[ASKED])
    producer(rig, monkeypatch, loses=1)
    rig.go("4h")
    puts = [line for line in rig.story() if " put 0: " in line]
    assert puts == ["3h put 0: chunk", "3h put 0: index"] + [f"3h1m put 0: {n}" for n in NAMES]
