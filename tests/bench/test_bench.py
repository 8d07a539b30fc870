"""Limits of speed, asserted by `make bench-limits`; `make bench` says how fast it is.

In `make test` each path runs once, on a small world, and nothing is asserted about time: the
machine may be busy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sim.analysis.curve.feedback import with_delay
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled
from sim.model.world import simulate
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.study.curve import CURVE, schemes_alike, trials_over_delays
from sim.study.run import run_trial
from sim.trace.columns import build
from sim.trace.timelines import Timelines
from tests.bench.cases import DRAWN
from tests.bench.measures import best_of, repeated, timed
from tests.bench.work import ROOT, WORLD, work
from tests.reference import plain


def _is_measuring(benchmark: BenchmarkFixture) -> bool:
    return not benchmark.disabled


def _timelines(scenario: Scenario) -> Timelines:
    return build(simulate(scenario, 0, 0))


def test_sampled_queries_against_the_plain_implementation(benchmark: BenchmarkFixture) -> None:
    rate = "6/m" if _is_measuring(benchmark) else "1/h"
    slow = load(WORLD, {"queries.0.rate": rate})
    fast = load(WORLD, {"queries.0.rate": "200/s" if _is_measuring(benchmark) else "1/s"})
    timelines = _timelines(fast)
    (outcome,) = repeated(benchmark, evaluate_sampled, fast, timelines, rounds=3)
    # The plain way has no timelines to look at: what its control plane costs is taken off.
    idle_s = timed(lambda: plain.simulate(load(WORLD, {"queries.0.rate": "0.001/h"}), 0, 0))[0]
    whole_s, run = timed(lambda: plain.simulate(slow, 0, 0))
    assert outcome.queries > 0
    assert run.outcomes["q"]
    if _is_measuring(benchmark):
        sampled_per_s = outcome.queries / best_of(3, lambda: evaluate_sampled(fast, timelines))
        plain_per_s = len(run.outcomes["q"]) / max(whole_s - idle_s, 1e-9)
        assert sampled_per_s >= 10e6
        assert sampled_per_s / plain_per_s >= 100


def test_sampled_queries_that_differ_by_their_draws(benchmark: BenchmarkFixture) -> None:
    values = {**DRAWN, "queries.0.rate": "20/s" if _is_measuring(benchmark) else "1/m"}
    scenario = load(WORLD, values)
    timelines = _timelines(scenario)
    (outcome,) = repeated(benchmark, evaluate_sampled, scenario, timelines, rounds=3)
    assert outcome.queries > 0
    if _is_measuring(benchmark):
        measured = [work("sampled", values) for _ in range(3)]
        # In raw arrivals of NumPy, which the same process made before and after.
        costs = [took.cpu_s / took.units * took.arrivals_per_s for took in measured]
        assert min(costs) <= 4


def test_exact_does_not_depend_on_the_rate(benchmark: BenchmarkFixture) -> None:
    slow = load(WORLD, {"queries.0.rate": "1/s"})
    fast = load(WORLD, {"queries.0.rate": "1000000/s"})
    timelines = _timelines(slow)
    (outcome,) = benchmark(lambda: evaluate_exact(fast, timelines))
    (same,) = evaluate_exact(slow, timelines)
    assert outcome.fractions == same.fractions
    if _is_measuring(benchmark):
        few_s = best_of(20, lambda: evaluate_exact(slow, timelines))
        many_s = best_of(20, lambda: evaluate_exact(fast, timelines))
        assert many_s < 1.5 * few_s


# In a process of its own, for its peak memory. Where there is /proc that is exact; getrusage
# counts the parent's memory too, as it was at the fork.
_MEASURE = """
import resource, sys, time
from pathlib import Path
from sim.study.run import run_trial
from sim.scenario.load import load
scenario = load(sys.argv[1], {"horizon": sys.argv[2], "warmup": sys.argv[3]})
began_s = time.process_time()
result = run_trial(scenario, len(scenario.schemes) - 1, 0)
took_s = time.process_time() - began_s
status = Path("/proc/self/status")
if status.exists():
    peak_k = int(status.read_text().partition("VmHWM:")[2].split()[0])
else:
    peak_k = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(took_s, result.records, peak_k * 1024)
"""


def _measured(horizon: str, warmup: str) -> tuple[float, int, int]:
    """CPU seconds, records and peak bytes of one trial of thanos-default, its last scheme."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, "scenarios/thanos-default.toml", horizon, warmup],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    took_s, records, peak_bytes = done.stdout.split()
    return float(took_s), int(records), int(peak_bytes)


