"""One piece of work in a process of its own: ``python -m tests.bench.work KIND JSON``.

Right before and right after it, the same process does what costs are told in: events of bare
SimPy, and raw arrivals of NumPy. What slows the machine down for a while slows both.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import simpy

from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled
from sim.model.world import simulate
from sim.scenario.load import load
from sim.study.curve import trials_over_delays
from sim.study.run import run_trial
from sim.trace.columns import build
from tests.reference import plain

ROOT: Final = Path(__file__).parents[2]
DEFAULT: Final = ROOT / "scenarios/thanos-default.toml"
WORLD: Final = """
schema = 1
name = "bench"
horizon = "4d"
trials = 1

[producers]
local_retention = "2h"

[compactor]
ranges = ["2h", "8h"]
downsampling = false

[[queries]]
name = "q"
rate = "1/m"
range = "1d"

[[schemes]]
name = "at once"
kind = "immediate"
"""


class Measured(NamedTuple):
    """What one piece of work took, and what the baselines beside it did."""

    cpu_s: float
    wall_s: float
    units: float
    peak_bytes: float
    events_per_s: float
    arrivals_per_s: float


class Took(NamedTuple):
    """Seconds of CPU and of the clock on the wall, and how many units were worked off."""

    cpu_s: float
    wall_s: float
    units: float


def simpy_events(number: int) -> None:
    """Let twenty bare processes wait, ``number`` times in all."""
    environment = simpy.Environment()

    def wait() -> Generator[simpy.Event, None, None]:
        for _ in range(number // 20):
            yield environment.timeout(7)

    for _ in range(20):
        environment.process(wait())
    environment.run()


def raw_arrivals(number: int) -> None:
    """Draw gaps of a Poisson process, and add them up."""
    np.cumsum(np.random.default_rng(1).exponential(size=number))


def _timed(call: Callable[[], float]) -> Took:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    units = call()
    return Took(time.process_time() - cpu_s, time.perf_counter() - wall_s, units)


def _baselines(events: int) -> tuple[float, float]:
    def times(call: Callable[[int], None], number: int) -> float:
        began_s = time.process_time()
        call(number)
        return number / max(time.process_time() - began_s, 1e-9)

    return times(simpy_events, events), times(raw_arrivals, 10 * events)


def _trial(values: Mapping[str, Any]) -> Took:
    scenario = load(DEFAULT, {"warmup": "0s", **values})
    return _timed(lambda: run_trial(scenario, len(scenario.schemes) - 1, 0).records)


def _curve(values: Mapping[str, Any]) -> Took:
    """All delays, in units of one trial: ``units`` is how many seconds that took."""
    n_points = values["points"]
    scenario = load(DEFAULT, {"warmup": "0s", **values["scenario"]})
    scheme = len(scenario.schemes) - 1
    delays_us = [round(i * 48 * 3600e6 / (n_points - 1)) for i in range(n_points)]
    one = _timed(lambda: run_trial(scenario, scheme, 0).records)
    all_of_them = _timed(lambda: len(trials_over_delays(scenario, scheme, 0, delays_us).results))
    return all_of_them._replace(units=one.cpu_s)


def _plain(values: Mapping[str, Any]) -> Took:
    """Queries of the slow implementation; what its world costs without them is taken off."""

    def queries(overrides: Mapping[str, Any]) -> Took:
        return _timed(lambda: len(plain.simulate(load(WORLD, overrides), 0, 0).outcomes["q"]))

    idle, whole = queries({**values, "queries.0.rate": "0.001/h"}), queries(values)
    return whole._replace(cpu_s=max(whole.cpu_s - idle.cpu_s, 1e-9))


def _sampled(values: Mapping[str, Any]) -> Took:
    scenario = load(WORLD, values)
    timelines = build(simulate(scenario, 0, 0))
    # What a process loads once, SciPy for some laws, is no cost of a query.
    evaluate_sampled(load(WORLD, {**values, "queries.0.rate": "1/h"}), timelines)
    return _timed(lambda: evaluate_sampled(scenario, timelines)[0].queries)


def _exact(values: Mapping[str, Any]) -> Took:
    """Evaluate for a rate; ``units``: seconds for as many evaluations of one query a second."""
    slow, fast = (load(WORLD, {"queries.0.rate": rate}) for rate in ("1/s", values["rate"]))
    timelines = build(simulate(slow, 0, 0))
    slow_s = fast_s = 0.0
    for _ in range(values["times"]):
        slow_s += _timed(lambda: len(evaluate_exact(slow, timelines))).cpu_s
        fast_s += _timed(lambda: len(evaluate_exact(fast, timelines))).cpu_s
    return Took(fast_s, fast_s, slow_s)


def _children(call: Callable[[], object]) -> Took:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall_s = time.perf_counter()
    call()
    wall_s = time.perf_counter() - wall_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(cpu_s, wall_s, 1.0)


def _start(values: Mapping[str, Any]) -> Took:
    """Start the program; ``units``: seconds that Python takes to start and do nothing.

    Both find their bytecode written, as a program does that was started before.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}

        def call(times: int, words: Sequence[str]) -> None:
            command, env = [sys.executable, *words], os.environ | own
            for _ in range(times):
                subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True)

        def took(*words: str) -> Took:
            call(1, words)
            return _children(lambda: call(values["times"], words))

        nothing = took("-c", "pass")
        return took("-m", "sim.cli", *values["words"])._replace(units=nothing.cpu_s)


def _sweep(values: Mapping[str, Any]) -> Took:
    """Sweep with two workers; ``units``: seconds on the wall that one worker takes."""

    def sweep(workers: int) -> Took:
        with tempfile.TemporaryDirectory() as folder:
            words = ["sweep", str(DEFAULT), "--scheme", "mark, 48h/24h", *values["words"]]
            words += ["--workers", str(workers), "--cells", folder, "--json", "-", "-q"]
            command = [sys.executable, "-m", "sim.cli", *words]
            return _children(
                lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
            )

    one = sweep(1)
    return sweep(2)._replace(units=one.wall_s)


WORKS: Final[Mapping[str, Callable[[Mapping[str, Any]], Took]]] = {
    "nothing": lambda _: _timed(lambda: 1.0),
    "trial": _trial,
    "curve": _curve,
    "plain": _plain,
    "sampled": _sampled,
    "exact": _exact,
    "start": _start,
    "sweep": _sweep,
}


def _peak_bytes() -> float:
    """Most memory that this process held; getrusage would count its parent's at the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def work(kind: str, values: Mapping[str, Any], events: int = 40_000) -> Measured:
    """Do a piece of work between two measurements of the baselines, of so many events."""
    before = _baselines(events)
    took = WORKS[kind](values)
    peak_bytes = _peak_bytes()
    after = _baselines(events)
    events_per_s, arrivals_per_s = (sum(pair) / 2 for pair in zip(before, after, strict=True))
    return Measured(*took, peak_bytes, events_per_s, arrivals_per_s)


def main(kind: str, values: str) -> None:
    """Print what was measured."""
    print(json.dumps(work(kind, json.loads(values))))


if __name__ == "__main__":
    main(*sys.argv[1:])
