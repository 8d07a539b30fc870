"""The store, the ticker and the planner of the reference, each alone and by hand."""

from __future__ import annotations

import pytest

from sim.core.laws import Constant, Uniform
from tests.reference.cleaner import CLEANING, Cleaner, Process
from tests.reference.client import Client, RequestFailed
from tests.reference.handmade import IMMEDIATE, lag, marks, us, world
from tests.reference.planner import overlapping, plan, share_sources
from tests.reference.queries import Question
from tests.reference.store import Store
from tests.reference.view import duplicates
from tests.reference.world import PRODUCERS, Block, Steps, Ticker, World


def tiny(*more: str, **changes: str) -> tuple[World, Store]:
    scenario = world(IMMEDIATE, *more, **changes)
    plain = World(scenario, scenario.schemes[0], scenario.seed)
    return plain, Store(plain)


def script(plain: World, store: Store, *steps: tuple[str, str, bool]) -> None:
    """Acknowledge (when, key, is a put) one after another."""

    def run() -> Steps:
        for when, key, is_put in steps:
            yield plain.at(us(when), PRODUCERS)
            store.change(key, is_put=is_put)

    plain.process(run())
    plain.run()


def shown(store: Store, key: str, replica: int, when: str) -> int | None:
    version = store.shown(key, "get", replica, us(when))
    return None if version is None else version.number


def test_create_overwrite_and_delete_lag_differently() -> None:
    laws = lag(create_get="10s", overwrite_get="5s", delete_get="2s", create_list="1m")
    plain, store = tiny(laws)
    script(plain, store, ("1h", "a/x", True), ("2h", "a/x", True), ("3h", "a/x", False))
    script(plain, store, ("4h", "a/x", True))
    assert [v.visible_us["get"] for v in store.versions["a/x"]] == [
        (us("1h10s"),),
        (us("2h5s"),),
        (us("3h2s"),),
        (us("4h10s"),),
    ]
    assert store.shown("a/x", "list", 0, us("1h59s")) is None
    assert store.shown("a/x", "list", 0, us("1h1m")) is not None
    assert [shown(store, "a/x", 0, t) for t in ("1h9s", "1h10s", "2h5s", "3h1s", "3h2s")] == [
        None,
        0,
        1,
        1,
        None,
    ]


def test_a_later_version_hides_an_earlier_one_that_arrives_after_it() -> None:
    plain, store = tiny(lag(create_get="10s", delete_get="2s"))
    script(plain, store, ("1h", "a/x", True), ("1h1s", "a/x", False))
    assert [shown(store, "a/x", 0, t) for t in ("1h2s", "1h3s", "1h10s", "2h")] == [None] * 4


def test_in_log_order_nothing_overtakes() -> None:
    plain, store = tiny(lag(create_get="10s", delete_get="2s"), store_order='"log"')
    script(plain, store, ("1h", "a/x", True), ("1h1s", "a/x", False), ("1h2s", "b/x", True))
    instants = [v.visible_us["get"] for key in ("a/x", "b/x") for v in store.versions[key]]
    assert instants == [(us("1h10s"),), (us("1h10s"),), (us("1h12s"),)]


def test_acknowledging_replicas_and_the_primary_do_not_lag() -> None:
    laws = lag(create_get="10s")
    plain, store = tiny(laws, store_replicas="3", store_acks="2")
    script(plain, store, ("1h", "a/x", True))
    assert sorted(store.versions["a/x"][0].visible_us["get"]) == [us("1h"), us("1h"), us("1h10s")]
    plain, store = tiny(laws, store_replicas="3", store_primary="true")
    script(plain, store, ("1h", "a/x", True))
    assert store.versions["a/x"][0].visible_us["get"] == (us("1h"), us("1h10s"), us("1h10s"))


