"""Actors that rest write down what they would at every tick; nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given, note, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.model import rests
from sim.model.views.view import View
from sim.model.world import simulate
from sim.scenario.dump import to_toml
from sim.scenario.schema import Scenario
from sim.testing import fault_schedules, scenarios
from sim.trace.recorder import Trace
from sim.trace.records import BucketPutRecord, DeleteRecord
from tests.property.test_computed import check_same, computable_worlds
from tests.traces import lines, unordered
from tests.worlds import lag, marks, world

# A world is simulated twice for each.
few = settings(max_examples=max(10, settings().max_examples // 2))

LAGGING: list[dict[str, Any]] = [
    {},
    {"profile": "s3-pre-2020"},
    {"profile": "wars"},
    {"profile": "simpledb-2010"},
    {"replicas": 2, "read_from": "any", "lag": lag(create_list="3m", delete_get="40m")},
    {"replicas": 2, "order": "log", "lag": lag(create_get="1m", overwrite_get="2m")},
    {"negative_cache": "20m", "lag": lag(create_list="1us")},
]


def check_rests(scenario: Scenario, index: int) -> Trace:
    """The trace of a world in which actors may rest, compared with that of every tick."""
    rested = simulate(scenario, index, 0, streams=scenario.streams(scenario.seed))
    every = simulate(scenario, index, 0, step_by_step=True)
    check_same(list(rested.records), every)
    assert rested.digest == every.digest
    return rested


@few
@given(scenarios(), st.integers(0, 2))
def test_drawn_worlds_are_those_of_every_tick(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    check_rests(scenario, index % len(scenario.schemes))


def test_syncs_that_overrun_are_not_slept_through() -> None:
    gateways = {"count": 1, "phase": "uniform", "sync_interval": "3m", "sync_takes": "20m"}
    check_rests(world(horizon="10h", gateways=gateways), 0)


def test_passes_that_write_an_index_are_not_slept_through() -> None:
    scheme = {"kind": "composed", "hide": {"kind": "data-age", "after": "5h"}}
    published = {**scheme, "name": "index", "learn": "bucket-index"}
    scenario = world(horizon="20h", schemes=[published])
    written = [r for r in check_rests(scenario, 0).records if isinstance(r, BucketPutRecord)]
    assert len(written) > 200


def test_what_an_upload_left_behind_is_not_slept_through() -> None:
    half = {"kind": "crash", "who": "producer/0", "at": "2h5m", "lasts": "20h"}
    scenario = world(
        horizon="60h",
        producers={"count": 1, "upload_takes": "10m"},
        compactor={"partial_age": "5h", "ranges": ["2h"]},
        faults=[half],
        schemes=[marks("6h", "3h")],
    )
    records = check_rests(scenario, 0).records
    gone = [r for r in records if isinstance(r, DeleteRecord)]
    assert [(r.block, r.objects) for r in gone] == [(0, (0,))]


@few
@given(computable_worlds(), st.sampled_from(LAGGING), st.data(), st.integers(0, 99))
def test_regular_worlds_with_lags_and_faults_are_those_of_every_tick(
    scenario: Scenario, store: dict[str, Any], data: st.DataObject, shuffle: int
) -> None:
    faults = fault_schedules(
        n_gateways=scenario.gateways.count,
        n_producers=scenario.producers.count,
        horizon_m=scenario.horizon_us // 60_000_000,
        kinds=("producer-crash", "compactor-crash", "gateway-outage", "request-errors"),
        most=1,
    )
    horizon = "2d" if scenario.horizon_us > 2 * 86_400_000_000 else "10h"
    raw = {**scenario.raw(), "store": store, "faults": data.draw(faults), "horizon": horizon}
    try:
        drawn = Scenario.model_validate(raw)
    except ValidationError:
        # Queries that tolerate absences want readers of one replica.
        reject()
    note(to_toml(drawn))
    rested = check_rests(drawn, 0)
    event(f"records: {len(rested.records) > 100}")
    shuffled = simulate(drawn, 0, 0, shuffle=shuffle)
    assert unordered(lines(shuffled)) == unordered(lines(rested))


CALM = world(
    horizon="3d",
    producers={"count": 2, "upload_after": {"law": "uniform", "low": "0s", "high": "20m"}},
    compactor={"ranges": ["2h", "8h"], "wait_interval": "5m", "cleanup": "every 7m"},
    gateways={"count": 2, "phase": "uniform", "sync_takes": "10s"},
    store={"profile": "s3-pre-2020"},
    schemes=[marks("6h", "3h")],
)


def test_what_would_find_nothing_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    right, syncs = View.sync, [0]

    def counted(self: View, *at: Any) -> None:
        syncs[0] += 1
        right(self, *at)

    monkeypatch.setattr(View, "sync", counted)
    every = simulate(CALM, 0, 0, step_by_step=True)
    n_every, syncs[0] = syncs[0], 0
    assert simulate(CALM, 0, 0).digest == every.digest
    assert syncs[0] < n_every / 3


@pytest.mark.parametrize("name", ["note_change", "settle", "finish"])
def test_rests_that_forget_something_are_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(*_: Any) -> None:
        """Do nothing."""

    every = simulate(CALM, 0, 0, step_by_step=True)
    monkeypatch.setattr(rests.Rests, name, forgetful)
    assert simulate(CALM, 0, 0).digest != every.digest
