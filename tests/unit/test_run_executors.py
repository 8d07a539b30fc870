"""Jobs in one process or several: order, errors, interrupts, and no process left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sim.errors import ModelError
from sim.executors import run_jobs, usable_cpus

ROOT = Path(__file__).parents[2]

# A parent with two busy workers; a job is an hour of sleep.
PARENT = """
import multiprocessing, sys, threading, time
from sim.executors import run_jobs

def tell():
    while len(multiprocessing.active_children()) < 2:
        time.sleep(0.01)
    time.sleep(1.0)
    print('at work', flush=True)

if __name__ == "__main__":
    threading.Thread(target=tell, daemon=True).start()
    try:
        run_jobs(time.sleep, [3600, 3600, 3600], workers=2)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def _leave(code: int) -> None:
    os._exit(code)


def _fail(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


@pytest.mark.parametrize("workers", [None, 1, 2, 5])
def test_results_stand_in_the_order_of_the_jobs(workers: int | None) -> None:
    seen: list[int] = []
    results = run_jobs(math.factorial, [5, 3, 4], workers=workers, on_result=seen.append)
    assert results == [120, 6, 24]
    assert sorted(seen) == [6, 24, 120]


@pytest.mark.parametrize("workers", [None, 2])
def test_no_jobs_give_no_results(workers: int | None) -> None:
    assert run_jobs(math.factorial, [], workers=workers) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_job_comes_through(workers: int) -> None:
    with pytest.raises(ValueError, match="three"):
        run_jobs(_fail, [1, 2, 3, 4], workers=workers)


def test_a_worker_that_dies_breaks_the_run() -> None:
    with pytest.raises(ModelError, match="worker"):
        run_jobs(_leave, [1, 1], workers=2)


def test_cpus_are_counted() -> None:
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)


def _start_parent(tmp_path: Path) -> subprocess.Popen[str]:
    """Start the parent as a session of its own and wait until its workers are at work."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "at work\n"
    return parent


# Workers hold their parent's standard output: it ends when the last of them has ended.


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent = _start_parent(tmp_path)
    parent.kill()
    output, _ = parent.communicate(timeout=30)
    assert output == ""


def test_an_interrupt_of_the_terminal_ends_all_without_noise(tmp_path: Path) -> None:
    parent = _start_parent(tmp_path)
    os.killpg(parent.pid, signal.SIGINT)
    output, errors = parent.communicate(timeout=30)
    assert (output, errors, parent.returncode) == ("interrupted\n", "", 0)
