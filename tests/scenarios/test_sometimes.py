"""Everything that may happen does happen somewhere: a judge of what never occurs proves nothing.

The shipped scenarios say what they show, and `test_scenarios` holds them to it. What is drawn by
chance must get there as well, given a night.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sim.analysis.checkers import observe
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled, inexact
from sim.scenario.language.faults import fault_tables
from sim.scenario.language.interventions import INTERVENTION_KINDS
from sim.scenario.load import load
from sim.scenario.schema import OBSERVATIONS, OUTCOMES, Scenario
from sim.testing import scenarios, simulate_small
from sim.trace.records import KIND_OF

ROOT = Path(__file__).parents[2] / "scenarios"
SHIPPED = [load(path) for path in sorted(ROOT.rglob("*.toml"))]

# No scheme that there is counts data twice; that queries are ok needs no showing.
NEVER_SHOWN = {"duplicated", "ok"}
DRAWN = 2_000


def not_shown(shipped: Iterable[Scenario]) -> set[str]:
    """Outcomes and anomalies that no scheme of these scenarios is expected to have sometimes."""
    expected = [one for scenario in shipped for one in scenario.expect.values()]
    shown = {name for expectation in expected for name in expectation.sometimes}
    return {*OUTCOMES, *OBSERVATIONS} - shown


def test_every_outcome_and_anomaly_occurs_in_a_shipped_scenario() -> None:
    assert not_shown(SHIPPED) == NEVER_SHOWN


@pytest.mark.parametrize("name", ["partial-response", "orphan-mark"])
def test_one_that_no_scenario_shows_is_found_out(name: str) -> None:
    others = [
        scenario
        for scenario in SHIPPED
        if all(name not in expectation.sometimes for expectation in scenario.expect.values())
    ]
    assert 0 < len(others) < len(SHIPPED)
    assert name in not_shown(others)


@pytest.mark.nightly
def test_every_outcome_anomaly_record_fault_and_intervention_is_drawn() -> None:
    met: set[str] = set()

    @seed(2022)
    @settings(
        max_examples=DRAWN, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(scenarios(), st.integers(0, 1))
    def look(scenario: Scenario, index: int) -> None:
        met.update(f"fault {fault.kind}" for fault in scenario.faults)
        met.update(f"intervention {act.kind}" for act in scenario.interventions or ())
        run = simulate_small(scenario, index)
        judge = evaluate_sampled if inexact(scenario) else evaluate_exact
        for found in judge(scenario, run.timelines):
            met.update(outcome for outcome, share in found.fractions.items() if share > 0.0)
        counts = observe(scenario, run.timelines)
        met.update(name for name in OBSERVATIONS if counts[name])
        met.update(f"record {KIND_OF[type(record)]}" for record in run.trace.records)

    look()
    wanted = {
        *OUTCOMES,
        *OBSERVATIONS,
        *(f"record {kind}" for kind in KIND_OF.values()),
        *(f"fault {kind}" for kind in fault_tables()),
        *(f"intervention {kind}" for kind in INTERVENTION_KINDS),
    }
    assert wanted - met == {"duplicated"}
