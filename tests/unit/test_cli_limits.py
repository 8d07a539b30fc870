"""What a run would take, whether that is too much, and whether its delays are safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.analysis.results import Result
from sim.cli import main
from sim.scenario.schema import Scenario
from sim.trace.recorder import Trace

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to be in, with a small scenario."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "holds.toml").write_text(SMALL)


SMALL = """
schema = 1
name = "small"
horizon = "2d"
trials = 1
compactor.ranges = ["2h", "8h"]
gateways.sync_interval = "3m"
queries = [{ name = "day", rate = "1/m", range = "1d" }]
schemes = [{ name = "at once", kind = "immediate" }]
"""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "producers.chunk_files=1000000000"], "producers.chunk_files=1000000000 must"),
        (["--set", "gateways.sync_interval=1us"], 'gateways.sync_interval="1us" must'),
        (["--max-memory", "10MiB"], " must let the run fit into 10 MiB of memory"),
        (["--max-events", "100"], " must let the run end within 100 events"),
        (["--set", 'queries.0.takes={law="pareto", minimum="1s", alpha=1.0}'], "a finite mean"),
    ],
    ids=str,
)
def test_a_run_that_is_too_much_is_refused_at_once(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "holds.toml", *words]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors.replace("\n    ", " ")


def test_what_is_too_much_runs_if_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "holds.toml", "-q", "--max-events", "100", "--max-memory", "1MiB"]
    assert main(words) == 2
    assert main([*words, "--yes"]) == 0
    assert main(["trace", "holds.toml", "--set", "producers.chunk_files=100000000"]) == 2
    assert "producers.chunk_files=100000000 must let" in capsys.readouterr().err
    assert main(["run", "holds.toml", "--max-memory", "much"]) == 2
    assert "'much' is no size such as 2GiB" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("memory", "asked", "workers"),
    [("64GiB", [], None), ("250MiB", [], 3), ("90MiB", [], 1), ("250MiB", ["--workers", "2"], 2)],
)
def test_no_more_processes_than_the_memory_holds(
    memory: str,
    asked: list[str],
    workers: int | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sim.study.executors
    import sim.study.run

    real, given = sim.study.run.run_scenario, []

    def noted(*scenario: Scenario, **options: Any) -> Result:
        given.append(options["workers"])
        return real(*scenario, **{**options, "workers": 1})

    monkeypatch.setattr(sim.study.run, "run_scenario", noted)
    monkeypatch.setattr(sim.study.executors, "usable_cpus", lambda: 8)
    assert main(["run", "holds.toml", "-q", "--trials", "1", "--max-memory", memory, *asked]) == 0
    assert given == [workers]
    capsys.readouterr()


def test_no_memory_is_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.study.run

    def hungry(*_: object) -> Trace:
        raise MemoryError

    monkeypatch.setattr(sim.study.run, "simulate", hungry)
    assert main(["run", "holds.toml", "--workers", "1"]) == 3
    assert capsys.readouterr().err == "sim: out of memory; nothing can be concluded\n"


def test_check_says_which_delay_is_too_short_and_by_how_much(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", str(ROOT / "scenarios/mark-shorter-than-hide.toml")]) == 0
    said = capsys.readouterr().out
    assert (
        "    R1 broken delete_delay 2h, needs 1d15m30s = H 1d + P 15m + Q 30s: 22h15m30s short; it "
        "protects reads of blocks that only a mark hides (retention, by hand)\n"
    ) in said
    assert (
        "    R1 holds  delete_delay 2h, needs 1h15m30s = H 1h + P 15m + Q 30s: slack 44m30s\n"
    ) in said


def test_check_leaves_out_what_nothing_depends_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "holds.toml"]) == 0
    said = capsys.readouterr().out
    assert "R2 broken delete_delay 0s, needs 3m: 3m short" in said
    assert "R6" not in said


def test_check_says_what_no_delay_helps_against(capsys: pytest.CaptureFixture[str]) -> None:
    takes = 'queries.0.takes={law="exponential", mean="1s"}'
    assert main(["check", "holds.toml", "--set", takes, "--set", "store.error_rate=0.1"]) == 0
    said = capsys.readouterr().out
    assert "needs without end = P 3m + Q without end; 3m14s but for one draw in 1," in said
    assert "000,000 of each; nothing bounds: longest query; requests fail" in said
    assert "requests fail, so syncs may fail any number of times (store)" in said


def test_a_world_that_stops_is_a_warning_above_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lag = 'store.lag.create.list={law="exponential", mean="5h", at_most="9h"}'
    words = ["--set", lag, "--set", "compactor.consistency_delay=0s"]
    assert main(["run", "holds.toml", *words]) == 0
    said = capsys.readouterr().out
    assert said.index("warning: at once: the compactor halted") < said.index("failed")
    busy = ["--set", "compactor.compaction_takes=30h"]
    assert main(["run", "holds.toml", *busy]) == 0
    said = capsys.readouterr().out
    assert "warning: at once: the compactor never catches up: " in said
    assert "are compactor.count and concurrency too small? (in 1 of 1 trials)" in said
    assert "seen in 0 of 1 trials, no deletion that a query could meet: at once" in said


def test_a_zero_stands_beside_what_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "holds.toml", "--trials", "2"]) == 0
    said = capsys.readouterr().out
    assert "seen in 2 of 2 trials, 40 of 40 deletions: at once" in said