def test_candidates_of_each_client() -> None:
    plain, store = tiny(store_replicas="3", store_primary="true", store_read_from='"nearest"')
    gateways = [Client(plain, store, f"gateway/{g}", g) for g in range(3)]
    assert [client.replica("get", "a/x") for client in gateways] == [1, 2, 1]
    assert Client(plain, store, "compactor").replica("get", "a/x") == 0
    plain, store = tiny(store_replicas="3", store_read_from='"nearest"')
    assert Client(plain, store, "gateway/4", 4).replica("list", "") == 1


def test_absent_at_one_instant_is_not_always_shown() -> None:
    plain, store = tiny(lag(create_get="10s", delete_get="2s"))
    script(plain, store, ("1h", "a/x", True), ("2h", "a/x", False), ("2h5s", "a/x", True))
    assert store.always_shown("a/x", 0, us("1h10s"), us("2h1s"))
    assert not store.always_shown("a/x", 0, us("1h9s"), us("2h"))
    assert not store.always_shown("a/x", 0, us("2h"), us("2h2s"))
    assert not store.always_shown("a/x", 0, us("2h"), us("3h"))
    assert store.always_shown("a/x", 0, us("2h15s"), us("3h"))


def test_quorum_lag() -> None:
    # A read waits for node 0 (all answer alike, ties go by number), a write for the faster of
    # two: the lag is what node 0 is behind, in either plane.
    legs = 'write = { law = "uniform", low = "0s", high = "10s" }\n'
    legs += "".join(f'{leg} = "0s"\n' for leg in ("ack", "read", "response"))
    plain, store = tiny(f"\n[store.quorum]\nn = 2\nr = 1\nw = 1\n{legs}")
    keys = [f"{name}/index" for name in "abcdef"]
    script(plain, store, *(("1h", key, True) for key in keys))
    behind_us = []
    for key in keys:
        uniforms = [plain.streams.uniform("wars", key, 0, "get", "write", i) for i in (0, 1)]
        write_us = [int(10_000_000 * u + 0.5) for u in uniforms]
        behind_us.append(write_us[0] - min(write_us))
        assert store.versions[key][0].visible_us["get"] == (us("1h") + behind_us[-1],)
    assert min(behind_us) == 0 < max(behind_us)


def test_the_ticker_keeps_its_grid_and_one_missed_tick() -> None:
    plain, _ = tiny()
    ticker = Ticker(plain, Constant(value_us=10), 3, ("compactor",))
    assert ticker.next_us(3, 3) == 13
    assert ticker.next_us(3, 12) == 13
    assert ticker.next_us(3, 13) == 13
    # Ticks 13, 23, 33 are missed; one is kept, so that the run after it waits for the grid.
    assert ticker.next_us(3, 35) == 35
    assert ticker.next_us(35, 36) == 43
    assert ticker.next_us(35, 43) == 43


def test_a_drawn_interval_counts_from_the_start_of_the_run() -> None:
    plain, _ = tiny()
    ticker = Ticker(plain, Uniform(low_us=100, high_us=200), 0, ("gateway", 0))
    drawn = 100 + int(100 * plain.streams.uniform("gateway", 0, "interval", 1_000) + 0.5)
    assert ticker.next_us(1_000, 1_050) == 1_000 + drawn
    assert ticker.next_us(1_000, 5_000) == 5_000


def test_failing_reads_and_writes() -> None:
    plain, store = tiny(store_error_rate="1.0")
    client = Client(plain, store, "compactor")
    for request in (client.list_blocks, lambda: client.head("a/x"), lambda: client.put("a/x", 0)):
        with pytest.raises(RequestFailed):
            request()
    assert store.versions == {}
    assert client.head_many([]) == {}
    plain, store = tiny(store_lost_answer_rate="1.0")
    with pytest.raises(RequestFailed):
        Client(plain, store, "compactor").put("a/x", 0)
    assert store.newest_is_put("a/x")