def test_one_trial_of_the_default_fleet(benchmark: BenchmarkFixture) -> None:
    spans = ("90d", "16d") if _is_measuring(benchmark) else ("1d", "0s")
    took_s, records, peak_bytes = repeated(benchmark, _measured, *spans)
    assert records > 0
    if _is_measuring(benchmark):
        assert took_s < 60
        assert peak_bytes < 2**29


def test_every_delay_of_the_default_fleet_for_the_price_of_few(
    benchmark: BenchmarkFixture,
) -> None:
    is_measuring = _is_measuring(benchmark)
    scenario = load(
        ROOT / "scenarios/thanos-default.toml",
        {} if is_measuring else {"horizon": "2d", "warmup": "0s", "producers.count": 5},
    )
    (alike,) = schemes_alike(scenario)
    assert [scenario.schemes[i].kind for i in range(len(scenario.schemes)) if i not in alike] == [
        "immediate"
    ]
    n_points = 200 if is_measuring else 5
    delays_us = [round(i * 48 * 3600e6 / (n_points - 1)) for i in range(n_points)]
    one_s, one = timed(lambda: run_trial(with_delay(scenario, alike[0], 0), alike[0], 0))
    curve_s, curve = repeated(
        benchmark, lambda: timed(lambda: trials_over_delays(scenario, alike[0], 0, delays_us))
    )
    assert curve.results[0] == one
    assert curve.origins.count(CURVE) == n_points - 1
    if is_measuring:
        assert curve_s <= 6 * one_s


DELAYS = "0s,5m,15m,30m,1h,2h,4h,8h,12h,24h,36h,48h"


def test_sixty_cells_of_the_default_fleet(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    is_measuring = _is_measuring(benchmark)
    small = ("--set", "horizon=1d", "--set", "warmup=0s", "--set", "producers.count=5")
    words = [
        *("sweep", str(ROOT / "scenarios/thanos-default.toml"), "--scheme", "mark, 48h/24h"),
        *("--vary", f"schemes.3.delete_delay={DELAYS}"),
        *("--vary", "gateways.sync_interval=1m,3m,5m,15m,30m"),
        *("--workers", "2", "--cells", str(tmp_path / "cells"), "--json", "-", "-q"),
        *(() if is_measuring else (*small, "--set", "trials=1")),
    ]

    def call() -> tuple[float, bytes]:
        began_s = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "sim.cli", *words],
            cwd=ROOT,
            capture_output=True,
            timeout=1800,
            check=True,
        )
        return time.perf_counter() - began_s, done.stdout

    first_s, cells = repeated(benchmark, call)
    again_s, same = call()
    assert len(json.loads(cells)["cells"]) == 60
    assert same == cells
    if is_measuring:
        assert first_s < 600
        assert again_s < 30


@pytest.mark.parametrize("what", ["streams", "days"])
def test_twice_as_much_takes_about_twice_as_long(benchmark: BenchmarkFixture, what: str) -> None:
    days, streams = (24, 20) if _is_measuring(benchmark) else (1, 1)

    def scenario(factor: int) -> Scenario:
        values = {
            "horizon": f"{days * (factor if what == 'days' else 1)}d",
            "warmup": "0s",
            "producers.count": streams * (factor if what == "streams" else 1),
            "queries.0.streams": "all",
        }
        return load(ROOT / "scenarios/thanos-default.toml", values)

    once, twice = scenario(1), scenario(2)
    result = repeated(benchmark, run_trial, twice, 0, 0)
    assert result.records > 0
    if _is_measuring(benchmark):
        small_s = best_of(3, lambda: run_trial(once, 0, 0))
        large_s = best_of(3, lambda: run_trial(twice, 0, 0))
        assert large_s / small_s <= 2.2


def test_help_is_there_at_once(benchmark: BenchmarkFixture) -> None:
    def call() -> None:
        subprocess.run(
            [sys.executable, "-m", "sim.cli", "--help"],
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=True,
        )

    repeated(benchmark, call, rounds=10 if _is_measuring(benchmark) else 1)
    if _is_measuring(benchmark):
        # The time of a child is no CPU time of this process; the least of many is nobody's fault.
        assert benchmark.stats is not None
        took_s = float(benchmark.stats.stats.min)
        assert took_s < 0.3
