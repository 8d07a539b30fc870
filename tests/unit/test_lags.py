"""Lags that are others for a while, and replicas that no change reaches (F7, F8)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.curve.feedback import feedback
from sim.model.store.visibility import GET, LIST
from sim.scenario.dump import to_toml
from sim.scenario.load import load
from tests.worlds import Rig, lag, run, us, world

INDEX = 1


def hours(kind: str, start_h: int, end_h: int, **keys: Any) -> dict[str, Any]:
    return {"kind": kind, "at": f"{start_h}h", "lasts": f"{end_h - start_h}h", **keys}


def shown_m(rig: Rig, at: str, *, plane: int = GET) -> list[int]:
    """When each replica shows an index that is put now, in minutes of the run."""
    block = rig.block(0, 2)
    rig.go(at)
    rig.store.put(block, (INDEX,))
    (version,) = block.history[INDEX]
    seen = version.get if plane == GET else version.list
    assert seen is not None
    return [t_us // us("1m") for t_us in seen]


def test_lags_are_others_while_it_holds() -> None:
    rig = Rig(lag=lag(create_get="10m"), faults=[hours("store-lags", 1, 2, lag="30m")])
    at = ["59m", "1h", "119m", "2h"]
    assert [shown_m(rig, t) for t in at] == [[69], [90], [149], [130]]


def test_lags_may_be_shorter_and_of_several_the_longest_counts() -> None:
    faults = [hours("store-lags", 1, 3, lag="1m"), hours("store-lags", 2, 3, lag="4m")]
    rig = Rig(lag=lag(create_get="10m"), faults=faults)
    assert [shown_m(rig, t) for t in ("1h", "2h")] == [[61], [124]]


@pytest.mark.parametrize(
    ("keys", "get_m", "list_m"),
    [
        ({"planes": "list"}, [60, 60, 60], [90, 90, 90]),
        ({"replicas": [0, 2]}, [90, 60, 90], [90, 60, 90]),
        ({"changes": "delete"}, [60, 60, 60], [60, 60, 60]),
        ({"changes": ["create", "overwrite"]}, [90, 90, 90], [90, 90, 90]),
    ],
)
def test_only_what_is_named_has_them(
    keys: dict[str, Any], get_m: list[int], list_m: list[int]
) -> None:
    fault = hours("store-lags", 1, 2, lag="30m", **keys)
    assert shown_m(Rig(replicas=3, faults=[fault]), "1h") == get_m
    assert shown_m(Rig(replicas=3, faults=[fault]), "1h", plane=LIST) == list_m


def test_the_draw_is_the_same_as_without_the_fault() -> None:
    law = {"law": "uniform", "low": "0s", "high": "1h"}
    usual = Rig(lag=lag(create_get=law))
    other = Rig(faults=[hours("store-lags", 1, 2, lag=law)], lag=lag(create_get="5m"))
    assert shown_m(usual, "1h") == shown_m(other, "1h")


def test_what_would_arrive_while_a_replica_is_cut_off_waits_for_the_end() -> None:
    rig = Rig(replicas=2, lag=lag(create_get="30m"), faults=[hours("cut-off", 1, 2, replicas=1)])
    at = ["29m", "30m", "89m", "90m"]
    assert [shown_m(rig, t) for t in at] == [[59, 59], [60, 120], [119, 120], [120, 120]]


def test_the_end_of_one_may_lie_in_another() -> None:
    faults = [hours("cut-off", a, b, replicas=0) for a, b in ((2, 4), (1, 3), (5, 6))]
    rig = Rig(faults=faults)
    assert [shown_m(rig, t) for t in ("1h", "4h", "5h")] == [[240], [240], [360]]


def test_what_acknowledges_is_not_cut_off() -> None:
    fault = hours("cut-off", 1, 2, replicas=[0, 1])
    for seed in range(5):
        rig = Rig(seed=seed, replicas=3, acks=1, lag=lag(create_get="5m"), faults=[fault])
        assert shown_m(rig, "1h") == [120, 120, 60]
        # Two are needed, and one of those that are cut off is taken, which says so later.
        rig = Rig(seed=seed, replicas=3, acks=2, lag=lag(create_get="5m"), faults=[fault])
        assert shown_m(rig, "1h") == [120, 120, 60]


def test_order_holds_after_a_cut() -> None:
    faults = [hours("cut-off", 1, 3, replicas=0)]
    rig = Rig(order="log", faults=faults)
    assert [shown_m(rig, t) for t in ("1h", "2h", "3h")] == [[180], [180], [180]]


def test_a_store_that_lags_at_times_is_no_strong_store() -> None:
    table = hours("store-lags", 1, 2, lag="1h", planes="list")
    scenario = world(faults=[table])
    assert load(to_toml(scenario)) == scenario
    assert not feedback(world())
    assert "the store shows changes late" in feedback(scenario)
    assert "the store lags otherwise at times" in feedback(scenario)


def test_readers_meet_what_a_cut_keeps_from_them() -> None:
    def loads(**keys: Any) -> list[int]:
        _, timelines = run(world(store={"replicas": 2, "read_from": "nearest"}, **keys))
        return sorted(set(timelines.loads.load_us.tolist()))

    cut = hours("cut-off", 3, 6, replicas=0)
    assert any(us("4h") < t_us < us("6h") for t_us in loads())
    assert not any(us("4h") < t_us < us("6h") for t_us in loads(faults=[cut]))
