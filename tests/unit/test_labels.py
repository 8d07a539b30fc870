"""What was drawn is told to Hypothesis, in its statistics and its observations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.internal.observability import with_observability_callback

from sim.scenario.schema import Scenario
from sim.testing import scenarios
from sim.testing.labels import labels
from tests.worlds import lag, world


def test_labels_name_the_kinds_of_what_there_is() -> None:
    plain = world()
    assert labels(plain) == {
        "schemes": "immediate",
        "faults": "none",
        "interventions": "none",
        "store": "none",
        "gateways": "1 in 1 shards",
        "compactors": "1",
        "draws": "0 pinned",
    }
    outage = {"kind": "gateway-outage", "at": "1h", "lasts": "1m", "target": 0}
    crash = {"kind": "compactor-crash", "at": "1h", "lasts": "1m"}
    rich = world(
        faults=[outage, crash, outage],
        store={"replicas": 2, "lag": lag(create_get="1m"), "error_rate": 0.1},
        draws=[{"decides": ["gateway", 0, "phase"], "uniform": 0.5}],
    )
    assert labels(rich)["faults"] == "compactor-crash, gateway-outage"
    assert labels(rich)["store"] == "2 replicas, errors, lags"
    assert labels(rich)["draws"] == "1 pinned"


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
def test_observations_have_them_as_features() -> None:
    drawn: list[Scenario] = []
    seen: list[dict[str, Any]] = []

    @settings(max_examples=3, database=None, derandomize=True)
    @given(scenarios(strong=True))
    def look(scenario: Scenario) -> None:
        drawn.append(scenario)

    with with_observability_callback(lambda found: seen.append(getattr(found, "features", {}))):
        look()
    features = {key for observed in seen for key in observed}
    for label, value in labels(drawn[0]).items():
        assert f"{label}: {value}" in features
