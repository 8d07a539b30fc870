"""The program as a user meets it: exit codes, what goes where, and what is left behind."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim import __version__
from sim.atomic import work_folder
from sim.cli import COMMANDS, main
from sim.cli.common import override_of
from sim.cli.init import TEMPLATE
from sim.model.world import simulate
from sim.report import bundle
from sim.report.names import FILES
from sim.scenario.language.schemes import DeletionMark
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.trace.recorder import Trace
from tests.short import SHORT

ROOT = Path(__file__).parents[2]

SCENARIO = SHORT.replace(
    'name = "short"', 'name = "short"\nsummary = "Two days of deletions."'
).replace('"later"', '"later, 6h"')
EFFORT = r"  about \d+ records and [\d.]+ MiB a trial, [\d.]+ s of one CPU in all"
HOLDS = '[expect]\n"at once" = { sometimes = ["query-error"] }\n'
BROKEN = '[expect]\n"at once" = { never = ["query-error"] }\n'


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
    assert output.startswith("short: Two days of deletions.\n\n")
    assert "\nscheme " in output
    assert (
        "invalid at once: never query-error\n        trial 0 (seed 5), query day, from " in output
    )
    assert "gateway 0 reads the block of stream 0, " in output
    again = "again   sim run broken.toml --seed 5 --trials 1 --scheme 'at once'\n"
    why = "why     sim explain broken.toml --scheme 'at once' --seed 5\n"
    assert output.endswith(again + why)
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
    assert capsys.readouterr().out.startswith("scheme,query,metric,value,unit,")


def test_the_number_of_workers_changes_no_byte(capsys: pytest.CaptureFixture[str]) -> None:
    for workers in ("1", "2"):
        assert main(["run", "broken.toml", "-q", "--workers", workers, "--json", workers]) == 1
    assert Path("1").read_bytes() == Path("2").read_bytes()
    capsys.readouterr()


def test_a_folder_of_results(capsys: pytest.CaptureFixture[str]) -> None:
    before = dict[str, bytes]()
    for workers in ("1", "2"):
        assert main(["run", "holds.toml", "--out", "out/run", "--workers", workers]) == 0
        assert _names("out/run") == set(FILES)
        assert _names("out") == {"run"}
        content = {name: Path("out/run", name).read_bytes() for name in FILES}
        assert content == (before or content)
        assert capsys.readouterr().err.endswith("files in out/run\n")
        before = content


def test_a_folder_that_is_not_ours_is_refused_before_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("thesis").mkdir()
    Path("thesis/chapter.tex").touch()
    assert main(["run", "holds.toml", "--out", "thesis"]) == 2
    assert "thesis holds files but no result.json" in capsys.readouterr().err
    assert _names("thesis") == {"chapter.tex"}


@pytest.mark.usefixtures("pictures_unseen")
def test_an_interrupted_writing_leaves_what_is_finished_and_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.study.run

    def files(*_: object, **__: object) -> Iterator[tuple[str, bytes]]:
        yield "result.json", b"{}"
        raise KeyboardInterrupt

    words = ["run", "holds.toml", "--out", "out/run", "--json", "r.json"]
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "files", files)
        before = _names()
        assert main(words) == 130
    message = "sim: interrupted after 4 of 4 trials; the same command goes on from there\n"
    assert capsys.readouterr() == ("", message)
    assert _names() == before | {"out"}
    assert _names("out") == {".run.sim-partial"}
    assert _names("out/.run.sim-partial") == {"lock", "trials"}

    # Nothing is simulated but for the picture of a deletion.
    monkeypatch.setattr(sim.study.run, "run_trial", None)
    assert main(words) == 0
    assert "4 of 4 trials were there already\n" in capsys.readouterr().err
    assert _names("out") == {"run"}
    assert _names("out/run") == set(FILES)


@pytest.mark.usefixtures("pictures_unseen")
def test_trials_are_kept_where_one_says(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "holds.toml", "--resume", "trials", "--json", "r.json"]
    assert main(words) == 0
    assert "already" not in capsys.readouterr().err
    first = Path("r.json").read_bytes()
    assert len(list(Path("trials").rglob("*.json"))) == 4
    assert main([*words, "--out", "out"]) == 0
    assert "4 of 4 trials were there already\n" in capsys.readouterr().err
    assert Path("r.json").read_bytes() == first == Path("out/result.json").read_bytes()
    # Two scenarios do not get in each other's way.
    assert main(["run", "holds.toml", "broken.toml", "--resume", "trials", "-q"]) == 1
    assert len(list(Path("trials").rglob("*.json"))) == 4
    capsys.readouterr()


def test_a_folder_that_another_run_writes_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with work_folder(Path("out").resolve()):
        assert main(["run", "holds.toml", "--out", "out"]) == 2
    assert "out: another run is writing into this folder" in capsys.readouterr().err
    assert "out" not in _names()


@pytest.mark.usefixtures("pictures_unseen")
def test_a_full_disk_is_a_sentence_and_what_is_finished_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Iterator[tuple[str, bytes]]:
        yield "result.json", b"{}"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "out/figure.png")

    with monkeypatch.context() as patch:
        patch.setattr(bundle, "files", full)
        assert main(["run", "holds.toml", "-q", "--out", "out"]) == 2
    assert capsys.readouterr().err == "sim: out/figure.png: No space left on device\n"
    assert _names() == {"holds.toml", "broken.toml", ".out.sim-partial"}
    assert _names(".out.sim-partial") == {"lock", "trials"}
    assert main(["run", "holds.toml", "--out", "out"]) == 0
    assert "4 of 4 trials were there already" in capsys.readouterr().err
    assert _names() == {"holds.toml", "broken.toml", "out"}


@pytest.mark.parametrize("command", ["check", "run", "trace"])
def test_a_law_may_read_outside_if_one_allows_it(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    Path("sub").mkdir()
    Path("lags.csv").write_text("1s\n")
    law = 'upload_takes = { law = "empirical", file = "../lags.csv" }\n'
    text = SCENARIO.replace("[producers]\n", "[producers]\n" + law)
    Path("sub/outside.toml").write_text(text)
    assert main([command, "sub/outside.toml"]) == 2
    said = capsys.readouterr().err.replace("\n    ", " ")
    assert "below the folder of the scenario (--allow-outside" in said
    assert main([command, "sub/outside.toml", "--allow-outside"]) == 0
    output = {"run": "--csv", "trace": "--output"}.get(command)
    if output is not None:
        assert main([command, "sub/outside.toml", "--allow-outside", output, "lags.csv"]) == 2
        assert "lags.csv, which is read" in capsys.readouterr().err
    assert Path("lags.csv").read_text() == "1s\n"


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
    import sim.study.run

    words = ["run", "holds.toml", "--check", "--trials", "1", "--workers", "1"]
    assert main([*words, "-q"]) == 0
    seeds = iter(range(100))

    def drifting(scenario: Scenario, scheme_index: int, trial: int, **_: bool) -> Trace:
        return simulate(scenario, scheme_index, next(seeds))

    monkeypatch.setattr(sim.study.run, "simulate", drifting)
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
        (["run", "holds.toml", "--scheme", "x"], "has no scheme 'x'; there are 'at once'"),
        (["run", "holds.toml", "--set", "trials"], "'trials' is not key=value"),
        (["run", "holds.toml", "--set", "trials=0"], "trials=0 must"),
        (["run", "holds.toml", "broken.toml", "--json", "-"], "one scenario at a time"),
        (["run", "holds.toml", "--json", "-", "--csv", "-"], "would mix"),
        (["run", "holds.toml", "--json", "no/such/folder.json"], "is not a folder"),
        (["run", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["run", "holds.toml", "--out", "/"], "/ is the root of all folders"),
        (["run", "holds.toml", "--json", "holds.toml"], "would overwrite holds.toml, which is"),
        (["run", "holds.toml", "--json", "x", "--csv", "./x"], "would overwrite what --csv writes"),
        (["run", "holds.toml", "--resume", "binary.toml"], "binary.toml is not a folder"),
        (["trace", "holds.toml", "-o", "holds.toml"], "would overwrite holds.toml, which is read"),
        (["check", "pipe.toml"], "pipe.toml: is a pipe, not a regular file"),
        (["check", "/dev/zero"], "/dev/zero: is a device, not a regular file"),
        (["check", "large.toml"], "large.toml: has more than 16 MiB"),
        (["check", "."], ".: is a folder, not a regular file"),
        (["check", "binary.toml"], "must be UTF-8"),
        (["trace", "holds.toml", "--scheme", "x"], "no scheme 'x'"),
        (["run", "holds.toml", "--scheme", "At-once"], "'At-once'; did you mean \"at once\"?"),
        (["stores", "x"], "no store is called 'x'; there are 'strong', 's3', "),
        (["stores", "S3"], "no store is called 'S3'; did you mean \"s3\"?"),
        (["check", "holds.toml", "--set", "store.profile=azure"], 'did you mean "azure-blob"?'),
        (["init", "holds.toml"], "holds.toml exists already"),
    ],
    ids=" ".join,
)
def test_wrong_input_is_two_and_a_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("binary.toml").write_bytes(b"name = \xff")
    Path("large.toml").write_bytes(b"#" * 2**24 + b"\n")
    os.mkfifo("pipe.toml")
    before = _names()
    assert main(words) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors.replace("\n    ", " ")
    assert "Traceback" not in errors
    assert _names() == before


def test_a_fault_of_the_program_is_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.study.run

    def broken(*_: object) -> Trace:
        raise ZeroDivisionError

    monkeypatch.setattr(sim.study.run, "simulate", broken)
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
    start = "2 schemes x 5 trials of 3d, seed 0, 14.4k queries a scheme, digest "
    heads = [line for line in lines if not line.startswith(" ")]
    efforts = [line for line in lines if line.startswith("  about ")]
    assert len(efforts) == 2
    assert [line.partition(": short: ")[0] for line in heads] == ["holds.toml", "broken.toml"]
    assert all(line.partition(": short: ")[2].startswith(start) for line in heads)
    assert all(re.fullmatch(EFFORT, line) for line in efforts)


def test_init_writes_a_scenario_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(TEMPLATE.splitlines()) <= 25
    assert main(["init"]) == 0
    assert "sim run scenario.toml" in capsys.readouterr().err
    assert Path("scenario.toml").read_text() == TEMPLATE
    assert main(["run", "scenario.toml", "-q"]) == 0


def test_what_init_writes_tests_the_delays(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = load(TEMPLATE)
    mark = scenario.schemes[1]
    assert isinstance(mark, DeletionMark)
    last_read_us = (
        mark.ignore_deletion_marks_delay_us
        + scenario.gateways.sync_interval.mean
        + scenario.gateways.sync_takes.mean
        + scenario.queries[0].takes.mean
    )
    assert scenario.queries[0].takes.mean > 0
    assert mark.delete_delay_us > last_read_us + 10 * 60 * 10**6
    # Nothing replaces what retention deletes, so readers let go of it for its mark alone.
    assert main(["init"]) == 0
    one = ["run", "scenario.toml", "--trials", "1"]
    assert main([*one, "-q", "--json", "r.json"]) == 0
    for scheme in json.loads(Path("r.json").read_text())["schemes"]:
        assert scheme["counts"]["retention-overshoot"]["n"] >= 10
    assert main([*one, "-q", "--set", "schemes.1.delete_delay=20m"]) == 1
    assert "invalid mark first: never query-error" in capsys.readouterr().err


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
