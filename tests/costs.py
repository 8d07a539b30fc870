"""Measures what `sim.analysis.effort.estimate` takes for granted, in a few minutes.

``python -m tests.costs`` runs it.

Each case runs in a process of its own; the table shows what was measured, and the estimate as a
multiple of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sim.analysis.effort.estimate import effort
from sim.scenario.load import load
from sim.study.run import Mode

SCENARIOS = Path(__file__).parents[1] / "scenarios"

CASES: tuple[tuple[str, Mapping[str, Any], int, Mode], ...] = (
    ("thanos-2022", {}, 0, "exact"),
    ("thanos-2022", {}, 1, "exact"),
    ("thanos-2022", {"producers.count": 100}, 1, "exact"),
    ("thanos-2022", {"producers.count": 100, "gateways.count": 10}, 1, "exact"),
    ("thanos-2022", {"producers.count": 10_000, "horizon": "97h"}, 1, "exact"),
    ("thanos-2022", {"producers.chunk_files": 10_000}, 0, "exact"),
    ("thanos-2022", {"producers.chunk_files": 10_000}, 1, "exact"),
    ("thanos-2022", {"gateways.count": 200}, 1, "exact"),
    ("thanos-2022", {"gateways.sync_interval": "5s"}, 1, "exact"),
    ("thanos-2022", {"compactor.wait_interval": "5s"}, 1, "exact"),
    ("thanos-2022", {"compactor.cleanup": "every 5s"}, 1, "exact"),
    ("thanos-2022", {"store.lag.create.get": "1s"}, 1, "exact"),
    ("thanos-2022", {"store.lag.create.get": "1s", "store.replicas": 300}, 1, "exact"),
    ("thanos-2022", {"store.error_rate": 0.02}, 1, "exact"),
    ("thanos-2022", {"producers.upload_takes": "1m", "producers.chunk_files": 100}, 1, "exact"),
    (
        "thanos-2022",
        {"producers.block_length": "1m", "compactor.ranges": ["1m", "8m"], "horizon": "5d"},
        1,
        "exact",
    ),
    (
        "thanos-2022",
        {"producers.count": 20, "queries.0.streams": 5, "queries.0.rate": "20/s"},
        0,
        "sampled",
    ),
)


class Measured(NamedTuple):
    """What one trial took: records, peak resident memory, seconds of CPU."""

    records: int
    memory_bytes: float
    cpu_s: float


# In a process of its own, for its peak memory: one that is forked has that of its parent too.
_PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from sim.scenario.load import load
from sim.study.run import run_trial
path, overrides, scheme, mode = json.loads(sys.argv[1])
began_s = time.process_time()
result = run_trial(load(path, overrides), scheme, 0, mode)
cpu_s = time.process_time() - began_s
status = Path("/proc/self/status")
if status.exists():
    peak_k = int(status.read_text().partition("VmHWM:")[2].split()[0])
else:
    peak_k = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([result.records, peak_k * 1024, cpu_s]))
"""


def measure(name: str, overrides: Mapping[str, Any], scheme: int, mode: Mode) -> Measured:
    """Run trial 0 of a scheme in a child process."""
    job = json.dumps([str(SCENARIOS / f"{name}.toml"), overrides, scheme, mode])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, job],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return Measured(*json.loads(done.stdout))


def main() -> None:
    """Print the table."""
    print("  records   ×est      MiB   ×est   CPU s   ×est  case")
    for name, overrides, scheme, mode in CASES:
        found = measure(name, overrides, scheme, mode)
        scenario = load(SCENARIOS / f"{name}.toml", overrides)
        only = scenario.model_copy(update={"schemes": scenario.schemes[scheme : scheme + 1]})
        expected = effort(only, mode=mode)
        cpu_s = expected.cpu_s / scenario.trials
        print(
            f"{found.records:9} {expected.records / found.records:6.2f} "
            f"{found.memory_bytes / 2**20:8.1f} {expected.memory_bytes / found.memory_bytes:6.2f} "
            f"{found.cpu_s:7.2f} {cpu_s / found.cpu_s:6.2f}  {name} {dict(overrides)} {mode}",
            flush=True,
        )


if __name__ == "__main__":
    main()
