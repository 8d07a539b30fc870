"""Versions, lags, replicas, planes (S1-S3), the two ways to be current at once, quorum (S8)."""

from __future__ import annotations

import pytest

from sim.core.laws import Uniform
from sim.core.units import NEVER
from sim.model.store.visibility import GET, LIST
from sim.trace.records import PutRecord
from tests.worlds import Rig, lag, us

CHUNK, INDEX, META, MARK = range(4)


def test_the_whole_story_of_an_object_that_comes_and_goes() -> None:
    times = {"create_get": "10m", "create_list": "20m", "overwrite_get": "1h"}
    rig = Rig(lag=lag(**times, delete_get="5m", delete_list="40m"))
    block = rig.block(0, 2)
    rig.go("1h")
    rig.store.put(block, (INDEX,), stamp_us=1)
    rig.go("2h")
    rig.store.put(block, (INDEX,), stamp_us=2)
    rig.go("4h")
    rig.store.delete(block, (INDEX,))
    rig.go("5h")
    rig.store.put(block, (INDEX,), stamp_us=3)
    assert rig.story() == [
        "1h put 0: index get@1h10m list@1h20m",
        "2h put 0: index get@3h list@2h",
        "4h delete 0: index get@4h5m list@4h40m",
        # After a delete a put creates again.
        "5h put 0: index get@5h10m list@5h20m",
    ]

    def stamp(plane: int, at: str) -> int | None:
        version = rig.store.shown(block, INDEX, plane, 0, us(at))
        return None if version is None else version.stamp_us

    get = ["59m", "1h9m59s", "1h10m", "2h59m", "3h", "4h4m", "4h5m", "5h9m", "5h10m"]
    assert [stamp(GET, at) for at in get] == [None, None, 1, 1, 2, 2, None, None, 3]
    listed = ["1h19m", "1h20m", "2h", "4h39m", "4h40m", "5h20m"]
    assert [stamp(LIST, at) for at in listed] == [None, 1, 2, 2, None, 3]


@pytest.mark.parametrize("lags", [{}, {"delete_get": "1us"}])
def test_nothing_shows_before_its_acknowledgement(lags: dict[str, str]) -> None:
    rig = Rig(lag=lag(**lags))
    block = rig.block(0, 2)
    rig.go("2h")
    rig.put(block)
    rig.go("3h")
    rig.store.delete(block, rig.whole())
    at = [us("2h") - 1, us("2h"), us("3h") - 1, us("3h") + 1]
    for i in rig.whole():
        assert [rig.store.shown(block, i, GET, 0, t) is not None for t in at] == [
            False,
            True,
            True,
            False,
        ]


def test_a_delete_that_shows_before_its_create_hides_it_for_ever() -> None:
    rig = Rig(lag=lag(create_get="2h", create_list="2h"))
    block = rig.block(0, 2)
    rig.put(block)
    rig.go("1h")
    rig.store.delete(block, rig.whole())
    for minute in range(0, 300, 10):
        for plane in (GET, LIST):
            assert rig.store.shown(block, INDEX, plane, 0, us(f"{minute}m")) is None


def test_a_younger_version_is_not_undone_by_an_older_one_that_shows_late() -> None:
    rig = Rig(lag=lag(create_get="2h"))
    block = rig.block(0, 2)
    rig.store.put(block, (META,), stamp_us=1)
    rig.go("30m")
    rig.store.put(block, (META,), stamp_us=2)
    stamps = []
    for at in ("29m", "30m", "2h", "3h"):
        version = rig.store.shown(block, META, GET, 0, us(at))
        stamps.append(None if version is None else version.stamp_us)
    assert stamps == [None, 2, 2, 2]


def test_lags_are_drawn_by_key_version_replica_and_plane() -> None:
    law = {"law": "uniform", "low": "1s", "high": "1h"}
    rig = Rig(replicas=2, lag=lag(create_get=law, create_list=law), seed=3)
    block = rig.block(0, 2)
    rig.go("1h")
    rig.store.put(block, (CHUNK, META), stamp_us=0)
    expected: dict[str, list[int]] = {"get": [], "list": []}
    for name in ("chunks/000001", "meta.json"):
        for plane in ("get", "list"):
            for replica in (0, 1):
                draw = rig.streams.uniform("lag", f"{block.id}/{name}", 0, replica, plane)
                seen_us = us("1h") + Uniform(low_us=1e6, high_us=3600e6).draw_us(draw)
                expected[plane].append(seen_us)
    put = rig.trace().records[0]
    assert isinstance(put, PutRecord)
    assert (put.get, put.list) == (tuple(expected["get"]), tuple(expected["list"]))


