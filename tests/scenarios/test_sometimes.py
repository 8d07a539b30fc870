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
from sim.scenario.schema import OBSERVATIONS, OUTCOMES, SCHEME_KINDS, Scenario
from sim.testing import scenarios, simulate_small
from sim.trace.records import KIND_OF, HaltRecord
from tests.traces import changed

ROOT = Path(__file__).parents[2] / "scenarios"
SHIPPED = [load(path) for path in sorted(ROOT.rglob("*.toml"))]

# No scheme that there is counts data twice; that queries are ok needs no showing.
NEVER_SHOWN = {"duplicated", "ok"}
DRAWN = scenarios(scheme_kinds=SCHEME_KINDS, sampled=True, max_interventions=2)
# All is met within some hundreds; what is not met within this many counts as never drawn.
BATCH, BATCHES = 100, 20


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


def drawn(number: int, met: set[str]) -> None:
    """Add what the scenarios of a batch have and show."""

    @seed(number)
    @settings(
        max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(DRAWN, st.integers(0, len(SCHEME_KINDS) - 1))
    def look(scenario: Scenario, index: int) -> None:
        met.update(f"fault {fault.kind}" for fault in scenario.faults)
        met.update(f"intervention {act.kind}" for act in scenario.interventions or ())
        run = simulate_small(scenario, index)
        judge = evaluate_sampled if inexact(scenario) else evaluate_exact
        for found in judge(scenario, run.timelines):
            met.update(outcome for outcome, share in found.fractions.items() if share > 0.0)
        counts = observe(scenario, run.timelines)
        met.update(name for name in OBSERVATIONS if counts[name])
        records = [*run.trace.records]
        halted_us = [record.t_us for record in records if isinstance(record, HaltRecord)]
        if halted_us:
            # Few are restarted after it by chance.
            records += simulate_small(restarted(scenario, halted_us[0]), index).trace.records
        met.update(f"record {KIND_OF[type(record)]}" for record in records)

    look()


def restarted(scenario: Scenario, t_us: int) -> Scenario:
    """The scenario in which somebody restarts the compactor at a time."""
    crash = {"kind": "crash", "who": "compactor", "at": f"{t_us + 1}us", "lasts": "1m"}
    return changed(scenario, faults=[*scenario.raw().get("faults", ()), crash])


@pytest.mark.nightly
def test_every_outcome_anomaly_record_fault_and_intervention_is_drawn() -> None:
    wanted = {
        *OUTCOMES,
        *OBSERVATIONS,
        *(f"record {kind}" for kind in KIND_OF.values()),
        *(f"fault {kind}" for kind in fault_tables()),
        *(f"intervention {kind}" for kind in INTERVENTION_KINDS),
    }
    met: set[str] = set()
    for number in range(BATCHES):
        drawn(number, met)
        if wanted - met <= {"duplicated"}:
            break
    assert wanted - met == {"duplicated"}