def blocks_of(*spans: tuple[int, int]) -> list[Block]:
    plain, _ = tiny()
    return [
        plain.new_block(
            stream=0,
            resolution=0,
            min_us=low,
            max_us=high,
            level=1,
            sources=frozenset(range(low, high)),
            data=frozenset(range(low, high)),
            created_us=high,
            chunk_files=1,
        )
        for low, high in spans
    ]


@pytest.mark.parametrize(
    ("spans", "planned"),
    [
        ([(0, 2), (2, 4), (4, 6), (6, 8)], []),
        ([(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)], [(0, 2), (2, 4), (4, 6), (6, 8)]),
        # A hole does not matter if the window is spanned, or is over.
        ([(0, 2), (6, 8), (8, 10)], [(0, 2), (6, 8)]),
        ([(0, 2), (2, 4), (8, 10), (10, 12)], [(0, 2), (2, 4)]),
        ([(0, 2), (2, 4), (8, 10)], []),
        # Over means that the newest that is left begins at its end, or later.
        ([(2, 4), (4, 8), (8, 10), (10, 12)], [(2, 4), (4, 8)]),
        # One block is nothing to compact; the next range takes what the first left.
        ([(0, 8), (8, 16), (16, 18)], []),
        ([(0, 8), (8, 16), (16, 24), (24, 32), (32, 34)], [(0, 8), (8, 16), (16, 24), (24, 32)]),
    ],
)
def test_plan(spans: list[tuple[int, int]], planned: list[tuple[int, int]]) -> None:
    assert [(b.min_us, b.max_us) for b in plan(blocks_of(*spans), (2, 8, 32))] == planned


def test_overlapping() -> None:
    assert not overlapping(blocks_of((0, 2), (2, 4), (4, 6)))
    first, second, third = blocks_of((0, 2), (2, 10), (4, 6))
    assert overlapping([third, second, first]) == [second, third]
    blocks = blocks_of((0, 10), (2, 4), (4, 6), (10, 12))
    assert overlapping(blocks) == blocks[:3]


def test_blocks_share_sources_if_two_of_them_have_one_in_common() -> None:
    apart = blocks_of((0, 2), (2, 4), (4, 6))
    assert not share_sources(apart)
    assert share_sources([*apart, *blocks_of((0, 4))])


def test_duplicates() -> None:
    whole, same, part, beside = blocks_of((0, 8), (0, 8), (2, 4), (7, 9))
    assert duplicates([part, same, whole, beside]) == [part, same]
    assert duplicates([part, beside]) == []


def test_a_query_overlaps_half_open_intervals() -> None:
    question = Question(0, frozenset({0}), 10, 20, range(1))
    spans = ((8, 10), (8, 11), (12, 13), (19, 22), (20, 22))
    overlap = [question.overlaps(block) for block in blocks_of(*spans)]
    assert overlap == [False, True, True, True, False]


def test_the_first_stamp_seen_is_remembered_while_the_block_is_active() -> None:
    scenario = world(marks("1h", "1h"))
    plain = World(scenario, scenario.schemes[0], 0)
    store = Store(plain)
    block = plain.new_block(
        stream=0,
        resolution=0,
        min_us=0,
        max_us=2,
        level=1,
        sources=frozenset({0}),
        data=frozenset({0}),
        created_us=2,
        chunk_files=1,
    )
    process = Process(plain, store)
    cleaner = Cleaner(process, CLEANING)
    remembered = []

    def run() -> Steps:
        for name in ("index", "meta.json"):
            store.change(block.key(name), is_put=True)
        for stamp in ("1h", "2h"):
            store.change(block.key("deletion-mark.json"), is_put=True, stamp_us=us(stamp))
            yield from cleaner.sync()
            remembered.append(dict(process.marked_us))
        store.change(block.key("meta.json"), is_put=False)
        yield from cleaner.sync()
        remembered.append(dict(process.marked_us))

    plain.process(run())
    plain.run()
    assert remembered == [{block.id: us("1h")}, {block.id: us("1h")}, {}]
