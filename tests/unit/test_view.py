"""What a component makes of a listing: checks, filters, deduplication, memory (G3, G4, C4)."""

from __future__ import annotations

import pytest

from sim.conventions.placement import Shards
from sim.core.streams import Streams
from sim.model.blocks.catalog import Block
from sim.model.views.listing import Bucket, Instants, SyncAborted
from sim.model.views.view import Filters, View
from sim.scenario.schema import Gateways
from tests.worlds import Rig, lag, us

CHUNK, INDEX, META, MARK = range(4)


def indices(blocks: list[Block]) -> list[int]:
    return [block.index for block in blocks]


def test_a_block_is_in_the_view_from_its_meta_on() -> None:
    rig = Rig()
    block, view = rig.block(0, 2), rig.view()
    rig.go("2h")
    rig.store.put(block, (CHUNK, INDEX))
    assert rig.sync(view) == []
    assert list(view.source.partial) == [0]
    rig.go("3h")
    rig.store.put(block, (META,))
    assert rig.sync(view) == [block]
    assert not view.source.partial
    rig.go("4h")
    rig.store.delete(block, (META,))
    assert rig.sync(view) == []
    assert list(view.source.partial) == [0]
    rig.store.delete(block, (CHUNK, INDEX))
    assert rig.sync(view) == []
    assert not view.source.partial


def test_the_planes_are_asked_each_for_its_own() -> None:
    rig = Rig(lag=lag(create_get="1h"))
    block, view = rig.block(0, 2), rig.view()
    rig.put(block)
    assert rig.sync(view) == []
    assert list(view.source.partial) == [0]
    rig.go("1h1us")
    assert rig.sync(view) == [block]
    rig = Rig(lag=lag(create_list="1h"))
    block, view = rig.block(0, 2), rig.view()
    rig.put(block)
    assert rig.sync(view) == []
    assert not view.source.partial
    rig.go("1h1us")
    assert rig.sync(view) == [block]


def test_consistency_delay_counts_from_the_upload_time_in_the_meta() -> None:
    rig = Rig()
    block, merged = rig.block(0, 2), rig.block(4, 12, level=2)
    view = rig.view(consistency_delay="30m")
    rig.go("2h")
    rig.store.put(block, rig.whole(), stamp_us=us("1h50m"))
    rig.store.put(merged, rig.whole(), stamp_us=us("2h"))
    seen = []
    for at in ("2h", "2h19m59s", "2h20m"):
        rig.go(at)
        seen.append(indices(rig.sync(view)))
    # A compacted block is exempt.
    assert seen == [[1], [1], [0, 1]]


def test_the_age_of_a_mark_is_exclusive_and_in_whole_seconds() -> None:
    rig = Rig()
    block, view = rig.block(0, 2), rig.view(mark_delay="1h")
    rig.put(block)
    rig.go("2h")
    rig.kernel.run(us("2h") + 999_999)
    rig.mark(block)
    seen = []
    for t_us in (us("2h") + 999_999, us("3h"), us("3h") + 1):
        if t_us > rig.kernel.now_us:
            rig.kernel.run(t_us)
        seen.append(indices(rig.sync(view)))
    # Stamped 2h0m0s: 1h old at 3h sharp, more than that from the next instant on.
    assert seen == [[0], [0], []]
    assert view.marks == {0: us("2h")}


def test_a_view_that_begins_at_the_hide_delay_sees_the_block() -> None:
    for age, seen in (("1h", [0]), ("1h0s1us", [])):
        rig = Rig()
        block = rig.block(0, 2)
        rig.put(block)
        rig.mark(block)
        rig.kernel.run(us(age))
        assert indices(rig.sync(rig.view(mark_delay="1h"))) == seen


def test_without_the_filter_marks_are_not_read() -> None:
    rig = Rig()
    block, view = rig.block(0, 2), rig.view()
    rig.put(block)
    rig.mark(block, stamp="0s")
    rig.go("9h")
    assert rig.sync(view) == [block]
    assert view.marks == {}
    assert rig.tally.records(0)[-1].counts[0] == 1  # the meta


