"""Jobs in one process or several: order, errors, interrupts, and no process left behind."""

from __future__ import annotations

import gc
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.errors import ModelError
from sim.study.executors import run_jobs, usable_cpus

ROOT = Path(__file__).parents[2]

# A parent with two busy workers; a job is an hour of sleep.
PARENT = """
import multiprocessing, sys, threading, time
from sim.study.executors import run_jobs

def _busy(number):
    # One call that Python cannot interrupt, for minutes.
    return sum(range(number * 100))

def tell():
    while len(multiprocessing.active_children()) < 2:
        time.sleep(0.01)
    time.sleep(1.0)
    print('at work', flush=True)

if __name__ == "__main__":
    threading.Thread(target=tell, daemon=True).start()
    try:
        run_jobs(time.sleep, [3600, 3600, 3600], count=3, workers=2)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""

UNGUARDED = """
import math
from sim.errors import ModelError
from sim.study.executors import run_jobs

try:
    run_jobs(math.factorial, [1, 2, 3], count=3, workers=2)
except ModelError as error:
    print(error)
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
    results = run_jobs(math.factorial, [5, 3, 4], count=3, workers=workers, on_result=seen.append)
    assert results == [120, 6, 24]
    assert sorted(seen) == [6, 24, 120]


@pytest.mark.parametrize("workers", [None, 2])
def test_no_jobs_give_no_results(workers: int | None) -> None:
    assert run_jobs(math.factorial, [], count=0, workers=workers) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_job_comes_through(workers: int) -> None:
    with pytest.raises(ValueError, match="three"):
        run_jobs(_fail, [1, 2, 3, 4], count=4, workers=workers)


def _objects_between(_: int) -> int:
    return gc.get_threshold()[0]


def test_workers_look_for_garbage_seldom_and_others_as_they_did() -> None:
    own = gc.get_threshold()[0]
    assert run_jobs(_objects_between, [1, 2], count=2, workers=1) == [own, own]
    assert min(run_jobs(_objects_between, [1, 2], count=2, workers=2)) >= 100_000 > own


def test_a_worker_that_dies_breaks_the_run() -> None:
    with pytest.raises(ModelError, match="worker"):
        run_jobs(_leave, [1, 1], count=2, workers=2)


def test_cpus_are_counted() -> None:
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)


def _slowly(number: int) -> int:
    """Leave with job 3, when job 0 has long ended."""
    if number == 3:
        time.sleep(1.0)
        os._exit(1)
    return number


def test_what_was_finished_before_a_worker_died_is_reported() -> None:
    seen: list[int] = []
    with pytest.raises(ModelError, match="worker"):
        run_jobs(_slowly, range(4), count=4, workers=2, on_result=seen.append)
    assert {0, 1} <= set(seen) <= {0, 1, 2}


@pytest.mark.parametrize("workers", [1, 2])
def test_jobs_are_taken_when_there_is_somebody_to_do_them(workers: int) -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for number in range(10**9):
            taken.append(number)
            yield number

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(math.factorial, jobs(), count=10**9, workers=workers, on_result=stop)
    assert len(taken) <= 2 * workers + 1


def test_an_entry_that_is_not_guarded_is_told_in_a_sentence(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == (
        "broken invariant: a program that starts workers guards its entry "
        '(put what starts them below: if __name__ == "__main__":)'
    )


@pytest.mark.usefixtures("signals_as_usual")
def test_a_busy_worker_does_not_hold_an_interrupt_up(tmp_path: Path) -> None:
    parent = _start_parent(tmp_path, PARENT.replace("time.sleep, [3600", "_busy, [10**9"))
    began_s = time.perf_counter()
    parent.send_signal(signal.SIGINT)
    output, errors = parent.communicate(timeout=30)
    assert (output, errors, parent.returncode) == ("interrupted\n", "", 0)
    assert time.perf_counter() - began_s < 1.0


def _start_parent(tmp_path: Path, text: str = PARENT) -> subprocess.Popen[str]:
    """Start the parent as a session of its own and wait until its workers are at work."""
    script = tmp_path / "parent.py"
    script.write_text(text, encoding="utf-8")
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


@pytest.mark.usefixtures("signals_as_usual")
def test_an_interrupt_of_the_terminal_ends_all_without_noise(tmp_path: Path) -> None:
    parent = _start_parent(tmp_path)
    os.killpg(parent.pid, signal.SIGINT)
    output, errors = parent.communicate(timeout=30)
    assert (output, errors, parent.returncode) == ("interrupted\n", "", 0)