def test_a_block_is_touched_once_for_all_that_shows_by_the_time_anybody_looks() -> None:
    law = {"law": "uniform", "low": "1s", "high": "1h"}
    rig = Rig(replicas=3, lag=lag(create_get=law, create_list="2h"))
    one, two = rig.block(0, 2), rig.block(2, 4)
    rig.put(one, two)
    for at in ("0s", "30m", "1h", "119m", "2h", "9h"):
        rig.go(at)
        rig.store.advance()
        found = [block.index for block in rig.store.touched]
        assert sorted(found) == ([] if at in ("0s", "119m", "9h") else [0, 1])
        rig.store.touched.clear()
    assert one.settled_us == two.settled_us == us("2h")


def test_a_log_keeps_the_order_of_acknowledgement() -> None:
    rig = Rig(order="log", lag=lag(create_get="1h", overwrite_get="10m"))
    one, two = rig.block(0, 2), rig.block(2, 4)
    rig.store.put(one, (INDEX,))
    rig.go("20m")
    rig.store.put(one, (META,))
    rig.store.put(two, (INDEX,))
    rig.go("1h30m")
    rig.store.put(one, (INDEX,))
    rig.go("1h31m")
    rig.store.delete(two, (INDEX,))
    assert rig.story() == [
        "0h put 0: index get@1h list@0h",
        "20m put 0: meta get@1h20m list@20m",
        "20m put 1: index get@1h20m list@20m",
        # The delete has no lag; it shows after what was acknowledged before it.
        "1h30m put 0: index get@1h40m list@1h30m",
        "1h31m delete 1: index get@1h40m list@1h31m",
    ]


def test_the_primary_and_who_acknowledged_are_current() -> None:
    rig = Rig(replicas=3, primary=True, lag=lag(create_get="1h", create_list="2h"))
    rig.store.put(rig.block(0, 2), (META,))
    assert rig.story() == ["0h put 0: meta get@0h,1h,1h list@0h,2h,2h"]
    rig = Rig(replicas=3, acks=2, lag=lag(create_get="1h"))
    blocks = [rig.block(2 * j, 2 * j + 2) for j in range(6)]
    for block in blocks:
        rig.store.put(block, (META,))
        draws = [rig.streams.uniform("ack", f"{block.id}/meta.json", 0, r) for r in range(3)]
        slow = draws.index(max(draws))
        for r in range(3):
            shows = rig.store.shown(block, META, GET, r, 0) is not None
            assert shows == (r != slow)


def test_acks_rank_every_replica_of_a_primary_store() -> None:
    rig = Rig(replicas=3, primary=True, acks=1, lag=lag(create_get="1h"))
    current = set()
    for j in range(12):
        block = rig.block(2 * j, 2 * j + 2)
        rig.store.put(block, (META,))
        current.add(tuple(r for r in (1, 2) if rig.store.shown(block, META, GET, r, 0)))
    # Where the primary itself drew first, no other replica is current.
    assert current == {(), (1,), (2,)}


def test_a_quorum_store_is_as_late_as_its_messages() -> None:
    # Acknowledged with the first of two: 10 s + 0 s. Both replicas have it at 10 s, a read sent
    # at the acknowledgement arrives 4 s later at the first, which then has it.
    legs = {"write": "10s", "ack": "1s", "read": "4s", "response": "1s"}
    rig = Rig(quorum={"n": 2, "r": 1, "w": 1, **legs})
    rig.go("1h")
    rig.store.put(rig.block(0, 2), (META,))
    assert rig.story() == ["1h put 0: meta get@1h list@1h"]
    laws = {"write": {"law": "uniform", "low": "0s", "high": "1m"}, "ack": "0s"}
    rig = Rig(quorum={"n": 3, "r": 1, "w": 1, **laws, "read": "2s", "response": "0s"})
    block = rig.block(0, 2)
    rig.store.put(block, (META,))
    key = f"{block.id}/meta.json"
    write = [60e6 * rig.streams.uniform("wars", key, 0, "get", "write", i) for i in range(3)]
    # Responses tie: the first replica answers. It is behind the fastest write by the difference.
    expected = int(max(0.0, write[0] - 2e6 - min(write)) + 0.5)
    put = rig.trace().records[0]
    assert isinstance(put, PutRecord)
    assert put.get == (expected,)


