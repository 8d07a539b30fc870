"""Every shipped scenario, systems too, loads, repeats itself, and shows what it says it shows.

A scenario's expectations are judged on all of its trials. Of a fleet so large that this would take
minutes, one trial of some streams is judged, and all of it nightly. Repetitions are looked at over
the first days.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sim.analysis.expect import Verdict, judge
from sim.model.world import simulate
from sim.scenario.dump import to_toml
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.scenario.systems import system_paths
from sim.study.run import run_scenario
from sim.testing import check_trace

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios").rglob("*.toml"))
PATHS = [*SCENARIOS, *system_paths().values()]

# Stream-days over all trials beyond which a scenario counts as large, and the streams it keeps.
LARGE_STREAM_DAYS = 2_000
LARGE_STREAMS = 6
FIRST_DAYS = 3
DAY_US = 86_400 * 10**6


def _is_large(scenario: Scenario) -> bool:
    days = scenario.horizon_us / DAY_US
    return scenario.producers.count * days * scenario.trials > LARGE_STREAM_DAYS


def _overrides(scenario: Scenario) -> dict[str, Any]:
    if not _is_large(scenario):
        return {}
    return {"trials": 1, "producers.count": min(LARGE_STREAMS, scenario.producers.count)}


def _cases(paths: Iterable[Path], *marks: pytest.MarkDecorator) -> list[Any]:
    """One case per scheme, so that the work of a large scenario can be divided."""
    return [
        pytest.param(path, index, id=f"{path.stem}-{scheme.name.replace(' ', '-')}", marks=marks)
        for path in paths
        for index, scheme in enumerate(load(path).schemes)
    ]


CASES = _cases(SCENARIOS)
# Those of systems are also judged when their pages are made, which CI does.
SYSTEMS = _cases(system_paths().values(), pytest.mark.nightly)


def test_there_are_scenarios() -> None:
    assert len(PATHS) >= 8


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_it_says_what_it_is(path: Path) -> None:
    scenario = load(path)
    assert scenario.name == path.stem
    assert scenario.summary
    assert scenario.source
    assert set(scenario.expect) <= {scheme.name for scheme in scenario.schemes}
    assert load(to_toml(scenario)) == scenario


@pytest.mark.parametrize(("path", "index"), CASES)
def test_it_repeats_itself(path: Path, index: int) -> None:
    scenario = load(path)
    if scenario.horizon_us > FIRST_DAYS * DAY_US:
        scenario = load(path, {"horizon": f"{FIRST_DAYS}d", "warmup": "0s"})
    trial = scenario.trials - 1
    trace = simulate(scenario, index, trial)
    check_trace(trace)
    assert simulate(scenario, index, trial).digest == trace.digest, f"{path}, trial {trial}"


@pytest.mark.parametrize(("path", "index"), [*CASES, *SYSTEMS])
def test_it_meets_its_expectations(path: Path, index: int) -> None:
    _meets_expectations(path, load(path, _overrides(load(path))), index)


@pytest.mark.nightly
@pytest.mark.parametrize("path", [path for path in PATHS if _is_large(load(path))])
def test_a_large_one_meets_them_as_it_is(path: Path) -> None:
    scenario = load(path)
    for index in range(len(scenario.schemes)):
        _meets_expectations(path, scenario, index)


def _meets_expectations(path: Path, scenario: Scenario, index: int) -> None:
    result = run_scenario(scenario, schemes=[index], workers=1)
    judgements = judge(result)
    name = scenario.schemes[index].name
    again = (
        f"sim run {path.relative_to(ROOT)} --scheme {name!r} --trials {scenario.trials} "
        f"--set producers.count={scenario.producers.count}"
    )
    broken = [judgement for judgement in judgements if judgement.verdict is not Verdict.VALID]
    assert not broken, f"{broken}\ndigest {result.digest}; again: {again}"
    assert {judgement.scheme for judgement in judgements} == ({name} & set(scenario.expect))
