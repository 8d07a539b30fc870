"""Ctrl-C and a request to terminate end a run within a second, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.cli import main
from tests.made_results import SCENARIO

pytestmark = pytest.mark.usefixtures("signals_as_usual")

ROOT = Path(__file__).parents[2]
# A million producers take a second to build, and three to free.
LARGE = ["--set", "producers.count=1000000", "--set", "horizon=3h", "--set", "warmup=0s"]

# Sends itself a signal as soon as its workers are at work.
STOPPED = """
import multiprocessing, os, signal, sys, threading, time
from sim.cli import main

def stop():
    while len(multiprocessing.active_children()) < 2:
        time.sleep(0.01)
    time.sleep(0.5)
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))

if __name__ == "__main__":
    threading.Thread(target=stop, daemon=True).start()
    sys.exit(main(sys.argv[2:]))
"""

# A run that an interrupt does not reach, as if it came while a destructor was at work.
SWALLOWING = """
import contextlib, os, signal, sys, time
import sim.study.run

def run_trial(*_, **__):
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    time.sleep(60)

if __name__ == "__main__":
    from sim.cli import main
    sim.study.run.run_trial = run_trial
    sys.exit(main())
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(SCENARIO)


def _names(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    assert hasattr(signal, name)
    (tmp_path / "stopped.py").write_text(STOPPED)
    before = _names(tmp_path)
    words = ["run", "short.toml", "--set", "horizon=2000d", "--trials", "8", "--workers", "2"]
    targets = ["--out", "out", "--json", "r.json"]
    done = subprocess.run(
        [sys.executable, "stopped.py", name, *words, *targets],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == "sim: interrupted after 0 of 16 trials\n"
    assert (done.returncode, done.stdout) == (130, "")
    assert _names(tmp_path) == before


@pytest.mark.parametrize(
    ("number", "words", "workers"),
    [
        (signal.SIGINT, LARGE, "1"),
        (signal.SIGTERM, LARGE, "2"),
        (signal.SIGTERM, ["--trials", "1000000000"], "1"),
        (signal.SIGINT, ["--trials", "1000000000"], "2"),
    ],
)
def test_an_interrupt_is_answered_within_a_second(
    tmp_path: Path, number: signal.Signals, words: list[str], workers: str
) -> None:
    before = _names(tmp_path)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sim.cli",
            "run",
            "short.toml",
            "--yes",
            *words,
            "--workers",
            workers,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4.0)
    began_s = time.perf_counter()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    # One second for the program, and one for a machine that has other things to do.
    assert time.perf_counter() - began_s < 2.0
    assert process.returncode == 130
    assert errors.startswith("sim: interrupted after ")
    assert _names(tmp_path) == before


def test_an_interrupt_that_is_swallowed_ends_the_run_nevertheless(tmp_path: Path) -> None:
    (tmp_path / "swallowing.py").write_text(SWALLOWING)
    done = subprocess.run(
        [sys.executable, "swallowing.py", "run", "short.toml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 130


def test_an_interrupt_that_became_another_error_is_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def draw(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5.0)
        except KeyboardInterrupt:
            raise ValueError("what compiled code makes of it") from None

    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.toml").write_text(SCENARIO)
    monkeypatch.setattr("sim.study.run.simulate", draw)
    assert main(["run", "short.toml", "--workers", "1"]) == 130
    assert capsys.readouterr().err == "sim: interrupted\n"
