"""``sim.testing`` as somebody else's tests have it: short reprs, files of examples, outcomes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

import sim
from sim.scenario.dump import brief_toml, to_toml
from sim.scenario.load import load
from sim.scenario.schema import OUTCOMES, Scenario
from sim.study.run import run_trial
from sim.testing import fault_schedules, keep, scenarios, simulate_small
from tests.worlds import marks, world

SCENARIOS = Path(__file__).parents[2] / "scenarios"
quick = settings(
    max_examples=5,
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

# The first example will do; to find the smallest one takes a minute.
unshrunk = settings(quick, max_examples=1, phases=[Phase.generate])


def test_a_run_says_how_its_queries_end() -> None:
    classes = [
        {"name": "day", "rate": "2/m", "range": "1d"},
        {"name": "rare", "rate": "1/h", "range": "1h"},
    ]
    scenario = world(queries=classes, horizon="28h")
    run = simulate_small(scenario)
    trial = run_trial(scenario, 0, 0)
    for one in trial.classes:
        assert run.fraction("query-error", one.name) == one.fractions["query-error"]
    by_class = [(c.queries, c.fractions["query-error"]) for c in trial.classes]
    asked = sum(queries for queries, _ in by_class)
    expected = sum(queries * fraction for queries, fraction in by_class) / asked
    assert run.outcomes["query-error"] == pytest.approx(expected) != 0.0
    assert set(run.outcomes) == set(OUTCOMES)
    assert sum(run.outcomes.values()) == pytest.approx(1.0)
    assert run.counts == trial.counts
    with pytest.raises(KeyError):
        run.fraction("query-error", "nobody")


def test_a_run_whose_queries_act_is_judged_by_drawn_queries() -> None:
    again = {"name": "again", "kind": "composed", "miss": "resync"}
    run = simulate_small(world(horizon="28h", schemes=[again]))
    assert run.classes == run_trial(run.scenario, 0, 0, "sampled").classes


def test_reprs_are_short() -> None:
    scenario = world(schemes=[marks("2h", "1h")])
    shown = f"<Scenario 'tiny', 'mark', seed 7, digest {scenario.digest[:8]}…>"
    assert repr(scenario) == str(scenario) == shown
    run = simulate_small(scenario)
    assert repr(run) == f"<SmallRun 'mark', trial 0 of 'tiny', {run.trace.digest[:8]}…>"


@pytest.mark.parametrize("name", ["thanos-2022", "lagging-day", "measured-lags"])
def test_a_brief_file_is_the_same_scenario(name: str) -> None:
    path = next(SCENARIOS.rglob(f"{name}.toml"), SCENARIOS / "thanos-2022.toml")
    scenario = load(path)
    text = brief_toml(scenario)
    assert load(text) == scenario
    assert len(text) < len(to_toml(scenario))


def test_what_a_profile_says_is_not_left_out_though_it_is_a_default() -> None:
    store = {"profile": "s3-pre-2020", "lag": {"create": {"get": "0s", "list": "0s"}}}
    scenario = world(store=store)
    assert load(brief_toml(scenario)) == scenario


@quick
@given(scenarios(scheme_kinds=("composed", "deletion-mark"), max_interventions=2))
def test_any_scenario_is_said_briefly(scenario: Scenario) -> None:
    assert load(brief_toml(scenario)) == scenario


def test_a_failing_example_is_a_file_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[Scenario] = []

    @unshrunk
    @given(scenarios())
    def fails(scenario: Scenario) -> None:
        seen.append(scenario)
        assert scenario.gateways.count < 1

    with pytest.raises(AssertionError) as caught:
        fails()
    told = "\n".join(caught.value.__notes__)
    smallest = seen[-1]
    assert f"scenario={smallest!r}" in told
    assert brief_toml(smallest) in told
    assert len(told) < 1_500
    (path,) = (tmp_path / ".hypothesis" / "scenarios").iterdir()
    assert f"# sim run {os.path.relpath(path, tmp_path)}" in told
    assert sim.load(path) == smallest
    assert keep(smallest) == Path(os.path.relpath(path, tmp_path))


def test_an_example_that_cannot_be_kept_is_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".hypothesis").write_text("a file where a folder should be")
    monkeypatch.chdir(tmp_path)

    @unshrunk
    @given(scenarios())
    def fails(scenario: Scenario) -> None:
        raise AssertionError

    with pytest.raises(AssertionError) as caught:
        fails()
    assert "# not kept: " in "\n".join(caught.value.__notes__)


@quick
@given(fault_schedules(n_gateways=2, n_producers=1, horizon_m=600, least=1, most=3))
def test_a_schedule_has_as_many_faults_as_asked_for(schedule: list[dict[str, object]]) -> None:
    assert 1 <= len(schedule) <= 3
    world(gateways={"count": 2}, faults=schedule)


@quick
@given(
    scenarios(
        scheme_kinds=(
            {"kind": "deletion-mark", "delete_delay": "48h"},
            {"kind": "composed", "record": "memory", "delete": {"kind": "after", "delay": "1h"}},
        )
    )
)
def test_a_scheme_may_be_said_in_part(scenario: Scenario) -> None:
    mark, memory = scenario.schemes
    assert (mark.name, mark.delete_delay_us) == ("deletion-mark", 48 * 3_600 * 10**6)
    assert memory.composed.record.kind == "memory"
