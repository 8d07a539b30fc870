"""Actors that stand still or take longer for a while (``SEMANTICS.md`` F9, F10)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.curve.feedback import feedback
from sim.analysis.rules.rule import Status
from sim.analysis.rules.safety import rules
from sim.trace.records import DeleteRecord, PutRecord, SyncsRecord
from sim.trace.timelines import Timelines
from tests.reference.test_agreement import differences
from tests.unit.test_scenario_rules import messages
from tests.worlds import faults_of, marks, run, us, world


def minutes(kind: str, start_m: int, end_m: int, who: Any = "any", **keys: Any) -> dict[str, Any]:
    return {"kind": kind, "who": who, "at": f"{start_m}m", "lasts": f"{end_m - start_m}m", **keys}


def puts_m(**tables: Any) -> list[float]:
    """When objects of the first block are put, in minutes."""
    trace, _ = run(world(horizon="4h", **tables))
    return [
        record.t_us / us("1m")
        for record in trace.records
        if isinstance(record, PutRecord) and record.block == 0
        for _ in record.objects
    ]


def syncs_m(who: str, **tables: Any) -> list[float]:
    """When an actor syncs, in minutes."""
    trace, _ = run(world(horizon="4h", **tables))
    syncs = next(r for r in trace.records if isinstance(r, SyncsRecord))
    at = zip(syncs.who, syncs.at_us, strict=True)
    return [t_us / us("1m") for number, t_us in at if syncs.actors[number] == who]


def test_what_is_due_in_a_pause_is_taken_at_its_end() -> None:
    faults = faults_of(minutes("pause", 10, 20), minutes("pause", 20, 25), minutes("pause", 40, 40))
    pace = faults.pace("compactor")
    due_m = [pace.due_us(us(f"{m}m")) // us("1m") for m in (9, 10, 19, 20, 25, 40)]
    assert due_m == [9, 25, 25, 25, 25, 40]
    assert not pace.is_steady


def test_of_several_slow_downs_the_slowest_counts_for_what_begins_in_them() -> None:
    slow = minutes("slow-down", 10, 30, factor=1.5), minutes("slow-down", 20, 30, factor=4.0)
    pace = faults_of(*slow).pace("compactor")
    assert [pace.lasts_us(7, us(f"{m}m")) for m in (9, 10, 20, 29, 30)] == [7, 10, 28, 28, 7]


def test_only_those_named_have_a_pace_and_people_have_none() -> None:
    faults = faults_of(minutes("pause", 0, 9, ["gateway/1", "producers"]))
    actors = ("gateway/0", "gateway/1", "producer/0", "compactor", "operator")
    assert [faults.pace(a).is_steady for a in actors] == [True, False, False, True, True]
    for_all = faults_of(minutes("pause", 0, 9), minutes("slow-down", 0, 9, factor=2.0))
    assert for_all.pace("operator").is_steady
    assert not for_all.pace("compactor").is_steady


def test_an_upload_goes_on_where_it_was() -> None:
    upload = {"upload_takes": "30m"}
    assert puts_m(producers=upload) == [130, 140, 150]
    # The first two fall into the pause, the last is due when it was.
    paused = [minutes("pause", 125, 145, "producers")]
    assert puts_m(producers=upload, faults=paused) == [145, 145, 150]
    assert puts_m(producers=upload, faults=[minutes("pause", 125, 145, "gateways")])[0] == 130
    slowed = [minutes("slow-down", 120, 121, "producer/0", factor=2.0)]
    assert puts_m(producers=upload, faults=slowed) == [140, 160, 180]
    late = [minutes("slow-down", 121, 200, factor=2.0)]
    assert puts_m(producers=upload, faults=late) == [130, 140, 150]


def test_a_paused_reader_syncs_at_the_end_and_then_on_its_grid() -> None:
    quick = {"sync_interval": "20m", "phase": "10m"}
    paused = [minutes("pause", 85, 125, "gateway/0")]
    usual = syncs_m("gateway/0", gateways=quick)
    assert usual == [10, 10, *range(30, 240, 20)]
    # 90 comes at 125, 110 is missed.
    late = syncs_m("gateway/0", gateways=quick, faults=paused)
    assert late == [10, 10, 30, 50, 70, 125, *range(130, 240, 20)]


def test_a_slow_sync_keeps_the_next_one_waiting() -> None:
    slow = {"sync_interval": "20m", "sync_takes": "10m", "phase": "10m"}
    slowed = [minutes("slow-down", 70, 71, "gateways", factor=5.0)]
    # The first one has ended when it serves; that of 80m takes 50m.
    assert syncs_m("gateway/0", gateways=slow)[:6] == [10, 20, 40, 60, 80, 100]
    assert syncs_m("gateway/0", gateways=slow, faults=slowed)[4:7] == [80, 100, 120]
    slowed[0]["at"] = "80m"
    assert syncs_m("gateway/0", gateways=slow, faults=slowed)[4:7] == [80, 130, 140]


def test_a_paused_compactor_compacts_and_deletes_later() -> None:
    def told_m(*faults: dict[str, Any]) -> tuple[float, float]:
        trace, timelines = run(world(horizon="12h", faults=list(faults)))
        deleted_us = next(r.t_us for r in trace.records if isinstance(r, DeleteRecord))
        return _made_us(timelines) / us("1m"), deleted_us / us("1m")

    # Blocks of 8h are merged at 10h.
    assert told_m() == (601, 601)
    assert told_m(minutes("pause", 600, 630, "compactor")) == (631, 631)
    assert told_m(minutes("pause", 601, 630, "compactor")) == (630, 630)
    assert told_m(minutes("slow-down", 600, 601, "compactor", factor=9.0)) == (609, 609)


def _made_us(timelines: Timelines) -> int:
    committed = timelines.blocks.committed_us[timelines.blocks.level == 2]
    return int(committed.min())


def test_an_actor_that_starts_in_a_pause_starts_at_its_end() -> None:
    crash = {"kind": "producer-crash", "target": 0, "at": "2h", "lasts": "5m"}
    paused = minutes("pause", 110, 140, "producers")
    assert puts_m(faults=[crash]) == [125] * 3
    assert puts_m(faults=[crash, paused]) == [140] * 3


def test_neither_makes_deletions_meet_it_otherwise() -> None:
    usual = feedback(world(schemes=[marks("2h", "1h")]))
    faults = [minutes("pause", 10, 20), minutes("slow-down", 30, 90, factor=3.0)]
    assert feedback(world(schemes=[marks("2h", "1h")], faults=faults)) == usual


@pytest.mark.parametrize(
    ("fault", "proves_it"),
    [
        (minutes("pause", 10, 20, "compactor"), False),
        (minutes("slow-down", 10, 20, "producers", factor=3.0), False),
        (minutes("slow-down", 10, 20, "gateways", factor=3.0), True),
    ],
)
def test_rules_of_durations_prove_nothing_of_writers_that_are_held_up(
    fault: dict[str, Any], proves_it: bool
) -> None:
    scenario = world(
        producers={"upload_takes": "20m"},
        compactor={"sync_timeout": "5m", "progress_interval": "5m", "partial_age": "48h"},
        schemes=[marks("6h", "1h")],
        faults=[fault],
    )
    status = {rule.name: rule.status for rule in rules(scenario, 0)}
    for name in ("R7", "R12"):
        assert (status[name] is Status.HOLDS) == proves_it
    # Nobody promises how long a reader waits.
    assert status["R1" if "R1" in status else "R2"] is not Status.HOLDS


def test_a_slow_down_does_not_speed_up() -> None:
    refused = messages(faults=[minutes("slow-down", 0, 9, factor=0.5)])
    assert refused == ["faults[0].factor=0.5 must be at least 1"]
    assert world(faults=[minutes("slow-down", 0, 9, factor=1.0)]).faults


def test_both_implementations_hold_up_everything_alike() -> None:
    takes = dict.fromkeys(("sync_takes", "download_takes", "upload_takes", "delete_takes"), "7m")
    scenario = world(
        horizon="26h",
        producers={"upload_takes": "9m", "chunk_files": 2, "count": 2},
        compactor={
            **takes,
            "sync_stages": {"check": 0.3, "marks": 0.6},
            "progress_interval": "11m",
            "cleanup": "every 13m",
            "retention": {"raw": "9h"},
        },
        gateways={
            "count": 2,
            "sync_interval": "10m",
            "sync_takes": "4m",
            "sync_stages": {"check": 0.2, "marks": 0.5, "load": 0.7},
        },
        queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
        schemes=[marks("2h", "1h")],
        faults=[
            minutes("pause", 616, 650),
            minutes("pause", 1230, 1261, "compactor"),
            minutes("slow-down", 700, 1100, factor=2.5),
        ],
    )
    assert next(differences(scenario, 0, 0), None) is None
    calm = scenario.model_copy(update={"faults": ()})
    assert run(calm)[0].digest != run(scenario)[0].digest
