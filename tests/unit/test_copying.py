"""Buckets that are copied from another one (S10), and order by key (S2)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.rules.conditions import Conditions
from sim.analysis.rules.rule import Status
from sim.analysis.rules.safety import safe_delay_us
from sim.core.units import NEVER, format_duration
from sim.errors import ScenarioError
from sim.model.blocks.catalog import Block
from sim.model.computed.conditions import is_computable
from sim.model.store.visibility import GET, LIST
from sim.scenario.load import build
from sim.scenario.schema import Scenario
from sim.trace.records import DeleteRecord, PutRecord
from tests.worlds import Rig, lag, marks, us, world

CHUNK, INDEX, META, MARK = range(4)
COPY: dict[str, Any] = {"replicas": 2, "primary": True}


def copied(omits: list[str] | None = None, bandwidth: str | None = None, **store: Any) -> Rig:
    return Rig(**COPY, replication={"omits": omits, "bandwidth": bandwidth}, **store)


def arrivals(rig: Rig) -> list[str]:
    """When the copy shows each object of each change, in order."""
    changes = [r for r in rig.trace().records if isinstance(r, PutRecord | DeleteRecord)]
    assert all(r.get == r.list and set(r.get[::2]) == {r.t_us} for r in changes)
    return [
        "never" if t == NEVER else format_duration(t)
        for change in changes
        for t in change.get[1::2]
    ]


def test_a_copy_shows_a_change_in_both_planes_at_once_and_the_bucket_now() -> None:
    law = {"law": "uniform", "low": "1h", "high": "2h"}
    rig = copied(lag={"create": {"get": law}, "delete": {"get": "5m"}})
    block = rig.block(0, 2)
    rig.go("1h")
    rig.put(block)
    rig.go("9h")
    rig.store.delete(block, (META,))
    draws = [
        rig.streams.uniform("lag", f"{block.id}/{name}", 0, 1, "get")
        for name in ("chunks/000001", "index", "meta.json")
    ]
    hour = us("1h")
    expected = [format_duration(2 * hour + int(hour * u + 0.5)) for u in draws]
    assert arrivals(rig) == [*expected, "9h5m"]


@pytest.mark.parametrize(
    ("omits", "expected"),
    [
        (None, ["0s"] * 4 + ["1h", "1h", "2h", "2h"]),
        (["deletes"], ["0s"] * 4 + ["never"] * 2 + ["2h", "never"]),
        (["marks"], ["0s"] * 3 + ["never", "1h", "never", "never", "2h"]),
        (["marks", "deletes"], ["0s"] * 3 + ["never"] * 5),
    ],
)
def test_what_is_left_out_never_arrives(omits: list[str] | None, expected: list[str]) -> None:
    rig = copied(omits)
    block = rig.block(0, 2)
    rig.put(block)
    rig.mark(block)
    rig.go("1h")
    rig.store.delete(block, (CHUNK, MARK))
    rig.go("2h")
    rig.mark(block)
    rig.store.delete(block, (INDEX,))
    assert arrivals(rig) == expected
    shown = [rig.store.shown(block, CHUNK, p, r, us("3h")) for p in (GET, LIST) for r in (0, 1)]
    stays = omits is not None and "deletes" in omits
    assert [version is not None for version in shown] == [False, stays, False, stays]
    assert rig.store.shown(block, MARK, GET, 0, us("3h")) is not None


def put_in_turn(rig: Rig, *blocks: tuple[str, Block]) -> None:
    for at, block in blocks:
        rig.go(at)
        rig.put(block)


def test_what_is_large_delays_what_is_behind_it() -> None:
    # Blocks have 100 bytes in two chunks: 10s for each at 5 bytes a second.
    rig = copied(bandwidth="5B", chunk_files=2, lag={"create": {"get": "1s"}})
    one, two, three = rig.block(0, 2), rig.block(2, 4), rig.block(4, 6)
    put_in_turn(rig, ("1h", one), ("1h5s", two), ("1h30s", three))
    rig.go("1h45s")
    rig.store.delete(one, (META,))
    assert arrivals(rig) == [
        *("1h11s", "1h21s", "1h21s", "1h21s"),
        *("1h31s", "1h41s", "1h41s", "1h41s"),
        # Free at 1h40s.
        *("1h51s", "1h1m1s", "1h1m1s", "1h1m1s"),
        "61m",
    ]


def test_of_one_instant_no_stream_waits_for_another_and_what_follows_waits_for_all() -> None:
    rig = copied(bandwidth="10B")
    one, two, three = (rig.block(0, 2, stream=s) for s in range(3))
    put_in_turn(rig, ("1h", one), ("1h", two), ("1h1s", three))
    first = [t for t, part in zip(arrivals(rig), range(9), strict=True) if part % 3 == 0]
    assert first == ["1h10s", "1h10s", "1h30s"]


def test_what_is_left_out_holds_up_nothing() -> None:
    rig = copied(["deletes"], order="log", bandwidth="10B")
    one, two = rig.block(0, 2), rig.block(2, 4)
    rig.put(one)
    rig.go("1h")
    rig.store.delete(one, rig.whole())
    rig.put(two)
    assert arrivals(rig) == ["10s"] * 3 + ["never"] * 3 + ["1h10s"] * 3


def test_in_the_order_of_each_key_only_its_own_versions_wait() -> None:
    rig = Rig(order="key", lag=lag(create_get="1h", delete_get="1m"))
    block = rig.block(0, 2)
    rig.store.put(block, (INDEX, META))
    rig.go("30m")
    rig.store.delete(block, (META,))
    rig.go("2h")
    rig.store.delete(block, (INDEX,))
    assert rig.story() == [
        "0h put 0: index meta get@1h,1h list@0h,0h",
        "30m delete 0: meta get@1h list@30m",
        "2h delete 0: index get@2h1m list@2h",
    ]


REPLICATED = {**COPY, "lag": {kind: {"get": "10m"} for kind in ("create", "overwrite", "delete")}}


def with_copy(scheme: dict[str, Any] | None = None, **replication: Any) -> Scenario:
    store = {**REPLICATED, "replication": replication}
    waits = {"consistency_delay": "11m"}
    schemes = [marks("12h", "6h") if scheme is None else scheme]
    return world(store=store, schemes=schemes, warmup="2h", gateways=waits)


def of_reads(scenario: Scenario) -> list[Status]:
    """Of blocks hidden by marks, blocks that are replaced, and files that show."""
    return [rule.status for rule in Conditions(scenario, 0, None).reads()]


def test_rules_count_a_lag_that_is_bounded_and_prove_nothing_of_the_rest() -> None:
    holds, may_break = Status.HOLDS, Status.OPEN
    assert of_reads(with_copy()) == [holds] * 3
    # A backlog may be any, and a mark that does not come hides nothing.
    assert holds not in of_reads(with_copy(bandwidth="1MB"))
    assert of_reads(with_copy(omits=["marks"])) == [may_break, may_break, holds]


def test_where_no_deletion_arrives_any_delay_is_long_enough() -> None:
    scenario = with_copy(omits=["deletes", "marks"], scheme=marks("0s", "6h"))
    assert of_reads(scenario) == [Status.HOLDS] * 3
    assert safe_delay_us(scenario, 0) == 0.0
    assert of_reads(with_copy(scheme=marks("0s", "6h")))[0] is Status.BROKEN


NAMED = {**COPY, "replication": {"omits": ["marks"]}}


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (
            {"replicas": 2, "replication": {}},
            "store.primary=False must be true with replication, which copies it; "
            "see store.replication={}",
        ),
        (
            NAMED | {"acks": 1},
            "store.acks=1 must be 0 with replication, which comes later; "
            'see store.replication={omits = ["marks"]}',
        ),
        (
            NAMED | {"lag": {"create": {"list": "1m"}}},
            "store.lag.create.list='1m' must be \"0s\" with replication; "
            'a copy is listed as soon as it can be read; see store.replication={omits = ["marks"]}',
        ),
        (
            NAMED | {"replication": {"bandwidth": "0B"}},
            "store.replication.bandwidth='0B' must be above 0B",
        ),
    ],
)
def test_a_copy_needs_a_bucket_that_is_current(store: dict[str, Any], message: str) -> None:
    scenario = world(schemes=[marks("12h", "6h")])
    with pytest.raises(ScenarioError) as caught:
        build(scenario.raw() | {"store": store})
    assert [str(problem) for problem in caught.value.problems] == [message]


def test_a_file_takes_back_what_a_profile_leaves_out() -> None:
    store = {"profile": "s3-replication", "replication": {"omits": []}}
    copies = world(store=store).store.replication
    assert copies is not None
    assert copies.leaves_out == ()


def test_copies_are_left_to_actors() -> None:
    assert is_computable(world(schemes=[marks("12h", "6h")]), 0)
    store = {**COPY, "replication": {"omits": ["marks"]}}
    assert not is_computable(world(store=store, schemes=[marks("12h", "6h")]), 0)
