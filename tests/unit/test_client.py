"""Which replica a client reads (S4), what its front end remembers (S6), how requests fail (S7)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.identities import Identity
from sim.core.pinned import AskedStreams
from sim.model.store.client import RequestFailed
from tests.stats import share_within
from tests.worlds import Rig, lag, us

CHUNK, INDEX, META, MARK = range(4)
LATE: dict[str, Any] = {"create_get": {"law": "uniform", "low": "1us", "high": "1h"}}


def replica_read(rig: Rig, name: str, gateway: int | None) -> int:
    """The one replica that decides whether the client finds a key, found by its lags."""
    block = rig.block(0, 2, stream=hash_free(name))
    rig.store.put(block, (INDEX,))
    client, found = rig.client(name, gateway), set(range(rig.spec.replicas))
    for t_us in range(0, us("1h"), us("1m")):
        shown = client.get(block, INDEX, t_us) is not None
        found = {
            r for r in found if (rig.store.shown(block, INDEX, 0, r, t_us) is not None) == shown
        }
    (replica,) = found
    return replica


def hash_free(name: str) -> int:
    """A number of a name that is the same in every run."""
    return sum(name.encode())


@pytest.mark.parametrize(
    ("store", "reads"),
    [
        ({"replicas": 1}, [0, 0, 0, 0]),
        ({"replicas": 3, "read_from": "nearest"}, [0, 0, 1, 2]),
        ({"replicas": 3, "read_from": "nearest", "primary": True}, [0, 1, 2, 1]),
        ({"replicas": 2, "primary": True}, [0, 1, 1, 1]),
    ],
)
def test_where_a_client_reads(store: dict[str, Any], reads: list[int]) -> None:
    rig = Rig(**store, lag=lag(**LATE))
    clients: list[tuple[str, int | None]] = [("compactor", None)]
    clients += [(f"gateway/{g}", g) for g in range(3)]
    assert [replica_read(rig, name, gateway) for name, gateway in clients] == reads


def test_a_sticky_client_draws_its_replica_once() -> None:
    rig = Rig(replicas=4, read_from="sticky", lag=lag(**LATE))
    for gateway in range(5):
        name = f"gateway/{gateway}"
        expected = int(rig.streams.uniform("replica", name) * 4)
        assert replica_read(rig, name, gateway) == expected
        assert rig.client(name, gateway).reads_one_replica


def test_any_draws_a_replica_for_each_request() -> None:
    rig = Rig(replicas=3, acks=1, lag=lag(create_get="1h"))
    block, client = rig.block(0, 2), rig.client()
    rig.store.put(block, (META,))
    assert not client.reads_one_replica
    key = f"{block.id}/meta.json"
    for t_us in range(0, 3000, 100):
        replica = {
            kind: int(rig.streams.uniform("replica", "gateway/0", kind, key, t_us) * 3)
            for kind in ("head", "get")
        }
        shows = [rig.store.shown(block, META, 0, r, t_us) is not None for r in range(3)]
        assert client.head(block, META, t_us) == shows[replica["head"]]
        assert (client.get(block, META, t_us) is not None) == shows[replica["get"]]


def test_which_replica_is_read_is_drawn_only_where_they_differ() -> None:
    rig = Rig(replicas=3, lag=lag(**LATE))
    rig.streams = asked = AskedStreams(7)
    one, two = rig.block(0, 2), rig.block(2, 4)
    client, view = rig.client(), rig.view()

    def drawn() -> list[Identity]:
        names = [identity[2:] for identity in asked.asked if identity[0] == "replica"]
        asked.asked.clear()
        return names

    rig.store.put(one, (INDEX,))
    rig.put(two)
    key = f"{one.id}/index"
    first_us, *_, last_us = sorted(one.history[INDEX][0].get or ())
    assert not client.head(one, META, first_us)
    assert client.get(one, INDEX, last_us)
    assert drawn() == []
    client.get(one, INDEX, last_us - 1)
    assert drawn() == [("get", key, last_us - 1)]
    rig.sync(view)
    assert ("list", "", 0) in drawn()
    rig.go("1h")
    assert rig.sync(view) == [two]
    assert drawn() == []


def test_absence_is_remembered_and_not_prolonged() -> None:
    rig = Rig(negative_cache="15m")
    block, client, other = rig.block(0, 2), rig.client(), rig.client("gateway/1", 1)
    rig.go("1h")
    assert not client.head(block, META, us("1h"))
    rig.put(block)
    rig.go("2h")
    found = [client.head(block, META, us(at)) for at in ("1h", "1h10m", "1h14m59s", "1h15m")]
    assert found == [False, False, False, True]
    assert other.head(block, META, us("1h"))
    # Another object of the same block is another key.
    assert client.head(block, INDEX, us("1h"))


def test_a_failing_read_asks_by_name_and_instant() -> None:
    rig = Rig(error_rate=0.2, lost_answer_rate=0.1)
    client = rig.client()
    for t_us in range(200):
        draw = rig.streams.uniform("error", "gateway/0", "head", t_us)
        assert client.fails("head", t_us) == (draw < 1.0 - 0.7)
        many = client.batch_fails("head", META, range(5), t_us)
        assert many == (draw < 1.0 - (1.0 - 0.2 - 0.1) ** 5)
        assert not client.batch_fails("head", META, (), t_us)


def test_a_write_may_fail_or_lose_its_answer() -> None:
    rig = Rig(error_rate=0.3, lost_answer_rate=0.3)
    client, fates = rig.client("producer/0", None), list[tuple[bool, bool]]()
    for number in range(300):
        block = rig.block(2 * number, 2 * number + 2)
        try:
            client.put(block, INDEX, 0)
            is_answered = True
        except RequestFailed:
            is_answered = False
        fates.append((rig.store.holds(block, INDEX), is_answered))
    failed, lost, fine = (False, False), (True, False), (True, True)
    assert set(fates) == {failed, lost, fine}
    assert share_within([fate == failed for fate in fates], 0.3)
    assert share_within([fate == lost for fate in fates], 0.3)


def test_a_delete_may_fail_or_lose_its_answer() -> None:
    for rate, is_held in (("error_rate", True), ("lost_answer_rate", False)):
        values: dict[str, Any] = {rate: 1.0}
        rig = Rig(**values)
        block = rig.block(0, 2)
        rig.put(block)
        with pytest.raises(RequestFailed):
            rig.client("compactor", None).delete(block, META, 0)
        assert rig.store.holds(block, META) == is_held


def test_a_request_is_counted_whatever_becomes_of_it() -> None:
    rig = Rig(error_rate=1.0)
    client, block = rig.client(), rig.block(0, 2)
    with pytest.raises(RequestFailed) as caught:
        client.read_or_fail(block, INDEX, 0)
    assert caught.value.args == ("get", f"{block.id}/index")
    with pytest.raises(RequestFailed):
        client.put(block, INDEX, 0)
    assert rig.tally.records(0)[-1].counts == (1, 0, 0, 1, 0)


def test_pages_of_a_listing() -> None:
    pages = []
    for entries in (0, 999, 1000, 2500):
        rig = Rig()
        rig.tally.list(0, entries)
        pages.append(rig.tally.records(0)[-1].counts[2])
    assert pages == [1, 1, 2, 3]