@pytest.mark.parametrize(
    ("made", "wanted", "garbage"),
    [
        # (low, high, level, created) of each, in hours of data
        ([(0, 2, 1, ""), (2, 4, 1, ""), (0, 4, 2, "")], [2], [0, 1]),
        ([(0, 2, 1, ""), (4, 6, 1, ""), (0, 4, 2, "")], [1, 2], [0]),
        # Equal sources: the older one wins, by creation, then by order.
        ([(0, 4, 2, "9h"), (0, 4, 2, "8h")], [1], [0]),
        ([(0, 4, 2, "9h"), (0, 4, 2, "9h")], [0], [1]),
        # Overlap without containment.
        ([(0, 4, 2, ""), (2, 6, 2, "")], [0, 1], []),
        ([(0, 8, 3, ""), (0, 4, 2, ""), (0, 2, 1, "")], [0], [1, 2]),
    ],
)
def test_deduplication(
    made: list[tuple[int, int, int, str]], wanted: list[int], garbage: list[int]
) -> None:
    rig = Rig()
    blocks = [rig.block(lo, hi, level=level, created=at) for lo, hi, level, at in made]
    view = rig.view()
    # In whatever order they appear.
    for block in reversed(blocks):
        rig.put(block)
        rig.sync(view)
    assert indices(rig.sync(view)) == wanted
    assert sorted(view.garbage) == garbage


def test_streams_and_resolutions_do_not_hide_each_other() -> None:
    rig = Rig()
    small = rig.block(0, 2)
    other = rig.block(0, 4, level=2, stream=1)
    coarse = rig.block(0, 4, level=2, resolution=1)
    rig.put(small, other, coarse)
    assert rig.sync(rig.view()) == [small, other, coarse]


def test_a_block_whose_winner_is_hidden_or_gone_comes_back() -> None:
    rig = Rig()
    small, large, view = rig.block(0, 2), rig.block(0, 4, level=2), rig.view(mark_delay="1h")
    rig.put(small, large)
    assert rig.sync(view) == [large]
    rig.go("2h")
    rig.mark(large)
    assert rig.sync(view) == [large]
    rig.go("3h1s")
    assert rig.sync(view) == [small]
    assert not view.garbage
    rig.store.delete(large, (META,))
    assert rig.sync(view) == [small]


def test_a_hidden_source_is_no_garbage() -> None:
    rig = Rig()
    small, large, view = rig.block(0, 2), rig.block(0, 4, level=2), rig.view(mark_delay="1h")
    rig.put(small, large)
    rig.mark(small)
    assert rig.sync(view) == [large]
    # Its mark is known, so nobody marks it again; later it is hidden before deduplication.
    assert not view.garbage
    rig.go("2h")
    assert rig.sync(view) == [large]
    assert not view.garbage


def test_marks_are_remembered_until_the_block_is_no_longer_active() -> None:
    rig = Rig()
    block, view = rig.block(0, 2), rig.view(mark_delay="24h")
    rig.put(block)
    rig.mark(block, stamp="5s")
    rig.sync(view)
    rig.go("1h")
    rig.store.delete(block, (MARK,))
    rig.sync(view)
    rig.mark(block, stamp="1h")
    rig.sync(view)
    # As first seen.
    assert view.marks == {0: us("5s")}
    assert [b.index for b in view.due(us("5s"))] == []
    assert [b.index for b in view.due(us("5s") + 1)] == [0]
    rig.store.delete(block, (META,))
    rig.sync(view)
    assert view.marks == {}
    assert view.due(us("9h")) == []


