"""The index of a folder of runs: what stands in it, in which order, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.analysis.evidence.witness import Seen
from sim.analysis.expect import Judgement, Verdict
from sim.atomic import work_folder
from sim.cli import main
from sim.errors import ScenarioError
from sim.report.index import (
    Index,
    RunEntry,
    add_run,
    entry_of,
    index_markdown,
    last_runs,
    read_index,
    run_lines,
    with_run,
)
from sim.report.names import FILES, INDEX_FILES
from tests.made_results import hazard, result
from tests.short import SHORT


def _judgement(verdict: Verdict, rule: str = "never query-error") -> Judgement:
    seen = Seen(trial=0, seed=7, what=hazard("fast")) if verdict is Verdict.INVALID else None
    return Judgement(scheme="a|b", rule=rule, verdict=verdict, reason="", witness=seen)


def _entry(name: str, *verdicts: Verdict, digest: str = "d") -> RunEntry:
    judgements = [_judgement(verdict) for verdict in verdicts]
    made = entry_of(result([0.1], [0.0]), judgements, folder=name, files=["result.json"])
    return made.model_copy(update={"scenario": name, "digest": digest})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three"):
        Path(f"{name}.toml").write_text(SHORT.replace('"short"', f'"{name}"'))
    expect = '[expect]\n"at once" = { never = ["query-error"] }\n'
    Path("two.toml").write_text(Path("two.toml").read_text() + expect)
    return tmp_path


def test_the_worst_of_a_run_comes_first() -> None:
    judgements = [_judgement(v, f"rule {v}") for v in (Verdict.VALID, Verdict.UNKNOWN)]
    judgements += [_judgement(Verdict.INVALID, f"rule {k}") for k in range(3)]
    entry = entry_of(result([0.1], [0.0]), judgements, folder="x", files=[])
    assert entry.verdict is Verdict.INVALID
    assert [finding.rule for finding in entry.findings] == ["rule 0", "rule 1", "rule 2"]
    assert "query fast" in entry.findings[0].shown
    held = entry_of(result([0.1], [0.0]), judgements[:1], folder="x", files=[])
    assert (held.verdict, held.findings) == (Verdict.VALID, ())
    assert entry_of(result([0.1], [0.0]), [], folder="x", files=[]).verdict is None


def test_a_repeated_run_takes_its_place_at_the_end() -> None:
    index = Index()
    for name in ("a", "b", "a"):
        index = with_run(index, _entry(name, Verdict.VALID))
    assert [run.folder for run in index.runs] == ["b", "a"]


def test_a_run_that_was_replaced_is_history_without_files() -> None:
    index = with_run(Index(), _entry("a", Verdict.INVALID, digest="old"))
    index = with_run(index, _entry("a", Verdict.VALID, digest="new"))
    assert [(run.digest, bool(run.files)) for run in index.runs] == [("old", False), ("new", True)]
    lines = list(run_lines(index.runs))
    assert lines[0].endswith(", replaced since")
    assert "runs    1 invalid, 1 valid" in lines
    assert next(iter(run_lines(last_runs(index, 1)))) == lines[2]
    assert last_runs(index, 9) == last_runs(index, None) == index.runs


def test_names_are_no_markup_and_no_cell() -> None:
    text = index_markdown(with_run(Index(), _entry("a <b> | c", Verdict.INVALID)))
    row = text.splitlines()[-1]
    assert row.startswith("| [a \\<b\\> \\| c](a%20%3Cb%3E%20%7C%20c/) | invalid | invalid a\\|b: ")
    assert row.replace("\\|", "").count("|") == 5


def test_what_is_written_is_read_back_and_what_is_not_an_index_is_refused(tmp_path: Path) -> None:
    entry = _entry("a", Verdict.INVALID, Verdict.UNKNOWN)
    add_run(tmp_path, entry)
    text = (tmp_path / "index.json").read_text()
    assert read_index(text).runs == (entry,)
    assert {path.name for path in tmp_path.iterdir()} == set(INDEX_FILES)
    content = json.loads(text)
    del content["runs"][0]["digest"]
    content["runs"][0]["verdict"] = "maybe"
    (tmp_path / "index.json").write_text(json.dumps(content))
    with pytest.raises(ScenarioError) as caught:
        add_run(tmp_path, entry)
    assert "runs[0].digest=" in str(caught.value)
    assert "runs[0].verdict='maybe'" in str(caught.value)
    assert json.loads((tmp_path / "index.json").read_text()) == content


@pytest.mark.nightly
def test_several_scenarios_have_a_folder_each_and_an_index(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "one.toml", "two.toml", "--trials", "1", "-q", "--out", "out"]
    assert main(words) == 1
    assert {path.name for path in Path("out").iterdir()} == {"one", "two", *INDEX_FILES}
    for name in ("one", "two"):
        there = {path.name for path in Path("out", name).iterdir()}
        assert "result.json" in there <= set(FILES)
    index = read_index(Path("out/index.json").read_text())
    assert [(run.scenario, run.verdict) for run in index.runs] == [
        ("one", None),
        ("two", Verdict.INVALID),
    ]
    assert set(index.runs[0].files) == {path.name for path in Path("out/one").iterdir()}
    digest = json.loads(Path("out/one/result.json").read_text())["digest"]
    assert index.runs[0].digest == digest
    before = {path.name: path.read_bytes() for path in Path("out").glob("index.*")}
    assert str(folder) not in Path("out/index.json").read_text()
    # The same again gives the same bytes; one more is added.
    assert main(words) == 1
    assert {path.name: path.read_bytes() for path in Path("out").glob("index.*")} == before
    assert main(["run", "three.toml", "--trials", "1", "-q", "--out", "out"]) == 0
    index = read_index(Path("out/index.json").read_text())
    assert [run.folder for run in index.runs] == ["one", "two", "three"]
    capsys.readouterr()
    assert main(["runs", "out"]) == 1
    assert "runs    2 –, 1 invalid" in capsys.readouterr().out
    assert main(["runs", "out", "--last", "1", "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["folder"] == "three"


@pytest.mark.usefixtures("pictures_unseen")
def test_a_single_run_has_its_own_folder_as_ever(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "one.toml", "--trials", "1", "-q", "--out", "out/one"]) == 0
    assert {path.name for path in Path("out").iterdir()} == {"one"}
    assert Path("out/one/result.json").exists()
    assert main(["runs", "out"]) == 2
    assert "out/index.json: No such file or directory" in capsys.readouterr().err


def test_a_folder_that_another_run_holds_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with work_folder(Path("out").resolve()):
        assert main(["run", "one.toml", "two.toml", "--out", "out"]) == 2
    assert "another run is writing into this folder" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("paths", "out", "messages"),
    [
        (["one.toml", "same.toml"], "out", ["two scenarios are called 'one'"]),
        (
            ["slash.toml", "dots.toml"],
            "out",
            ["no folder can be called 'a/b'", "no folder can be called '..'"],
        ),
        (["one.toml", "two.toml"], "thesis", ["thesis holds files but no index.json"]),
        (["one.toml", "two.toml"], "taken", ["one holds files but no result.json"]),
        (["one.toml"], "broken", ["broken/index.json: runs"]),
        (["one.toml", "two.toml"], "one.toml", ["one.toml is not a folder"]),
    ],
)
def test_folders_that_cannot_be_are_refused_before_the_run(
    paths: list[str],
    out: str,
    messages: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("same.toml").write_text(SHORT.replace('"short"', '"one"'))
    Path("slash.toml").write_text(SHORT.replace('"short"', '"a/b"'))
    Path("dots.toml").write_text(SHORT.replace('"short"', '".."'))
    for place in ("thesis/chapter.tex", "taken/one/chapter.tex", "taken/index.json"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text('{"schema": 1, "runs": []}')
    Path("broken").mkdir()
    Path("broken/index.json").write_text('{"schema": 1, "runs": 5}')
    before = sorted(Path().rglob("*"))
    assert main(["run", *paths, "--out", out]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert [message for message in messages if message not in errors] == []
    assert sorted(Path().rglob("*")) == before
