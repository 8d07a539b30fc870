"""The delay that a scenario needs is the least at which no read fails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from sim.analysis.curve.feedback import with_delay
from sim.core.units import US_PER_S
from sim.scenario.load import build
from sim.study.needed import needed_delays, with_least_hiding
from sim.study.run import run_trial

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

_MINUTE_US = 60 * US_PER_S


def _world(**changes: Any) -> Scenario:
    raw: dict[str, Any] = {
        "schema": 1,
        "name": "needed",
        "horizon": "6d",
        "warmup": "3d",
        "trials": 2,
        "producers": {"local_retention": "6h"},
        "compactor": {
            "ranges": ["2h", "8h"],
            "compaction_takes": {"law": "uniform", "low": "30s", "high": "210s"},
        },
        "gateways": {"sync_interval": "15m"},
        "queries": [{"name": "q", "rate": "1/s", "range": "7d", "takes": "30s"}],
        "schemes": [
            {
                "name": "marks",
                "kind": "deletion-mark",
                "delete_delay": "48h",
                "ignore_deletion_marks_delay": "24h",
            }
        ],
    }
    return build({**raw, **changes})


def _failing(scenario: Scenario, delay_us: int) -> float:
    moved = with_delay(scenario, 0, delay_us)
    return math.fsum(
        c.fractions["query-error"]
        for trial in range(scenario.trials)
        for c in run_trial(moved, 0, trial).classes
    )


def test_one_microsecond_less_fails() -> None:
    scenario = with_least_hiding(_world())
    (needed,) = needed_delays([scenario])
    assert needed.is_found
    assert needed.above_us == needed.delay_us > _MINUTE_US
    assert _failing(scenario, needed.delay_us) == 0
    assert _failing(scenario, needed.delay_us - 1) > 0


def test_where_every_delay_is_tried_the_least_lies_between_two() -> None:
    store = {"profile": "azure-ra-grs"}
    scenario = with_least_hiding(_world(store=store, trials=1))
    (needed,) = needed_delays([scenario])
    assert needed.is_found
    assert needed.above_us < needed.delay_us
    assert _failing(scenario, needed.above_us) > 0
    assert _failing(scenario, needed.delay_us) == 0


def test_readers_of_a_copy_to_which_no_deletion_comes_need_no_delay() -> None:
    scenario = with_least_hiding(_world(store={"profile": "thanos-replicate"}, trials=1))
    (needed,) = needed_delays([scenario])
    assert needed.is_found
    assert (needed.delay_us, needed.rule_us, needed.terms_us) == (0, 0.0, 0.0)
    assert needed.lag_us == 5 * _MINUTE_US
    assert needed.deleted > 0


def test_what_is_found_is_within_what_is_proven() -> None:
    (needed,) = needed_delays([with_least_hiding(_world())])
    assert needed.rule_us == needed.terms_us == 15 * _MINUTE_US + 30 * US_PER_S + US_PER_S
    assert needed.delay_us <= needed.rule_us
    assert needed.trials == 2
    assert needed.deleted > 0


def test_answers_stand_in_the_order_of_the_scenarios() -> None:
    often = with_least_hiding(_world(gateways={"sync_interval": "5m"}, trials=1))
    seldom = with_least_hiding(_world(trials=1))
    one, other = needed_delays([often, seldom])
    assert (other, one) == needed_delays([seldom, often])
    assert one.delay_us < other.delay_us


@pytest.mark.parametrize(
    ("profile", "lag_us", "minutes"), [("strong", 0, 1), ("swift", 5 * _MINUTE_US, 6)]
)
def test_blocks_are_hidden_as_early_as_the_rule_allows(
    profile: str, lag_us: int, minutes: int
) -> None:
    scenario = with_least_hiding(_world(store={"profile": profile}, trials=1))
    assert scenario.schemes[0].hide_delay_us == minutes * _MINUTE_US
    (needed,) = needed_delays([scenario])
    assert (needed.lag_us, needed.hide_us) == (lag_us, minutes * _MINUTE_US)


def test_a_scheme_that_hides_nothing_is_refused() -> None:
    scenario = _world(schemes=[{"name": "at once", "kind": "immediate"}])
    with pytest.raises(ValueError, match="no hide delay"):
        with_least_hiding(scenario)