@pytest.mark.parametrize(("remembers", "stamp"), [(True, "5s"), (False, "1h")])
def test_a_mark_that_is_written_again_is_as_old_as_first_seen_or_else_as_it_is(
    remembers: bool, stamp: str
) -> None:
    rig = Rig()
    block = rig.block(0, 2)
    filters = Filters(consistency_delay_us=0, mark_delay_us=us("24h"), remembers_marks=remembers)
    view = View(Bucket(rig.client()), filters)
    rig.put(block)
    rig.mark(block, stamp="5s")
    rig.sync(view)
    rig.go("1h")
    rig.mark(block)
    rig.sync(view)
    assert view.marks == {0: us(stamp)}
    assert view.due(us(stamp)) == []
    assert view.due(us(stamp) + 1) == [block]


def test_the_front_end_remembers_that_there_was_no_mark() -> None:
    rig = Rig(negative_cache="15m")
    block, view = rig.block(0, 2), rig.view(mark_delay="0s")
    rig.put(block)
    seen = {}
    # Syncs every 4m: asked at 0m, 16m, 32m, each time for 15m. Marked at 21m, stamped 0s.
    for minute in range(0, 52, 4):
        rig.go(f"{minute}m")
        if minute == 24:
            rig.mark(block, stamp="0s")
        seen[minute] = bool(rig.sync(view))
    assert [minute for minute, is_seen in seen.items() if not is_seen] == [32, 36, 40, 44, 48]


@pytest.mark.parametrize("first_look", [4, 12, 16, 20, 28])
def test_the_memory_is_the_same_however_seldom_it_is_looked_at(first_look: int) -> None:
    """What syncs ask for a quiet block is replayed when something about it changes."""
    rig = Rig(negative_cache="15m")
    block, view = rig.block(0, 2), rig.view(mark_delay="9h")
    rig.put(block)
    asked_us = 0
    for minute in range(0, 60, 4):
        rig.go(f"{minute}m")
        if minute == first_look:
            rig.mark(block)
        rig.sync(view)
        if minute * us("1m") >= asked_us + us("15m"):
            asked_us = minute * us("1m")
        is_known = minute >= first_look and asked_us >= first_look * us("1m")
        assert (0 in view.marks) == is_known, minute


def test_a_block_that_is_unlisted_for_a_sync_keeps_its_memory() -> None:
    # Deletes show in the listing at once, to a GET after an hour.
    rig = Rig(negative_cache="10m", lag=lag(delete_get="1h"))
    block, view = rig.block(0, 2), rig.view(mark_delay="0s")
    rig.put(block)
    for minute in (0, 4, 8, 12):
        rig.go(f"{minute}m")
        assert rig.sync(view) == [block]
    # The mark was asked for at 0m and at 12m: its absence is remembered until 22m.
    rig.go("13m")
    rig.store.delete(block, rig.whole())
    assert rig.sync(view) == []
    rig.go("14m")
    rig.mark(block, stamp="1s")
    assert rig.sync(view) == [block]
    rig.go("22m")
    assert rig.sync(view) == []


def test_finding_a_mark_uses_the_same_memory() -> None:
    rig = Rig(negative_cache="15m")
    block, view = rig.block(0, 2), rig.view(mark_delay="9h", gateway=None)
    rig.put(block)
    for minute in (0, 10, 20):
        rig.go(f"{minute}m")
        rig.sync(view)
    # Asked at 0m and at 20m, so unknown until 35m.
    rig.mark(block)
    found = [view.source.finds_mark(block, us(at)) for at in ("21m", "34m59s", "35m")]
    assert found == [False, False, True]


def test_an_aborted_sync_changes_nothing_and_the_next_catches_up() -> None:
    rig = Rig(faults=[{"kind": "store-errors", "at": "1h", "lasts": "1us", "error_rate": 1.0}])
    one, two, view = rig.block(0, 2), rig.block(2, 4), rig.view(mark_delay="0s")
    rig.put(one)
    assert rig.sync(view) == [one]
    rig.go("1h")
    rig.put(two)
    rig.mark(one, stamp="1s")
    with pytest.raises(SyncAborted) as caught:
        rig.sync(view)
    assert caught.value.args == ("list",)
    assert list(view.wanted) == [0]
    rig.go("2h")
    assert rig.sync(view) == [two]


