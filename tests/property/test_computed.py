"""Plain worlds: arrays must write down what actors would have done, record by record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Literal

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from sim.errors import DeterminismError
from sim.model.computed import world as computed_world
from sim.model.computed.conditions import NotComputableError, is_computable
from sim.model.computed.groups import Members, Piece
from sim.model.computed.syncs import Reading, reading
from sim.model.computed.world import computed_records
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.schemes.plain import Unheld
from sim.study.run import run_trial
from sim.trace.recorder import Trace
from sim.trace.records import Record
from tests.worlds import AT_ONCE, marks, world

# A world is simulated twice for each.
few = settings(max_examples=max(10, settings().max_examples // 2))


def durations(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


def laws(*texts: str, mean: str) -> st.SearchStrategy[Any]:
    drawn = {"law": "exponential", "mean": mean}
    even = {"law": "uniform", "low": "0s", "high": mean}
    return st.sampled_from([*texts, drawn, even])


@st.composite
def schemes(draw: st.DrawFn) -> dict[str, Any]:
    hide = draw(durations("0s", "7m", "1h", "10h"))
    delays = durations("0s", "1s", "10m", "2h", "9h")
    kept = {"kind": "composed", "delete": {"kind": "never"}}
    marked = {"record": "mark", "hide": {"kind": "mark-age", "after": hide}}
    tolerant = {"kind": "composed", "miss": {"kind": "tolerate"}}
    return draw(
        st.sampled_from(
            [
                {"kind": "immediate"},
                tolerant,
                {
                    "kind": "deletion-mark",
                    "delete_delay": draw(delays),
                    "ignore_deletion_marks_delay": hide,
                },
                kept,
                {**kept, **marked},
            ]
        )
    )


@st.composite
def computable_worlds(draw: st.DrawFn) -> Scenario:
    producers = {
        "count": draw(st.integers(1, 4)),
        "chunk_files": draw(st.sampled_from([1, 3])),
        "upload_after": draw(laws("0s", "0s", "1m", mean="20m")),
    }
    compactor = {
        "ranges": draw(st.sampled_from([["2h"], ["2h", "8h"], ["2h", "4h", "8h", "2d"]])),
        "downsampling": draw(st.booleans()),
        "consistency_delay": draw(durations("0s", "5m", "30m")),
        "compaction_takes": draw(laws("0s", "1m", "20m", mean="10m")),
        "downsampling_takes": draw(laws("0s", "1m", mean="10m")),
        "wait_interval": draw(laws("5m", "7m", "1h", mean="20m")),
        "cleanup": draw(durations("in-pass", "end-of-pass", "every 5m", "every 31m")),
        "progress_interval": draw(durations("0s", "5m", "11m")),
        "asks_index_size": draw(st.booleans()),
        "remember_marks": draw(st.booleans()),
        "deletion_order": draw(st.sampled_from(["meta-first", "as-listed"])),
        "size_ratio": draw(st.sampled_from([1.0, 0.7])),
    }
    if draw(st.booleans()):
        # What is downsampled must be kept until it is.
        least = "2d" if compactor["downsampling"] else "6h"
        kept = draw(durations(least, "3d"))
        compactor["retention"] = {"raw": kept, "5m": "0d", "1h": "3d"}
    compactor["count"] = draw(st.sampled_from([1, 1, 2, 3]))
    compactor["concurrency"] = draw(st.sampled_from([None, None, 2, 3]))
    gateways = {
        "count": draw(st.sampled_from([1, 2, 4])),
        "sync_interval": draw(laws("3m", "15m", "2h", mean="20m")),
        "sync_takes": draw(laws("0s", "20s", "20m", mean="3m")),
        "sync_stages": {"load": draw(st.sampled_from([0.0, 0.5, 1.0]))},
        "phase": draw(st.sampled_from(["uniform", "0s", "1m"])),
        "consistency_delay": draw(durations("0s", "10m", "3h")),
    }
    gateways["shards"] = draw(st.sampled_from([1, gateways["count"]]))
    copies = {"replicas": 3, "read_from": draw(st.sampled_from(["sticky", "nearest"]))}
    stores = [{}, copies, {**copies, "primary": True}, {**copies, "acks": 1}]
    return world(
        store=draw(st.sampled_from(stores)),
        horizon=draw(durations("10h", "31h", "4d", "9d")),
        warmup=draw(durations("0s", "9h")),
        seed=draw(st.integers(0, 99)),
        producers=producers,
        compactor=compactor,
        gateways=gateways,
        schemes=[{"name": "the scheme", **draw(schemes())}],
    )


def check_same(computed: Sequence[Record], acted: Trace) -> None:
    """Compare record by record: the difference of long tuples takes minutes to show."""
    for number, (one, other) in enumerate(zip_longest(computed, acted.records)):
        if one != other:
            raise AssertionError(f"record {number}: {str(one)[:200]} or {str(other)[:200]}")


@few
@given(computable_worlds())
def test_arrays_and_actors_make_the_same_records(scenario: Scenario) -> None:
    assert is_computable(scenario, 0)
    try:
        records = computed_records(scenario, 0, scenario.streams(scenario.seed))
    except NotComputableError as reason:
        event(f"actors act: {reason}")
        return
    event("arrays do")
    acted = simulate(scenario, 0, 0, step_by_step=True)
    check_same(records, acted)
    assert simulate(scenario, 0, 0).digest == acted.digest


RICH: dict[str, Any] = {
    "horizon": "4d",
    "warmup": "9h",
    "producers": {"count": 3, "upload_after": {"law": "exponential", "mean": "4m"}},
    "compactor": {
        "ranges": ["2h", "8h", "2d"],
        "downsampling": True,
        "consistency_delay": "5m",
        "compaction_takes": {"law": "uniform", "low": "0s", "high": "20m"},
        "progress_interval": "11m",
        "asks_index_size": True,
        "retention": {"raw": "2d", "5m": "0d", "1h": "3d"},
    },
    "gateways": {
        "count": 4,
        "shards": 2,
        "sync_interval": "7m",
        "phase": "uniform",
        "sync_takes": "90s",
    },
}


@pytest.mark.parametrize("cleanup", ["in-pass", "end-of-pass", "every 31m"])
@pytest.mark.parametrize("scheme", [AT_ONCE, marks("2h", "1h")])
def test_a_world_with_everything_is_computed_as_acted(scheme: dict[str, Any], cleanup: str) -> None:
    check_rich(scheme, cleanup=cleanup)


@pytest.mark.parametrize("scheme", [AT_ONCE, marks("2h", "1h")])
def test_several_compactors_are_computed_as_acted(scheme: dict[str, Any]) -> None:
    check_rich(scheme, cleanup="every 11m", count=2)


@pytest.mark.parametrize("scheme", [AT_ONCE, marks("2h", "1h")])
def test_several_groups_at_a_time_are_computed_as_acted(scheme: dict[str, Any]) -> None:
    check_rich(scheme, cleanup="in-pass", concurrency=2)


def check_rich(scheme: dict[str, Any], **settings_of_compactor: Any) -> None:
    compactor = {**RICH["compactor"], **settings_of_compactor}
    scenario = world(**{**RICH, "compactor": compactor}, schemes=[scheme])
    records = computed_records(scenario, 0, scenario.streams(scenario.seed))
    check_same(records, simulate(scenario, 0, 0, step_by_step=True))


EITHER = [{"weight": 1, "law": "constant", "value": each} for each in ("0s", "1m")]
LATE_HIDE = {
    "name": "s",
    "kind": "composed",
    "record": "mark",
    "hide": {"kind": "mark-age", "after": "2h"},
    "delete": {"kind": "after", "delay": "1h"},
}
LATE = {"upload_after": {"law": "uniform", "low": "0s", "high": "9h"}}


@pytest.mark.parametrize(
    ("reason", "overrides"),
    [
        ("a block waits for the one before it", {"producers": LATE}),
        (
            "producers act together twice",
            {"producers": {"count": 3, "upload_after": {"law": "mixture", "parts": EITHER}}},
        ),
        (
            "a block is made again",
            {
                "horizon": "17d",
                "compactor": {
                    "ranges": ["2h", "8h", "2d", "14d"],
                    "downsampling": True,
                    "retention": {"raw": "0d", "5m": "0d", "1h": "9h"},
                },
            },
        ),
        (
            "what may be gone is worked on",
            {
                "horizon": "9d",
                "seed": 205,
                "producers": {
                    "count": 2,
                    "upload_after": {"law": "uniform", "low": "0s", "high": "50m"},
                },
                "compactor": {
                    "ranges": ["2h", "4h", "8h", "2d"],
                    "retention": {"raw": "4h"},
                    "compaction_takes": "20m",
                    "wait_interval": "1m",
                    "cleanup": "end-of-pass",
                },
                "schemes": [marks("20m", "0s")],
            },
        ),
        (
            "gateways act together twice",
            {
                "gateways": {
                    "count": 2,
                    "sync_interval": "10m",
                    "phase": "0s",
                    "sync_takes": {"law": "mixture", "parts": EITHER},
                }
            },
        ),
    ],
)
def test_what_arrays_do_not_know_is_left_to_actors(reason: str, overrides: dict[str, Any]) -> None:
    scenario = world(**{"horizon": "3d", **overrides})
    assert is_computable(scenario, 0)
    with pytest.raises(NotComputableError, match=reason):
        computed_records(scenario, 0, scenario.streams(scenario.seed))
    acted = simulate(scenario, 0, 0, step_by_step=True)
    assert simulate(scenario, 0, 0).digest == acted.digest


@pytest.mark.parametrize(
    "overrides",
    [
        {"store": {"lag": {"create": {"list": "1s"}}}},
        {"store": {"lag": {"delete": {"get": {"law": "exponential", "mean": "1s"}}}}},
        {"store": {"replicas": 3, "order": "log"}},
        {"store": {"error_rate": 0.001}},
        {"store": {"lost_answer_rate": 0.001}},
        {"store": {"negative_cache": "1m"}},
        {"faults": [{"kind": "crash", "who": "compactor", "at": "1h", "lasts": "1m"}]},
        {"interventions": [{"kind": "mark", "at": "9h", "stream": 0}]},
        {"producers": {"upload_takes": "1m"}},
        {"producers": {"names": "nothing"}, "compactor": {"vertical_compaction": True}},
        {"producers": {"memory": "lost"}},
        {"producers": {"unuploaded": "dropped"}},
        {"compactor": {"sync_takes": "1s"}},
        {"compactor": {"download_takes": "1s"}},
        {"compactor": {"upload_takes": "1s"}},
        {"compactor": {"delete_takes": "1s"}},
        {"compactor": {"count": 2, "shards": 1}},
        {"gateways": {"sync_takes": "1m", "sync_stages": {"marks": 0.5}}},
        {"gateways": {"count": 2, "shards": 2, "shard_by": "block"}},
        {"compactor": {"retention": {"raw": "3d"}}, "schemes": [LATE_HIDE]},
        {"gateways": {"sync_takes_per_block": "1ms"}},
        {"schemes": [{"name": "s", "kind": "composed", "record": "memory"}]},
        {"schemes": [{"name": "s", "kind": "composed", "hide": "gone"}]},
        {"schemes": [{"name": "s", "kind": "composed", "hold": "leases"}]},
        {"schemes": [{"name": "s", "kind": "composed", "learn": "bucket-index"}]},
        {"schemes": [{"name": "s", "kind": "composed", "miss": "resync"}]},
    ],
    ids=str,
)
def test_a_world_that_is_not_computable_is_acted(overrides: dict[str, Any]) -> None:
    assert not is_computable(world(**overrides), 0)
    assert is_computable(world(), 0)


class Held(Unheld):
    """A hold of somebody else, which inherits what it does not say."""

    kind: Literal["tests:Held"] = "tests:Held"  # type: ignore[assignment]


def test_a_scheme_of_somebody_else_is_acted() -> None:
    scenario = world(schemes=[marks("1h", "30m")])
    own = scenario.schemes[0].composed.model_copy(update={"hold": Held()})
    assert is_computable(scenario, 0)
    assert not is_computable(scenario.model_copy(update={"schemes": (own,)}), 0)


def test_a_checked_run_compares_arrays_with_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = world(schemes=[AT_ONCE])
    run_trial(scenario, 0, 0, check=True)

    def later(*arguments: Any) -> Reading:
        found = reading(*arguments)
        return replace(found, load=found.load + 1)

    monkeypatch.setattr(computed_world, "reading", later)
    with pytest.raises(DeterminismError):
        run_trial(scenario, 0, 0, check=True)


def piece(first: int, end: int) -> Piece:
    return Piece(
        index=first,
        group=(0, 1),
        first=first,
        end=end,
        length_us=1,
        level=1,
        created_us=0,
        size_bytes=1,
    )


def test_a_group_takes_in_what_contains_its_blocks_and_refuses_what_overlaps_them() -> None:
    members = Members()
    for bounds in ((0, 2), (2, 4), (4, 6)):
        assert members.take_in(piece(*bounds)) == []
    assert [one.first for one in members.take_in(piece(0, 4))] == [0, 2]
    assert [(one.first, one.end) for one in members] == [(0, 4), (4, 6)]
    for bounds in ((3, 6), (0, 5)):
        with pytest.raises(NotComputableError, match="overlap"):
            members.take_in(piece(*bounds))