def test_a_quorum_draws_the_way_there_and_back_for_each_replica() -> None:
    high_h = {"write": 10, "ack": 1, "read": 2, "response": 6}
    legs = {leg: {"law": "uniform", "low": "0s", "high": f"{h}h"} for leg, h in high_h.items()}
    rig = Rig(quorum={"n": 5, "r": 2, "w": 2, **legs})
    found, expected = [], []
    for number in range(20):
        block = rig.block(2 * number, 2 * number + 2)
        rig.store.put(block, (META,))
        key = f"{block.id}/meta.json"
        drawn = {
            leg: [
                Uniform(low_us=0.0, high_us=h * 3600e6).draw_us(
                    rig.streams.uniform("wars", key, 0, "get", leg, i)
                )
                for i in range(5)
            ]
            for leg, h in high_h.items()
        }
        commit_us = sorted(map(sum, zip(drawn["write"], drawn["ack"], strict=True)))[1]
        back_us = [r + s for r, s in zip(drawn["read"], drawn["response"], strict=True)]
        first = sorted(range(5), key=back_us.__getitem__)[:2]
        late_us = min(drawn["write"][i] - drawn["read"][i] for i in first) - commit_us
        expected.append((max(0, late_us),))
        put = rig.trace().records[-1]
        assert isinstance(put, PutRecord)
        found.append(put.get)
    assert found == expected
    assert sum(t_us > 0 for (t_us,) in found) >= 3


def test_a_log_orders_changes_of_one_instant_by_stream() -> None:
    rig = Rig(order="log", lag=lag(create_get="1h", overwrite_get="10m"))
    one, two = rig.block(0, 2), rig.block(0, 2, stream=1)
    rig.store.put(two, (INDEX,))
    rig.go("5h")
    rig.store.put(one, (META,))
    rig.store.put(one, (META,))
    rig.store.put(two, (INDEX,))
    shown = [record.get for record in rig.trace().records if isinstance(record, PutRecord)]
    assert shown == [(us("1h"),), (us("6h"),), (us("6h"),), (us("5h10m"),)]


def test_what_is_held_in_the_order_of_deletion() -> None:
    rig = Rig(chunk_files=2)
    block = rig.block(0, 2)
    assert rig.store.held_objects(block) == ()
    rig.put(block)
    assert rig.store.held_objects(block) == (3, 0, 1, 2)
    rig.mark(block)
    assert rig.store.held_objects(block) == (3, 0, 1, 2, 4)
    rig.store.delete(block, (3, 1))
    assert rig.store.held_objects(block) == (0, 2, 4)
    assert [rig.store.holds(block, i) for i in range(5)] == [True, False, True, False, True]


def test_a_block_is_committed_once() -> None:
    rig = Rig()
    block = rig.block(0, 2)
    rig.store.put(block, (CHUNK, INDEX))
    assert block.committed_us == NEVER
    rig.go("1h")
    rig.store.put(block, (META,))
    rig.go("2h")
    rig.store.put(block, (META,))
    assert block.committed_us == us("1h")


def test_any_object_lists_a_block() -> None:
    rig = Rig(lag=lag(create_list="1h", delete_list="1h"))
    block = rig.block(0, 2)
    rig.store.put(block, (INDEX,))
    rig.go("30m")
    rig.mark(block)
    rig.store.delete(block, (INDEX,))
    # The index shows from 1h, goes at 1h30m; the mark shows from 1h30m.
    at = ["59m", "1h", "1h29m", "1h30m", "9h"]
    assert [rig.store.shows_any(block, 0, us(t)) for t in at] == [False, True, True, True, True]


def test_touched_blocks_come_as_their_changes_show() -> None:
    rig = Rig(lag=lag(create_get="10m", create_list="30m"))
    one, two = rig.block(0, 2), rig.block(2, 4)
    rig.store.put(one, (INDEX, META))
    rig.go("5m")
    rig.store.put(two, (INDEX,))
    seen = []
    for at in ("9m", "10m1us", "15m1us", "30m1us", "35m1us"):
        rig.go(at)
        rig.store.advance()
        seen.append([block.index for block in rig.store.touched])
    assert seen == [[], [0], [0, 1], [0, 1, 0], [0, 1, 0, 1]]