def stage_of_abort(rig: Rig, view: View, t_us: int, rate: float) -> str:
    """What the rules say of a sync of one listed, active, unmarked block whose meta is known."""
    for kind in ("list", "head", "mark"):
        if rig.streams.uniform("error", "gateway/0", kind, t_us) < rate:
            return kind
    return ""


def test_every_batch_of_requests_has_one_draw() -> None:
    rig = Rig(faults=[{"kind": "store-errors", "at": "1us", "lasts": "1h", "error_rate": 0.3}])
    block, view = rig.block(0, 2), rig.view(mark_delay="9h")
    rig.put(block)
    rig.sync(view)
    met = set()
    for second in range(1, 60):
        rig.go(f"{second}s")
        rig.store.touched.append(block)
        expected = stage_of_abort(rig, view, us(f"{second}s"), 0.3)
        met.add(expected)
        try:
            rig.sync(view)
            stage = ""
        except SyncAborted as abort:
            stage = str(abort.args[0])
        assert stage == expected, second
    assert met == {"", "list", "head", "mark"}


def test_a_meta_that_cannot_be_read_makes_the_view_incomplete() -> None:
    rig = Rig(faults=[{"kind": "store-errors", "at": "1us", "lasts": "1h", "error_rate": 0.6}])
    one, two, view = rig.block(0, 2), rig.block(2, 4), rig.view()
    rig.put(one)
    rig.sync(view)
    rig.put(two)
    ends = set()
    for second in range(1, 80):
        rig.go(f"{second}s")
        try:
            rig.sync(view)
        except SyncAborted:
            assert list(view.wanted) == [0]
            continue
        assert list(view.wanted) == ([0] if view.source.is_incomplete else [0, 1])
        assert not view.source.partial
        ends.add(view.source.is_incomplete)
        if not view.source.is_incomplete:
            break
    assert ends == {True, False}


def test_stages_look_at_their_own_instants() -> None:
    rig = Rig()
    early, late = rig.block(0, 2), rig.block(2, 4)
    view = rig.view(mark_delay="0s")
    rig.put(early)
    rig.go("10m")
    rig.put(late)
    rig.store.delete(early, (META,))
    rig.go("20m")
    rig.mark(late, stamp="1s")
    # Listed at 5m, checked at 15m, marks read at 25m.
    rig.go("25m")
    view.sync(Instants(list_us=us("5m"), check_us=us("15m"), marks_us=us("25m")))
    assert list(view.wanted) == []
    assert list(view.source.partial) == [early.index]
    # Listed at 12m, checked at 15m, marks read at 18m: before the mark.
    other = rig.view(mark_delay="0s", gateway=1)
    other.sync(Instants(list_us=us("12m"), check_us=us("15m"), marks_us=us("18m")))
    assert list(other.wanted) == [late.index]
    # What this sync was too early to see is seen by the next without another change.
    rig.go("30m")
    assert rig.sync(other) == []


def test_a_view_of_a_shard_knows_its_streams_only() -> None:
    rig = Rig()
    blocks = [rig.block(0, 2, stream=stream) for stream in range(4)]
    rig.put(*blocks)
    shards = Shards(Gateways(count=2, shards=2), Streams(7))
    view = View(Bucket(rig.client(), shard=shards.shard(1)), rig.view().filters)
    assert rig.sync(view) == [blocks[1], blocks[3]]


def test_requests_of_a_sync_are_those_of_the_real_one() -> None:
    rig = Rig()
    blocks, view = [rig.block(2 * j, 2 * j + 2) for j in range(3)], rig.view(mark_delay="9h")
    rig.put(*blocks[:2])
    rig.store.put(blocks[2], (CHUNK,))
    for hour in (1, 2, 3):
        rig.go(f"{hour}h")
        rig.sync(view)
    get, head, listings, put, delete = rig.tally.records(0)[-1].counts
    # Each sync: one page, a HEAD per block, a GET of the mark of each active one; the metas once.
    assert (head, listings, put, delete, get) == (9, 3, 0, 0, 3 * 2 + 2)
