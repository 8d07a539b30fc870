"""The caching bucket of the gateways (G8): what it answers, for how long, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from sim.model.store.caching import Answer, Cache, CachingClient
from sim.model.store.client import RequestFailed
from sim.model.store.visibility import GET
from sim.model.views.cached import CachedBucket
from sim.model.views.view import Filters, View
from sim.scenario.schema import GatewayCache
from tests.worlds import Rig, lag, marks, run, us, world

CHUNK, INDEX, META, MARK = range(4)

MINUTES = ("0m", "4m", "8m", "12m", "16m", "20m")


def cache(**lasts: Any) -> Cache:
    none = dict.fromkeys(("listing", "exists", "absent", "content"), "0s")
    return Cache(GatewayCache.model_validate({**none, **lasts}))


def client(rig: Rig, memory: Cache, gateway: int = 0) -> CachingClient:
    return CachingClient(
        memory,
        f"gateway/{gateway}",
        gateway=gateway,
        store=rig.store,
        streams=rig.streams,
        faults=rig.faults,
        tally=rig.tally,
    )


def view(rig: Rig, memory: Cache, gateway: int = 0, mark_delay: str = "") -> View:
    filters = Filters(consistency_delay_us=0, mark_delay_us=us(mark_delay) if mark_delay else None)
    return View(CachedBucket(client(rig, memory, gateway)), filters)


def synced(rig: Rig, seen: View, *times: str) -> list[int]:
    """How many blocks the view has after a sync at each time."""
    found = []
    for time in times:
        rig.go(time)
        found.append(len(rig.sync(seen)))
    return found


def counts(rig: Rig) -> dict[str, int]:
    get, head, listings, *_ = rig.tally.records(0)[-1].counts
    return {"get": get, "head": head, "list": listings}


def test_an_answer_serves_later_requests_until_it_is_forgotten() -> None:
    rig = Rig()
    block, reader = rig.block(0, 2), client(rig, cache(absent="15m"))
    assert not reader.head(block, META, 0)
    rig.put(block)
    # It is not prolonged by being used, and does not serve at its own instant.
    found = [reader.head(block, META, us(at)) for at in ("0s", "10m", "14m59s", "15m")]
    assert found == [True, False, False, True]
    assert reader.get(block, INDEX, us("1m")) is not None


def test_a_new_block_shows_when_the_listing_is_forgotten() -> None:
    rig = Rig()
    seen = view(rig, cache(listing="10m"))
    assert synced(rig, seen, "0m") == [0]
    rig.go("1m")
    rig.put(rig.block(0, 2))
    assert synced(rig, seen, "5m", "9m", "10m") == [0, 0, 1]
    assert counts(rig)["list"] == 2


def test_a_meta_that_was_absent_shows_when_that_is_forgotten() -> None:
    rig = Rig()
    block, seen = rig.block(0, 2), view(rig, cache(absent="10m"))
    rig.store.put(block, (CHUNK,))
    assert synced(rig, seen, "0m") == [0]
    rig.put(block)
    assert synced(rig, seen, "5m", "9m", "10m") == [0, 0, 1]


def test_a_deleted_meta_is_believed_while_anything_is_listed() -> None:
    rig = Rig()
    block, seen = rig.block(0, 2), view(rig, cache(exists="2h"))
    rig.put(block)
    assert synced(rig, seen, "0m") == [1]
    rig.store.delete(block, (META,))
    assert synced(rig, seen, "1h", "119m", "2h") == [1, 1, 0]
    assert list(seen.source.partial) == [block.index]


def test_a_mark_is_late_by_as_long_as_its_absence_is_remembered() -> None:
    rig = Rig()
    block, seen = rig.block(0, 2), view(rig, cache(absent="15m"), mark_delay="0s")
    rig.put(block)
    assert synced(rig, seen, "0m") == [1]
    rig.go("1m")
    rig.mark(block, stamp="1m")
    assert synced(rig, seen, "5m", "10m", "15m") == [1, 1, 0]


def test_the_content_of_a_mark_outlives_it() -> None:
    rig = Rig()
    block, seen = rig.block(0, 2), view(rig, cache(content="1h"), mark_delay="0s")
    rig.put(block)
    rig.mark(block, stamp="0s")
    assert synced(rig, seen, "1m") == [0]
    rig.store.delete(block, (MARK,))
    assert synced(rig, seen, "30m", "1h", "61m") == [0, 0, 1]


def test_gateways_that_share_it_are_told_the_same() -> None:
    rig = Rig()
    memory = cache(listing="1h")
    first, second = view(rig, memory), view(rig, memory, gateway=1)
    own = view(rig, cache(listing="1h"), gateway=2)
    assert synced(rig, first, "0m") == [0]
    rig.go("1m")
    rig.put(rig.block(0, 2))
    assert synced(rig, second, "10m") == [0]
    assert synced(rig, own, "10m") == [1]


def test_of_answers_of_one_instant_that_of_the_first_gateway_stays() -> None:
    for order in ((0, 1), (1, 0)):
        rig = Rig(replicas=2, read_from="nearest", lag=lag(create_get="1h"), acks=1)
        memory = cache(exists="2h", absent="2h")
        readers = [client(rig, memory, gateway) for gateway in (0, 1)]
        blocks = [rig.block(2 * i, 2 * i + 2) for i in range(20)]
        rig.put(*blocks)
        block = next(b for b in blocks if rig.store.shown(b, META, GET, 0, 0) is None)
        # Replica 1 shows it already, replica 0 does not; each says so at this instant.
        assert {g: readers[g].head(block, META, 0) for g in order} == {0: False, 1: True}
        assert [reader.head(block, META, 1) for reader in readers] == [False, False]


def test_only_what_nobody_remembers_is_sent() -> None:
    rig = Rig()
    memory = cache(listing="5m", exists="8m", absent="12m", content="1d")
    blocks, seen = [rig.block(2 * i, 2 * i + 2) for i in range(3)], view(rig, memory, 0, "9h")
    rig.put(*blocks)
    synced(rig, seen, *MINUTES)
    # Listings at 0m, 8m, 16m; metas at 0m, 8m, 16m; marks at 0m, 12m, and the metas once.
    assert counts(rig) == {"list": 3, "head": 3 * 3, "get": 2 * 3 + 3}


def test_a_cache_of_its_own_is_lost_in_an_outage_and_a_shared_one_is_not() -> None:
    def first_load_us(*, shared: bool) -> int:
        scenario = world(
            horizon="4h",
            schemes=[marks("9h", "9h")],
            gateways={
                "phase": "110m",
                "sync_interval": "1h",
                "cache": {"listing": "30m", "shared": shared},
            },
            faults=[{"kind": "gateway-outage", "target": 0, "at": "2h5m", "lasts": "5m"}],
        )
        return int(run(scenario)[1].loads.load_us.min())

    # The block comes at 2h; a listing of 1h50m that is still there serves at 2h10m.
    assert first_load_us(shared=False) == us("2h10m")
    assert first_load_us(shared=True) == us("3h10m")


def test_what_the_cache_does_not_answer_may_fail() -> None:
    rig = Rig(error_rate=1.0)
    memory = cache(absent="10m")
    block, reader = rig.block(0, 2), client(rig, memory)
    with pytest.raises(RequestFailed) as caught:
        reader.raise_if_failing("get", block, INDEX, 0)
    assert caught.value.args == ("get", f"{block.id}/index")
    memory.existence.note((block.index, INDEX), Answer(0, us("10m"), 0, False))
    reader.raise_if_failing("get", block, INDEX, us("1m"))
    with pytest.raises(RequestFailed):
        reader.raise_if_failing("get", block, INDEX, us("10m"))


def test_a_get_is_served_as_long_as_the_answer_or_the_absence_is_remembered() -> None:
    rig = Rig()
    memory = cache(absent="10m", content="4m")
    block, reader = rig.block(0, 2), client(rig, memory)
    assert reader.get_serves_until_us(block, META) <= 0
    assert reader.get(block, META, 0) is None
    assert reader.get_serves_until_us(block, META) == us("10m")
    rig.put(block)
    rig.go("10m")
    assert reader.get(block, META, us("10m")) is not None
    assert reader.get_serves_until_us(block, META) == us("14m")
