"""``sim sweep``: what it writes and says, and everything wrong with a call at once."""

from __future__ import annotations

import html
import json
import shlex
import sys
from pathlib import Path

import pytest

from sim.cli import main
from sim.errors import RunInterrupted
from sim.report.names import SWEEP_FILES
from sim.scenario.load import load
from sim.study import units as units_module
from tests.short import SHORT

DELAYS = ["--vary", "schemes.later.delete_delay=0s,10m,2h"]
SYNCS = ["--vary", "gateways.sync_interval=3m,15m"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "short.toml").write_text(SHORT)
    return tmp_path


def _sweep(*words: str) -> int:
    return main(["sweep", "short.toml", "--workers", "1", *words])


@pytest.mark.usefixtures("pictures_unseen")
def test_it_writes_a_folder_and_files_and_shows_a_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--json", "s.json", "--csv", "s.csv", "--parquet", "s.parquet"]
    assert _sweep(*DELAYS, *SYNCS, "--out", "out", *files) == 0
    shown = capsys.readouterr()
    assert {path.name for path in (folder / "out").iterdir()} == set(SWEEP_FILES)
    assert (folder / "out/sweep.json").read_bytes() == (folder / "s.json").read_bytes()
    assert (folder / "out/sweep.csv").read_bytes() == (folder / "s.csv").read_bytes()
    assert (folder / "s.parquet").read_bytes()[:4] == b"PAR1"
    document = json.loads((folder / "s.json").read_text())
    assert len(document["cells"]) == 6
    assert str(folder) not in (folder / "s.json").read_text()
    lines = shown.out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert "10m, 15m" in shown.out
    assert f"digest  {document['digest']}" in lines
    assert "trials kept in .sim-cells" in shown.err
    assert "files in out" in shown.err
    assert (folder / ".sim-cells/.gitignore").read_text() == "*\n"


def test_a_second_call_runs_nothing_and_writes_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sweep(*DELAYS, "--json", "one.json", "--cells", "kept") == 0
    capsys.readouterr()

    def refuse(_: object) -> None:
        raise AssertionError("nothing is left to do")

    with monkeypatch.context() as patch:
        patch.setattr(units_module, "_work", refuse)
        assert _sweep(*DELAYS, "--json", "two.json", "--cells", "kept") == 0
    assert "8 of 8 trials were there already" in capsys.readouterr().err
    assert (folder / "one.json").read_bytes() == (folder / "two.json").read_bytes()
    assert not (folder / ".sim-cells").exists()
    assert _sweep(*DELAYS, "--json", "two.json", "--cells", "kept", "--fresh") == 0
    assert "already" not in capsys.readouterr().err


def test_a_cell_says_what_a_run_of_it_says(folder: Path) -> None:
    assert _sweep(*DELAYS, "--json", "s.json", "--trials", "3", "--seed", "5", "-q") == 0
    assert (
        main(
            [
                *("run", "short.toml", "--trials", "3", "--seed", "5", "-q", "--json", "r.json"),
                *("--set", "schemes.1.delete_delay=10m"),
            ]
        )
        == 0
    )
    cell = json.loads((folder / "s.json").read_text())["cells"][1]
    run = json.loads((folder / "r.json").read_text())
    assert cell["scenario_digest"] == run["scenario_digest"]
    for own, other in zip(cell["schemes"], run["schemes"], strict=True):
        assert own["counts"] == other["counts"]
        for outcome, estimate in own["outcomes"].items():
            estimate.pop("proof")
            assert estimate == other["outcomes"][outcome]


def test_one_scheme_and_other_keys_can_be_chosen(folder: Path) -> None:
    words = ["--scheme", "later", "--set", "gateways.count=2", "--json", "-", "-q"]
    assert _sweep(*DELAYS, *words, "--json", "s.json") == 0
    cells = json.loads((folder / "s.json").read_text())["cells"]
    assert [[scheme["name"] for scheme in cell["schemes"]] for cell in cells] == [["later"]] * 3
    alone = load(SHORT, {"gateways.count": 2, "schemes.1.delete_delay": "0s"})
    assert cells[0]["scenario_digest"] == alone.digest


def test_standard_input_and_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = tmp_path / "short.toml"
    with text.open() as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        words = ["--cells", "kept", "--workers", "1"]
        assert main(["sweep", "-", *DELAYS, "--json", "-", *words]) == 0
    shown = capfd.readouterr()
    assert json.loads(shown.out)["scenario"] == "short"
    assert "setting" in shown.err


