"""``sim init --from`` and ``sim schema``: something to start from, and what editors know of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from sim.cli import main
from sim.errors import ScenarioError
from sim.scenario.editor import editor_schema
from sim.scenario.load import load
from sim.scenario.shipped import shipped, with_name, without_stray_schema
from sim.scenario.systems import system_paths
from tests.short import SHORT

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_scenario_of_the_repository_can_be_started_from(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = ROOT / "scenarios"
    paths = [*sorted(folder.glob("*.toml")), *sorted(folder.glob("*/*.toml"))]
    names = [path.stem for path in paths]
    assert len(set(names)) == len(names)
    assert main(["init", "--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [*names, *system_paths()]
    assert names == list(shipped())
    for name, path in zip(names, paths, strict=True):
        assert main(["init", "--from", name]) == 0
        source = path.read_text()
        assert Path(f"{name}.toml").read_text() == source.partition("\n")[2]
        assert load(Path(f"{name}.toml")) == load(path)
    assert f"sim run {names[-1]}.toml" in capsys.readouterr().err


def test_a_copy_has_the_chosen_name_and_every_comment(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["init", "--from", "thanos-2022", "--name", 'a "b" # c', "mine.toml"]
    assert main(words) == 0
    copy, source = Path("mine.toml").read_text(), shipped()["thanos-2022"].read_text()
    assert load(Path("mine.toml")).name == 'a "b" # c'
    changed = list(zip(source.splitlines()[1:], copy.splitlines(), strict=True))
    assert [one for one, two in changed if one != two] == ['name    = "thanos-2022"']
    # Without --from it is the small one.
    assert main(["init", "--name", "other"]) == 0
    assert load(Path("scenario.toml")).name == "other"
    capsys.readouterr()


def test_a_file_can_be_started_from(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    Path("sub/short.toml").write_text(f"# mine\n{SHORT}")
    assert main(["init", "--from", "sub/short.toml"]) == 0
    assert Path("short.toml").read_text() == f"# mine\n{SHORT}"
    capsys.readouterr()
    assert main(["init", "--from", "sub/short.toml", "--name", "x", "-"]) == 0
    assert load(capsys.readouterr().out).name == "x"


def test_a_schema_stays_where_it_leads_somewhere(tmp_path: Path) -> None:
    text = "#:schema there.json\nname = 1\n"
    assert without_stray_schema(text, tmp_path) == "name = 1\n"
    Path("there.json").touch()
    assert without_stray_schema(text, tmp_path) == text
    assert without_stray_schema("# no\n#:schema x\n", tmp_path) == "# no\n#:schema x\n"


@pytest.mark.parametrize("text", ['name="a"', "name = 'a' # b", '[x]\ny=1\n[z]\nname="a"'])
def test_only_the_name_of_the_scenario_is_changed(text: str) -> None:
    if text.startswith("[x]"):
        with pytest.raises(ScenarioError, match="be given, in one line"):
            with_name(text, "b")
    else:
        assert with_name(text, "b") == text.replace('"a"', '"b"').replace("'a'", '"b"')


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "thanos2022"], 'did you mean "thanos-2022"?'),
        (["--from", "x"], "no scenario and no file is called 'x'; there are 'copied-and"),
        (["--from", "thanos-2022", "there.toml"], "there.toml exists already"),
        (["--from", "there.toml", "new.toml"], "new.toml:1:8: must be TOML"),
        (["--from", "binary", "new.toml"], "must be UTF-8"),
        (["--from", ".", "new.toml"], "is a folder, not a regular file"),
        (["--from", "thanos-2022", "no/new.toml"], "is not a folder"),
        (["--name", "\x1b[2J"], "name="),
        (["--name", ""], "name="),
    ],
)
def test_wrong_input_writes_nothing(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("there.toml").write_text("name = \n")
    Path("binary").write_bytes(b"\xff")
    assert main(["init", *words]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors.replace("\n    ", " ")
    assert "Traceback" not in errors
    assert {path.name for path in Path().iterdir()} == {"there.toml", "binary"}


def test_the_schemas_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == editor_schema()
    assert main(["schema", "--result"]) == 0
    judge = Draft202012Validator(json.loads(capsys.readouterr().out))
    Path("short.toml").write_text(SHORT)
    assert main(["run", "short.toml", "-q", "--json", "-"]) == 0
    judge.validate(json.loads(capsys.readouterr().out))
    assert not judge.is_valid({"schema": 1})
