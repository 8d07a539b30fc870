"""How many clusters a trial is, and what one of them can do."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim.analysis.queries.bounds import class_bounds, forgotten_after_us
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.outcomes import Bound, added
from sim.scenario.schema import OUTCOMES, Scenario
from tests.worlds import marks, run, us, world


def small(**changes: Any) -> Scenario:
    values: dict[str, Any] = {"horizon": "30h", "warmup": "6h", "schemes": [marks("20m", "0s")]}
    return world(**{**values, **changes})


def bounds_of(scenario: Scenario) -> dict[str, Bound]:
    return class_bounds(Exposure(scenario, run(scenario)[1], scenario.queries[0]), [0])


def test_every_outcome_that_is_not_ok_has_one() -> None:
    assert list(bounds_of(small())) == list(OUTCOMES[:-1])


def test_a_constant_interval_makes_one_cluster_of_a_trial() -> None:
    error = bounds_of(small())["query-error"]
    assert error.clusters == 1
    # An interval of 1h and a second of stamps against a delay of 20m; three compactions in 24h,
    # at 10h30 and so on, delete four blocks each at one instant.
    assert error.most == pytest.approx(3 * us("40m1s") / us("24h"))


def test_a_drawn_interval_forgets_its_phase() -> None:
    law = {"law": "uniform", "low": "30m", "high": "90m"}
    scenario = small(gateways={"sync_interval": law})
    hours = forgotten_after_us(scenario) / us("1h")
    assert hours == pytest.approx(-math.log(1e-3) / (2 * math.pi**2) * 12)
    error = bounds_of(scenario)["query-error"]
    assert error.clusters == int(24 // hours) // 2
    assert error.over_phases is None


@pytest.mark.parametrize(
    "interval",
    ["15m", {"law": "pareto", "minimum": "1m", "alpha": 1.5}],
    ids=["constant", "infinite variance"],
)
def test_other_intervals_never_forget(interval: Any) -> None:
    scenario = small(gateways={"sync_interval": interval})
    assert math.isinf(forgotten_after_us(scenario))
    overlong = {"law": "uniform", "low": "1m", "high": "90m"}
    slow = small(gateways={"sync_interval": overlong, "sync_takes": "2m"})
    assert math.isinf(forgotten_after_us(slow))


def test_what_is_not_bounded_may_fail_everything() -> None:
    law = {"law": "exponential", "mean": "1s"}
    scenario = small(queries=[{"name": "q", "range": "1d", "takes": law}])
    error = bounds_of(scenario)["query-error"]
    assert (error.most, error.clusters) == (1.0, 1)


def test_bounds_of_outcomes_that_exclude_each_other_add_up_to_all_at_most() -> None:
    one, two = Bound(most=0.3, clusters=4), Bound(most=0.4, clusters=2)
    assert added([(1.0, one), (1.0, two)]) == Bound(most=0.7, clusters=2)
    assert added([(1.0, Bound()), (1.0, Bound())]).most == 1.0
    assert added([(0.5, one), (0.5, Bound(proof="R1"))]).most == pytest.approx(0.15)
    assert added([(0.5, Bound(proof="R1")), (0.5, Bound(proof="R2"))]).proof == "R1; R2"
    phases = [(0.5, Bound(over_phases=0.2)), (0.5, Bound(over_phases=0.4))]
    assert added(phases).over_phases == pytest.approx(0.3)
    assert added([*phases, (0.1, Bound())]).over_phases is None