def test_refining_adds_cells(folder: Path) -> None:
    words = ["--vary", "schemes.1.delete_delay=0s..1h/2", *SYNCS, "--refine", "2"]
    assert _sweep(*words, "--json", "s.json", "-q") == 0
    document = json.loads((folder / "s.json").read_text())
    assert len(document["cells"]) == 8
    assert "30m" in document["knobs"][0]["values"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--vary", "a", "--vary", "b=1..2", "--vary", "gateways.count=0,x"],
            ["'a' is not PATH=VALUES", "LOW..HIGH/POINTS", "count=0", 'count="x"'],
        ),
        (
            [*DELAYS, "--vary", "gateways.sync_interval=0s", "--out", "short.toml", "--set", "x"],
            ["'x' is not key=value", "short.toml is not a folder", "sync_interval"],
        ),
        ([*DELAYS, *SYNCS, "--together"], ["equally many values"]),
        (["--vary", "seed=1,2"], ["seed must be common to all cells"]),
        (["--vary", "nothing.here=1,2"], ["nothing"]),
        (["--vary", "schemes.late.delete_delay=1h"], ["did you mean"]),
        (["--vary", "store.profile=strong,s3", "--refine", "2"], ["first key with numbers"]),
        ([*DELAYS, "--together", "--refine", "2"], ["not with --together"]),
        ([*DELAYS, "--scheme", "latre", "--json", "."], ["no scheme 'latre'", ". is a folder"]),
        ([*DELAYS, "--json", "-", "--csv", "-"], ["only one of --json, --csv and --parquet"]),
        ([*DELAYS, "--json", "short.toml"], ["would overwrite short.toml"]),
        ([*DELAYS, "--out", "o", "--cells", "o/cells"], ["o/cells is inside o"]),
        ([*DELAYS, "--set", "producers.count=1000000000"], ["producers.count", "--yes"]),
        (["--vary", "producers.count=1,2000000000"], ["producers.count=2000000000"]),
        (
            ["--vary", 'queries.0.takes=5s,{ law = "pareto", minimum = "1s", alpha = 0.5 }'],
            ["finite mean"],
        ),
        ([], ["Missing option '--vary'"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_everything_that_is_wrong_is_told_at_once(
    words: list[str], said: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert _sweep(*words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert [part for part in said if part.lower() not in shown.err.lower()] == [], shown.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_file_is_looked_at_even_if_the_knobs_are_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "short.toml").write_text(SHORT.replace('"2h", "8h"', '"2h", "9x"'))
    assert _sweep("--vary", "a") == 2
    shown = capsys.readouterr().err
    assert "PATH=VALUES" in shown
    assert "9x" in shown
    assert main(["sweep", "there.is.none", *DELAYS]) == 2
    assert "there.is.none: No such file" in capsys.readouterr().err


def test_without_the_library_parquet_is_refused_before_anything_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert _sweep(*DELAYS, "--parquet", "s.parquet") == 2
    assert 'pip install "consistency-sim[data]"' in capsys.readouterr().err
    assert {path.name for path in folder.iterdir()} == {"short.toml"}
    assert _sweep(*DELAYS, "--csv", "s.csv") == 0


def test_an_interrupt_keeps_what_had_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = units_module._work
    done: list[object] = []

    def interrupted(job: units_module._Job) -> units_module._Done:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(job)
        return work(job)

    words = [*SYNCS, "--out", "out", "--json", "s.json"]
    with monkeypatch.context() as patch:
        patch.setattr(units_module, "_work", interrupted)
        assert _sweep(*words) == 130
    shown = capsys.readouterr()
    assert shown.err.endswith(f"sim: {RunInterrupted(3, 8, True)}\n")
    assert {path.name for path in folder.iterdir()} == {"short.toml", ".sim-cells"}
    assert _sweep(*words) == 0
    assert "3 of 8 trials were there already" in capsys.readouterr().err


def test_help_is_there_and_says_where_trials_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--help"]) == 0
    shown = capsys.readouterr().out
    assert ".sim-cells" in shown
    assert "log:1m..48h/20" in shown


@pytest.mark.usefixtures("bitmaps_unseen")
def test_a_page_repeats_to_the_byte_and_says_how(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/short.toml").write_text(SHORT)
    own = ["--set", "producers.local_retention=3h", "-q", "--workers"]
    for path, out, workers in (
        ("short.toml", "one", "1"),
        (str(folder / "sub/short.toml"), "two", "2"),
    ):
        words = ["sweep", path, *DELAYS, *own, workers, "--out", out, "--cells", f"cells-{out}"]
        assert main(words) == 0
    page = (folder / "one/page.html").read_text()
    assert page == (folder / "two/page.html").read_text()
    assert str(folder) not in page
    again = html.unescape(page.partition("<dt>again</dt><dd><code>")[2].partition("</code>")[0])
    program, *words = shlex.split(again)
    assert program == "sim"
    assert main([*words, "-q", "--json", "three.json"]) == 0
    assert (folder / "three.json").read_bytes() == (folder / "one/sweep.json").read_bytes()


@pytest.mark.usefixtures("bitmaps_unseen")
def test_a_page_of_a_run_repeats_to_the_byte_and_says_how(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/short.toml").write_text(SHORT)
    own = ["--seed", "3", "--scheme", "later", "-q", "--workers"]
    for path, out, workers in (
        ("short.toml", "one", "1"),
        (str(folder / "sub/short.toml"), "two", "2"),
    ):
        assert main(["run", path, *own, workers, "--out", out]) == 0
    page = (folder / "one/page.html").read_text()
    assert page == (folder / "two/page.html").read_text()
    assert str(folder) not in page
    again = html.unescape(page.partition("<dt>again</dt><dd><code>")[2].partition("</code>")[0])
    assert main([*shlex.split(again)[1:], "-q", "--json", "r.json"]) == 0
    assert (folder / "r.json").read_bytes() == (folder / "one/result.json").read_bytes()
