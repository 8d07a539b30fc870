"""The estimate of what a run takes: near what it took, and quick for absurd input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from sim.analysis.effort.estimate import effort
from sim.model.world import simulate
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from tests.costs import measure

SCENARIOS = sorted(Path(__file__).parents[2].glob("scenarios/*.toml"))
THANOS = next(path for path in SCENARIOS if path.stem == "thanos-2022")

FACTOR = 3.0
"""Between estimate and truth, either way."""

# Of the great fleet, its first days tell as much as its quarter.
SHORTER = {"thanos-default": {"horizon": "3d", "warmup": "0s"}}


def one_scheme(path: Path, position: int, **overrides: Any) -> Scenario:
    scenario = load(path, {**SHORTER.get(path.stem, {}), **overrides})
    return scenario.model_copy(update={"schemes": scenario.schemes[position : position + 1]})


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_records_of_the_shipped_scenarios(path: Path) -> None:
    for position in range(len(load(path).schemes)):
        scenario = one_scheme(path, position)
        records = len(simulate(scenario, 0, 0).records)
        assert records / FACTOR < effort(scenario).records < records * FACTOR


@pytest.mark.parametrize(
    "overrides",
    [
        {"producers.count": 20, "horizon": "10d"},
        {"gateways.count": 20, "horizon": "6d"},
        {"gateways.count": 20, "gateways.shards": 20, "producers.count": 20, "horizon": "6d"},
        {"producers.block_length": "1m", "compactor.ranges": ["1m", "8m"], "horizon": "5d"},
        {"producers.upload_takes": "1m", "producers.chunk_files": 100, "horizon": "10d"},
        {"producers.retry_after": "1s", "store.error_rate": 1.0, "horizon": "5h", "warmup": "0s"},
        {"store.error_rate": 0.02, "horizon": "10d"},
        {"compactor.ranges": ["2h"]},
        {"compactor.downsampling": True, "horizon": "30d"},
        {"compactor.retention.raw": "5d"},
        {"horizon": "1h", "warmup": "0s"},
        {
            "gateways.sync_interval": {"law": "pareto", "minimum": "1m", "alpha": 0.5},
            "gateways.phase": "0s",
        },
        {"producers.upload_after": "100d", "gateways.sync_interval": "1d"},
    ],
    ids=str,
)
@pytest.mark.parametrize("scheme", [0, 1])
def test_records_of_other_worlds(overrides: dict[str, Any], scheme: int) -> None:
    scenario = one_scheme(THANOS, scheme, **overrides)
    records = len(simulate(scenario, 0, 0).records)
    # One that says nothing but that it ended is as good as one of a handful.
    assert records / FACTOR < effort(scenario).records + 3 < (records + 3) * FACTOR


def test_memory_is_as_measured() -> None:
    larger = ({"producers.count": 30}, {"producers.chunk_files": 2_000})
    for overrides in ({}, *({**one, "horizon": "10d"} for one in larger)):
        found = measure("thanos-2022", overrides, 1, "exact")
        expected = effort(one_scheme(THANOS, 1, **overrides)).memory_bytes
        assert found.memory_bytes / FACTOR < expected < found.memory_bytes * FACTOR


@pytest.mark.parametrize(
    "overrides",
    [
        {"producers.chunk_files": 10**9},
        {"producers.count": 10**9},
        {"gateways.count": 10**9},
        {"gateways.count": 10**9, "gateways.shards": 10**9},
        {"trials": 10**9},
        {"horizon": "3000000d"},
        {"producers.block_length": "1us", "compactor.ranges": ["1us", "2us"]},
        {"producers.retry_after": "1us", "store.error_rate": 1.0},
        {"compactor.wait_interval": "1us", "gateways.sync_interval": "1us"},
        {"queries.0.takes": {"law": "pareto", "minimum": "1us", "alpha": 0.1}},
        {"producers.upload_after": {"law": "pareto", "minimum": "1us", "alpha": 0.1}},
        {"queries.0.rate": "1000000000/s"},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_absurd_input_is_estimated_in_finite_numbers(overrides: dict[str, Any], mode: str) -> None:
    found = effort(load(THANOS, overrides), mode=mode)
    numbers = (found.records, found.memory_bytes, found.results_bytes, found.cpu_s)
    assert all(math.isfinite(number) and number >= 0.0 for number in numbers)


def test_a_run_is_all_its_trials_and_schemes() -> None:
    one, all_ = effort(load(THANOS, {"trials": 1}), schemes=1), effort(load(THANOS))
    assert all_.cpu_s == pytest.approx(16 * one.cpu_s)
    assert all_.all_events == pytest.approx(16 * one.all_events)
    assert all_.total_bytes(4) == pytest.approx(4 * one.memory_bytes + 16 * one.results_bytes)


def test_sampled_memory_does_not_grow_with_the_arrivals() -> None:
    takes = {"law": "exponential", "mean": "1s"}
    rates = ["1000/s", "1000000/s"]
    few, many = (
        effort(load(THANOS, {"queries.0.rate": rate, "queries.0.takes": takes}), mode="sampled")
        for rate in rates
    )
    assert few.memory_bytes == many.memory_bytes
    assert few.cpu_s < many.cpu_s
