"""The program as a user meets it: exit codes, what goes where, and what is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim import __version__
from sim.analysis.results import Result
from sim.cli import COMMANDS, main
from sim.cli.common import override_of
from sim.cli.init import TEMPLATE
from sim.model.world import simulate
from sim.report import bundle
from sim.report.names import FILES
from sim.scenario.schema import Scenario
from sim.trace.recorder import Trace

ROOT = Path(__file__).parents[2]

SCENARIO = """
schema = 1
name = "short"
summary = "Two days of deletions."
horizon = "3d"
warmup = "1d"
trials = 2

[compactor]
ranges = ["2h", "8h"]

[producers]
local_retention = "2h"

[[queries]]
name = "day"
rate = "1/m"
range = "1d"

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "later, 6h"
kind = "deletion-mark"
delete_delay = "6h"
ignore_deletion_marks_delay = "3h"
"""
EFFORT = r"  about \d+ records and [\d.]+ MiB a trial, [\d.]+ s of one CPU in all"
HOLDS = '[expect]\n"at once" = { sometimes = ["query-error"] }\n'
BROKEN = '[expect]\n"at once" = { never = ["query-error"] }\n'

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


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to be in, with a scenario that holds and one that does not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "holds.toml").write_text(SCENARIO + HOLDS)
    (tmp_path / "broken.toml").write_text(SCENARIO + BROKEN)


def _names(path: Path | str = ".") -> set[str]:
    return {file.name for file in Path(path).iterdir()}


def test_exit_codes_follow_the_expectations(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "holds.toml"]) == 0
    assert main(["run", "broken.toml"]) == 1
    assert main(["run", "holds.toml", "broken.toml", "--trials", "1"]) == 1
    rare = ["--mode", "sampled", "--set", 'queries.0.rate="0.0000001/h"']
    assert main(["run", "broken.toml", *rare]) == 3
    capsys.readouterr()


def test_the_screen_says_what_happened_and_how_to_have_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "broken.toml", "--trials", "1", "--seed", "5", "--scheme", "at once"]) == 1
    output, errors = capsys.readouterr()
    assert output.startswith("short: Two days of deletions.\n\nscheme ")
    assert (
        "invalid at once: never query-error\n        trial 0 (seed 5), query day, from " in output
    )
    assert "gateway 0 reads the block of stream 0, " in output
    again = "again   sim run broken.toml --seed 5 --trials 1 --scheme 'at once'\n"
    assert output.endswith(again)
    assert "later" not in output
    assert errors.startswith("1 trial in ")
    assert errors.count("\n") == 1
    table = output[: output.index("invalid")]
    assert max(map(len, table.splitlines())) <= 80


def test_quiet_says_only_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "holds.toml", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["run", "broken.toml", "-q"]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("invalid at once: never query-error\n")


def test_a_dash_gives_nothing_but_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "broken.toml", "--json", "-"]) == 1
    output, errors = capsys.readouterr()
    document = json.loads(output)
    assert document["version"] == __version__
    assert document["expect"][0]["verdict"] == "invalid"
    assert document["expect"][0]["witness"]["gateway"] == 0
    assert "again   sim run" in errors
    assert main(["run", "holds.toml", "--csv", "-", "-q"]) == 0
    assert capsys.readouterr().out.startswith("scheme,query,outcome,fraction,")


def test_the_number_of_workers_changes_no_byte(capsys: pytest.CaptureFixture[str]) -> None:
    for workers in ("1", "2"):
        assert main(["run", "broken.toml", "-q", "--workers", workers, "--json", workers]) == 1
    assert Path("1").read_bytes() == Path("2").read_bytes()
    capsys.readouterr()


def test_a_folder_of_results(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["run", "holds.toml", "-q", "--out", "out/run"]) == 0
        assert _names("out/run") == set(FILES)
        assert _names("out") == {"run"}
    before = {name: Path("out/run", name).read_bytes() for name in FILES}
    capsys.readouterr()
    assert main(["run", "holds.toml", "--out", "out/again", "--workers", "2"]) == 0
    assert {name: Path("out/again", name).read_bytes() for name in FILES} == before
    assert capsys.readouterr().err.endswith("files in out/again\n")


def test_a_folder_that_is_not_ours_is_refused_before_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("thesis").mkdir()
    Path("thesis/chapter.tex").touch()
    assert main(["run", "holds.toml", "--out", "thesis"]) == 2
    assert "thesis holds files but no result.json" in capsys.readouterr().err
    assert _names("thesis") == {"chapter.tex"}


def test_an_interrupted_writing_leaves_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def files(*_: object) -> Iterator[tuple[str, bytes]]:
        yield "result.json", b"{}"
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle, "files", files)
    before = _names()
    assert main(["run", "holds.toml", "--out", "out/run", "--json", "r.json"]) == 130
    assert _names() == before
    assert capsys.readouterr() == ("", "sim: interrupted after 4 of 4 trials\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    assert hasattr(signal, name)
    (tmp_path / "stopped.py").write_text(STOPPED)
    before = _names()
    words = ["run", "holds.toml", "--set", "horizon=2000d", "--trials", "8", "--workers", "2"]
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
    assert _names() == before


def test_a_reader_that_goes_away_is_no_verdict(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli", "run", "holds.toml", "--trials", "1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_run_can_check_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.run

    words = ["run", "holds.toml", "--check", "--trials", "1", "--workers", "1"]
    assert main([*words, "-q"]) == 0
    seeds = iter(range(100))

    def drifting(scenario: Scenario, scheme_index: int, trial: int) -> Trace:
        return simulate(scenario, scheme_index, next(seeds))

    monkeypatch.setattr(sim.run, "simulate", drifting)
    assert main(words) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("sim: two runs of the same scenario and seed differ at record ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run"], "Missing argument 'FILE...'"),
        (["run", "holds.toml", "--trails", "3"], "--trials"),
        (["run", "holds.toml", "--workers", "0"], "--workers"),
        (["run", "holds.toml", "--scheme", "x"], "has no scheme 'x'; it has 'at once'"),
        (["run", "holds.toml", "--set", "trials"], "'trials' is not key=value"),
        (["run", "holds.toml", "--set", "trials=0"], "trials=0 must"),
        (["run", "holds.toml", "broken.toml", "--json", "-"], "one scenario at a time"),
        (["run", "holds.toml", "--json", "-", "--csv", "-"], "would mix"),
        (["run", "holds.toml", "--json", "no/such/folder.json"], "is not a folder"),
        (["run", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["check", "."], ".: Is a directory"),
        (["check", "binary.toml"], "must be UTF-8"),
        (["trace", "holds.toml", "--scheme", "x"], "no scheme 'x'"),
        (["stores", "x"], "no store is called 'x'"),
        (["init", "holds.toml"], "holds.toml exists already"),
    ],
    ids=" ".join,
)
def test_wrong_input_is_two_and_a_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("binary.toml").write_bytes(b"name = \xff")
    before = _names()
    assert main(words) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors
    assert "Traceback" not in errors
    assert _names() == before


def test_a_fault_of_the_program_is_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.run

    def broken(*_: object) -> Trace:
        raise ZeroDivisionError

    monkeypatch.setattr(sim.run, "simulate", broken)
    assert main(["run", "holds.toml", "--workers", "1"]) == 3
    assert "a fault of sim itself" in capsys.readouterr().err


def test_check_points_at_every_problem(capsys: pytest.CaptureFixture[str]) -> None:
    text = SCENARIO.replace('warmup = "1d"', "\twarmup = 3").replace('"2h", "8h"', '"8h", "2h"')
    Path("wrong.toml").write_text(text)
    assert main(["check", "holds.toml", "wrong.toml"]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert "wrong.toml:6:11: warmup=3 must " in errors
    assert "    6 |  warmup = 3\n      |           ^\n" in errors
    assert "wrong.toml:10:" in errors


def test_check_says_what_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "holds.toml", "broken.toml", "--set", "trials=5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = "2 schemes x 5 trials of 3d, seed 0, 1.44e+04 queries a scheme, digest "
    heads, efforts = lines[::2], lines[1::2]
    assert [line.partition(": short: ")[0] for line in heads] == ["holds.toml", "broken.toml"]
    assert all(line.partition(": short: ")[2].startswith(start) for line in heads)
    assert all(re.fullmatch(EFFORT, line) for line in efforts)


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
    import sim.executors
    import sim.run

    real, given = sim.run.run_scenario, []

    def noted(*scenario: Scenario, **options: Any) -> Result:
        given.append(options["workers"])
        return real(*scenario, **{**options, "workers": 1})

    monkeypatch.setattr(sim.run, "run_scenario", noted)
    monkeypatch.setattr(sim.executors, "usable_cpus", lambda: 8)
    assert main(["run", "holds.toml", "-q", "--trials", "1", "--max-memory", memory, *asked]) == 0
    assert given == [workers]
    capsys.readouterr()


def test_no_memory_is_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.run

    def hungry(*_: object) -> Trace:
        raise MemoryError

    monkeypatch.setattr(sim.run, "simulate", hungry)
    assert main(["run", "holds.toml", "--workers", "1"]) == 3
    assert capsys.readouterr().err == "sim: out of memory; nothing can be concluded\n"


def test_init_writes_a_scenario_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(TEMPLATE.splitlines()) <= 25
    assert main(["init"]) == 0
    assert "sim run scenario.toml" in capsys.readouterr().err
    assert Path("scenario.toml").read_text() == TEMPLATE
    assert main(["run", "scenario.toml", "--trials", "1", "-q"]) == 0


def test_stores_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stores"]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith("strong ")
    assert main(["stores", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [line.split()[0] for line in listed.splitlines()] == [store["name"] for store in data]
    for store in data:
        assert main(["stores", store["name"]]) == 0
        shown = capsys.readouterr().out
        table = shown[shown.index("[store]") :].replace("\n# ", "\n").split("\n\n")[0]
        values = tomllib.loads(table)["store"]
        assert values == {**store["values"], "profile": store["name"]}
        assert all(f"{row['key']}: {row['value']}" in shown for row in store["provenance"])


def test_a_trace_is_lines_with_a_digest(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trace", "holds.toml", "--scheme", "later, 6h", "--trial", "1"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    header, footer = json.loads(lines[0]), json.loads(lines[-1])
    assert (header["scheme"], header["trial"], header["seed"]) == ("later, 6h", 1, 1)
    assert footer["records"] == len(lines) - 2
    assert main([*words, "-o", "t.jsonl"]) == 0
    assert Path("t.jsonl").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=5", 5),
        ("a.b=5m", "5m"),
        ('a.b="5m"', "5m"),
        ("a.b=true", True),
        ("a.b=[1, 2]", [1, 2]),
        ('a.b={ law = "constant", value = "5s" }', {"law": "constant", "value": "5s"}),
        ("a.b=", ""),
        ("a.b=x=y", "x=y"),
    ],
)
def test_overrides_are_toml_or_text(text: str, value: object) -> None:
    assert override_of(text) == ("a.b", value)


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert f"{name} " in listed
        assert main([name, "--help"]) == 0
        assert summary.split(";")[0].split(",")[0].rstrip(".") in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sim, version {__version__}\n"
