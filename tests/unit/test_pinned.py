"""Draws that are pinned: alone, in a scenario, and in a world."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest

from sim.core.pinned import AskedStreams, PinnedStreams
from sim.core.streams import Streams
from sim.errors import ScenarioError
from sim.model.world import asked, simulate
from sim.scenario.dump import to_toml
from sim.scenario.load import build, load
from sim.scenario.schema import Scenario
from sim.trace.records import UpRecord
from tests.worlds import AT_ONCE, lag, marks, us, world


def test_a_pinned_draw_is_what_it_is_pinned_to_and_no_other_moves() -> None:
    pinned = PinnedStreams(3, {("lag", 0, "get"): 0.25})
    assert pinned.uniform("lag", 0, "get") == 0.25
    for identity in (("lag", "0", "get"), ("lag", 0), ("lag", 1, "get")):
        assert pinned.uniform(*identity) == Streams(3).uniform(*identity) != 0.25
    assert pinned.stream("lag", 0, "get").at(0) == Streams(3).stream("lag", 0, "get").at(0)
    again = pickle.loads(pickle.dumps(pinned))
    assert (again.seed, again.uniform("lag", 0, "get")) == (3, 0.25)


def test_what_was_asked_is_remembered_once_and_in_order() -> None:
    streams = AskedStreams(3, {("b",): 0.5})
    for name in ("b", "a", "b"):
        streams.uniform(name)
    assert list(streams.asked.items()) == [(("b",), 0.5), (("a",), Streams(3).uniform("a"))]


def pinned(scenario: Scenario, pins: dict[Any, float]) -> Scenario:
    rows = [{"decides": identity, "uniform": value} for identity, value in pins.items()]
    return Scenario.model_validate(scenario.raw() | {"draws": rows})


def test_it_is_printed_back_and_changes_the_digest() -> None:
    scenario = pinned(world(), {("gateway", 0, "phase"): 0.25})
    assert load(to_toml(scenario)) == scenario
    assert scenario.digest != world().digest
    assert pinned(world(), {("gateway", 0, "phase"): 0.5}).digest != scenario.digest


@pytest.mark.parametrize(
    ("draws", "problem"),
    [
        (
            [{"decides": ["gateway", True], "uniform": 0.5}],
            "draws[0].decides[1]=True must be a text or a whole number",
        ),
        ([{"decides": ["a"], "uniform": 1.0}], "draws[0].uniform=1.0 must be below 1"),
        (
            [{"decides": ["a", 1], "uniform": uniform} for uniform in (0.25, 0.5)],
            "draws[1].decides=['a', 1] must be pinned once, and draws.0 is the same",
        ),
    ],
)
def test_what_is_no_draw_is_refused(draws: list[dict[str, Any]], problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        build(world().raw() | {"draws": draws})
    assert problem in str(caught.value)


def test_a_pinned_draw_decides_in_every_trial_and_scheme() -> None:
    late = {"law": "exponential", "mean": "3m"}
    free = world(
        horizon="24h",
        store={"lag": lag(create_get=late, create_list=late)},
        gateways={"count": 2, "sync_interval": "20m", "phase": "uniform", "sync_takes": "1m"},
        schemes=[AT_ONCE, marks("1h", "20m")],
    )
    lags = [identity for identity in asked(free, 0, 2) if identity[0] == "lag"]
    first, *others = lags
    both = pinned(free, {("gateway", 0, "phase"): 0.5, first: 0.0, ("nobody", "asks"): 0.5})
    for scheme, trial in itertools.product((0, 1), (0, 2)):
        drawn, before = asked(both, scheme, trial), asked(free, scheme, trial)
        ups = [r for r in simulate(both, scheme, trial).records if isinstance(r, UpRecord)]
        # Half of twenty minutes, and a minute for the sync.
        assert [r.t_us for r in ups if r.gateway == 0] == [us("11m")]
        assert (drawn[first], before[first] > 0.0) == (0.0, True)
        assert all(drawn[identity] == before[identity] for identity in others if identity in drawn)
        assert ("gateway", 1, "phase") in drawn
