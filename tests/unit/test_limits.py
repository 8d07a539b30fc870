"""Refusals of runs that are too large: what is too large, and which key makes it so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.analysis.effort.estimate import effort
from sim.analysis.effort.limits import Limits, too_large
from sim.scenario.load import load

THANOS = Path(__file__).parents[2] / "scenarios/thanos-2022.toml"
GENEROUS = Limits(memory_bytes=32 * 2**30)


def test_the_shipped_scenarios_fit_a_small_machine() -> None:
    for path in sorted(THANOS.parent.glob("*.toml")):
        for mode in ("exact", "sampled"):
            assert too_large(load(path), Limits(memory_bytes=2 * 2**30), mode=mode) == []


@pytest.mark.parametrize(
    ("overrides", "mode", "path"),
    [
        ({"producers.chunk_files": 10**9}, "exact", "producers.chunk_files"),
        ({"producers.count": 10**9}, "exact", "producers.count"),
        ({"gateways.count": 10**9}, "exact", "gateways.count"),
        ({"gateways.count": 10**8, "gateways.shards": 10**8}, "exact", "gateways.count"),
        ({"trials": 10**9}, "exact", "trials"),
        ({"horizon": "1000000d"}, "exact", "horizon"),
        ({"gateways.sync_interval": "1us"}, "exact", "gateways.sync_interval"),
        ({"compactor.wait_interval": "1us"}, "exact", "compactor.wait_interval"),
        ({"compactor.cleanup": "every 1us"}, "exact", "compactor.cleanup"),
        (
            {"producers.block_length": "1ms", "compactor.ranges": ["1ms", "2ms"]},
            "exact",
            "producers.block_length",
        ),
        (
            {"producers.retry_after": "1us", "store.error_rate": 1.0},
            "exact",
            "producers.retry_after",
        ),
        ({"queries.0.rate": "1000000000/s"}, "sampled", "queries[0].rate"),
        (
            {"queries.0.streams": 10**5, "producers.count": 10**5, "horizon": "5h", "warmup": "0s"},
            "sampled",
            "queries[0].streams",
        ),
        (
            {"store.replicas": 1000, "store.lag.create.get": "1m", "producers.count": 50},
            "exact",
            "store.replicas",
        ),
    ],
    ids=str,
)
def test_the_key_that_dominates_is_named(overrides: dict[str, Any], mode: str, path: str) -> None:
    found = too_large(load(THANOS, overrides), GENEROUS, mode=mode)
    assert {problem.path for problem in found} == {path}
    assert all("with a usual value here" in problem.hint for problem in found)


def test_many_faults_and_schemes_are_counted() -> None:
    fault = {"kind": "gateway-outage", "target": 0, "at": "1d", "lasts": "1h"}
    many = load(THANOS, {"faults": [fault] * 20_000, "gateways.sync_interval": "1s"})
    (problem,) = too_large(many, GENEROUS)
    assert (problem.path, problem.value) == ("faults", "(20000 entries)")
    scheme = {"kind": "immediate"}
    schemes = [{**scheme, "name": f"s{i}"} for i in range(3_000)]
    few = load(THANOS, {"schemes": schemes, "expect": {}, "trials": 50})
    (problem,) = too_large(few, GENEROUS)
    assert problem.path == "schemes"
    assert too_large(few, GENEROUS, schemes=1) == []


def test_a_limit_is_what_is_compared() -> None:
    scenario = load(THANOS)
    found = effort(scenario)
    needed = found.total_bytes(2)
    assert too_large(scenario, Limits(memory_bytes=needed), workers=2) == []
    (problem,) = too_large(scenario, Limits(memory_bytes=needed - 1), workers=2)
    assert "fit into" in problem.rule
    assert "in 2 processes" in problem.hint
    events = found.all_events
    assert too_large(scenario, Limits(memory_bytes=needed, events=events)) == []
    (problem,) = too_large(scenario, Limits(memory_bytes=needed, events=events - 1))
    assert "events" in problem.rule


@pytest.mark.parametrize(
    ("key", "usual", "beyond", "path"),
    [
        ("store.replicas", 3, 4, "store.replicas"),
        ("trials", 8, 9, "trials"),
        ("horizon", "30d", "30d1s", "horizon"),
        ("producers.chunk_files", 1, 2, "producers.chunk_files"),
        ("producers.count", 1, 2, "producers.count"),
        ("gateways.count", 1, 2, "gateways.count"),
        ("gateways.sync_interval", "3m", "2m", "gateways.sync_interval"),
        ("compactor.wait_interval", "5m", "4m", "compactor.wait_interval"),
        ("compactor.cleanup", "every 5m", "every 4m", "compactor.cleanup"),
    ],
)
def test_a_key_is_blamed_beyond_what_is_usual(
    key: str, usual: object, beyond: object, path: str
) -> None:
    none = Limits(memory_bytes=0)
    plain = {"trials": 8, "gateways.count": 1, "compactor.cleanup": "every 5m"}
    (problem,) = too_large(load(THANOS, {**plain, key: usual}), none)
    assert "usual value" not in problem.hint
    (problem,) = too_large(load(THANOS, {**plain, key: beyond}), none)
    assert problem.path == path
    assert "usual value" in problem.hint
