"""Whatever ends a run and whenever: nothing is half written, and nothing finished is lost."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.scenario.load import load
from sim.study.finished import FinishedTrials
from tests.short import SHORT

pytestmark = pytest.mark.usefixtures("signals_as_usual")

ROOT = Path(__file__).parents[2]
# Nothing is ever deleted, so there is little to draw: most of the time goes to trials.
SCENARIO = (
    SHORT.partition("[[schemes]]")[0].replace('"3d"', '"4d"').replace("trials = 2", "trials = 3")
    + """
[[schemes]]
name = "late"
kind = "deletion-mark"
delete_delay = "30d"

[[schemes]]
name = "later"
kind = "deletion-mark"
delete_delay = "31d"
"""
)
# Drawing is most of the time of so small a run, but kills are to meet trials and files.
PROGRAM = """
import sys
from sim.cli import main

if __name__ == "__main__":
    from sim.report import bundle

    for saved in ("to_svg", "to_png"):
        setattr(bundle, saved, lambda _: b'<svg viewBox="0 0 1 1"></svg>')
    sys.exit(main())
"""
WORDS = ["run", "short.toml", "--out", "out/run", "--json", "out/short.json"]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Until Python has read the program, a signal is Python's own affair.
STARTING_S = 0.5
# A busy machine is no failure; what has not ended by then never will.
HANGS_S = 900


class _Runs:
    """Runs of one command in one folder, some of them ended early."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "out"
        self.kept = self.results / ".run.sim-partial" / "trials"
        (folder / "short.toml").write_text(SCENARIO)
        (folder / "program.py").write_text(PROGRAM)
        began_s = time.perf_counter()
        self.results.mkdir()
        process = self._start(1)
        _, errors = process.communicate(timeout=HANGS_S)
        assert process.returncode == 0, errors
        self.took_s = time.perf_counter() - began_s
        self.expected = self.content()
        self.anew()

    def _start(self, workers: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "program.py", *WORDS, "--workers", str(workers)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def anew(self) -> None:
        """Begin again without any results."""
        shutil.rmtree(self.results)
        self.results.mkdir()

    def content(self) -> dict[str, bytes]:
        """Every file below the folder of results, by its path."""
        files = [path for path in self.results.rglob("*") if path.is_file()]
        return {path.relative_to(self.results).as_posix(): path.read_bytes() for path in files}

    def finished(self) -> dict[str, tuple[int, int]]:
        """Finished trials: name, and what tells a file from one that was written again."""
        stats = {path.name: path.stat() for path in self.kept.rglob("*.json")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}

    def end(self, after_s: float, number: int, workers: int) -> tuple[int, str]:
        """Start the command and send it a signal after a time; its exit code and messages."""
        process = self._start(workers)
        time.sleep(after_s)
        process.send_signal(number)
        _, errors = process.communicate(timeout=HANGS_S)
        return process.returncode, errors

    def complete(self) -> str:
        """Run the command to its end and check what it leaves; its messages."""
        process = self._start(1)
        _, errors = process.communicate(timeout=HANGS_S)
        assert process.returncode == 0, errors
        assert self.content() == self.expected
        return errors

    def check_nothing_is_half_written(self) -> None:
        content = self.content()
        whole = {path for path in content if not path.startswith(".")}
        # The folder and the file are written one after the other, each at once.
        assert {path: content[path] for path in whole} in (
            {},
            {path: text for path, text in self.expected.items() if path.startswith("run/")},
            self.expected,
        )
        said: list[str] = []
        finished = FinishedTrials(self.kept, say=said.append)
        files = finished.of(load(SCENARIO), mode="exact", check=False)
        assert len(dict(files)) == len(self.finished())
        assert not said

    def leftovers(self) -> set[str]:
        """What a run that left in order should have removed, by its path."""
        hidden = {path for path in self.content() if path.startswith(".")}
        trials = {path for path in hidden if path.endswith(".json")}
        return hidden - trials - ({".run.sim-partial/lock"} if trials else set())


LEFT_IN_ORDER = re.compile(r"sim: interrupted after [1-9]")
"""What a run says that had begun, so that what an earlier one left was removed, and had the time to
remove its own."""


def _kill(folder: Path, count: int) -> None:
    """End `count` runs at drawn moments; the seed is fixed, the moments are the machine's."""
    runs = _Runs(folder)
    draw = random.Random(6)
    before: dict[str, tuple[int, int]] = {}
    for turn in range(count):
        number, workers = SIGNALS[turn % 3], draw.choice((1, 1, 2))
        after_s = draw.uniform(0, runs.took_s)
        code, errors = runs.end(after_s, number, workers)
        where = f"kill {turn}: {number.name} after {after_s:.3f} s, {workers} workers: {errors}"
        assert code in (0, 130, -number) or after_s < STARTING_S, where
        runs.check_nothing_is_half_written()
        if code == 0 or LEFT_IN_ORDER.search(errors):
            assert runs.leftovers() == set(), where
        if before and "already" in errors:
            assert f"{len(before)} of 6 trials were there already" in errors, where
        before_that, before = before, runs.finished()
        if "run/result.json" not in runs.content():
            assert before_that.items() <= before.items(), where
            continue
        # All was done, perhaps but for removing what is no longer needed.
        if code == 0:
            assert runs.content() == runs.expected, where
        else:
            runs.complete()
        runs.anew()
        before = {}
    message = runs.complete()
    if before:
        assert f"{len(before)} of 6 trials were there already" in message


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    _kill(tmp_path, 3)


@pytest.mark.nightly
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    _kill(tmp_path, 100)
