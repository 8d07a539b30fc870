"""Running: one trial alone is one among many, and only what must change a result does."""

from __future__ import annotations

import pickle

import pytest

from sim.analysis.results import TrialResult
from sim.core.streams import Streams
from sim.errors import DeterminismError
from sim.scenario.load import load
from sim.scenario.schema import OUTCOMES, Scenario
from sim.study import executors
from sim.study import run as run_module
from sim.study.run import replay, run_scenario, run_trial, trace_trial
from sim.trace.recorder import Trace
from tests.short import SHORT

SCENARIO = SHORT.replace("trials = 2", "trials = 2\nseed = 3")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(SCENARIO)


def test_a_trial_alone_is_that_trial_among_many(scenario: Scenario) -> None:
    result = run_scenario(scenario, workers=1)
    assert [(s.name, [t.trial for t in s.trials]) for s in result.schemes] == [
        ("at once", [0, 1]),
        ("later", [0, 1]),
    ]
    assert run_trial(scenario, 1, 1) == result.schemes[1].trials[1]
    alone = run_scenario(scenario, schemes=[1], workers=1)
    assert alone.schemes == result.schemes[1:]
    later = replace_seed(scenario, scenario.seed + 1)
    assert run_trial(later, 0, 0).digest != result.schemes[0].trials[1].digest
    assert run_trial(later, 0, 0).classes == result.schemes[0].trials[1].classes


def replace_seed(scenario: Scenario, seed: int) -> Scenario:
    return scenario.model_copy(update={"seed": seed})


@pytest.mark.parametrize("workers", [None, 2])
def test_workers_do_not_change_a_result(scenario: Scenario, workers: int | None) -> None:
    seen: list[TrialResult] = []
    result = run_scenario(scenario, workers=workers, on_result=seen.append)
    assert result == run_scenario(scenario, workers=1)
    assert sorted((t.scheme, t.trial) for t in seen) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_one_process_is_enough_unless_asked(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> list[TrialResult]:
        raise AssertionError("workers were started")

    monkeypatch.setattr(executors, "_WORTH_STARTING_S", -1.0)
    monkeypatch.setattr(executors, "usable_cpus", lambda: 2)
    monkeypatch.setattr(executors, "_in_processes", start)
    assert run_scenario(scenario).schemes
    with pytest.raises(AssertionError, match="workers were started"):
        run_scenario(scenario, workers=None)


def test_a_trial_result_says_what_was_measured(scenario: Scenario) -> None:
    result = run_trial(scenario, 0, 1)
    assert (result.scheme, result.trial, result.seed) == (0, 1, 4)
    assert result.digest == trace_trial(scenario, 0, 1).digest
    assert result.digest == replay(scenario, 0, 1).digest
    (day,) = result.classes
    assert day.queries == pytest.approx(2 * 24 * 60)
    assert list(day.fractions) == list(OUTCOMES)
    assert 0 < day.fractions["query-error"] < 0.1
    assert result.window_count == len(result.windows_us) > 0
    assert "garbage_byte_seconds" not in result.counts
    assert pickle.loads(pickle.dumps(result)) == result


def test_sampled_queries_are_near_the_expectation(scenario: Scenario) -> None:
    often = load(SCENARIO, {"queries.0.rate": "20/s"})
    (exact,) = run_trial(often, 0, 0).classes
    (sampled,) = run_trial(often, 0, 0, "sampled").classes
    assert sampled.queries == pytest.approx(exact.queries, rel=0.01)
    expected = exact.fractions["query-error"]
    error = (expected / exact.queries) ** 0.5
    assert abs(sampled.fractions["query-error"] - expected) < 4 * error
    wrong = expected * 1.1
    assert abs(sampled.fractions["query-error"] - wrong) > 4 * error


def test_check_accepts_what_repeats_itself(scenario: Scenario) -> None:
    assert run_trial(scenario, 0, 0, check=True) == run_trial(scenario, 0, 0)


def test_check_names_the_first_record_that_differs(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = iter([trace_trial(scenario, 0, 0), _changed(trace_trial(scenario, 0, 0))])
    monkeypatch.setattr(run_module, "simulate", lambda *_, **__: next(traces))
    with pytest.raises(DeterminismError) as caught:
        run_trial(scenario, 0, 0, check=True)
    assert caught.value.seq == 1
    assert caught.value.first != caught.value.second


def test_check_also_compares_judgements(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([{"lost-block": lost, "backlog": {"grows": 0}} for lost in (0, 1)])
    monkeypatch.setattr(run_module, "observe", lambda *_: next(answers))
    with pytest.raises(DeterminismError, match="lost-block"):
        run_trial(scenario, 0, 0, check=True)


def _changed(trace: Trace) -> Trace:
    first, *rest = trace.records
    other = first._replace(t_us=first.t_us + 1)
    return Trace.of(trace.header, (other, *rest))


def test_streams_of_a_trial_are_those_of_its_seed(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def streams(_: Scenario, seed: int) -> Streams:
        seeds.append(seed)
        return Streams(seed)

    monkeypatch.setattr(Scenario, "streams", streams)
    run_trial(scenario, 0, 1, "sampled")
    assert set(seeds) == {4}
