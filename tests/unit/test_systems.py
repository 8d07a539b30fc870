"""Systems are data: each value has a source, and a file that is dropped in is one more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli import main
from sim.errors import ScenarioError
from sim.scenario import systems as room
from sim.scenario.load import load
from sim.scenario.systems import system, system_paths, systems
from tests.short import SHORT

PLAIN = """
schema = 1
name = "kept"
summary = "Kept by its maker."
source = "kept 2.1"
horizon = "1d"
gateways.sync_interval = "7m"
queries = [{ name = "day", rate = "1/s", range = "1d" }]
schemes = [{ name = "at once", kind = "immediate" }]

[sources]
"""
EVERY = """
"gateways.sync_interval" = { label = "measured", source = "kept", version = "2.1", note = "poll" }
queries = { label = "assumed", note = "any" }
'schemes."at once"' = { label = "documented", source = "kept.conf", version = "2.1" }
"(pages)" = { label = "measured", source = "somebody", version = "7" }
"""


def dropped(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    """A folder of systems that has the shipped ones, and one more."""
    for name, path in system_paths().items():
        (folder / f"{name}.toml").write_text(path.read_text())
    (folder / "kept.toml").write_text(text)
    monkeypatch.setattr(room, "FOLDER", folder)
    return folder / "kept.toml"


def test_a_file_that_is_dropped_in_is_one_system_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(systems())
    dropped(tmp_path, monkeypatch, PLAIN + EVERY)
    assert set(systems()) == {*before, "kept"}
    assert main(["presets"]) == 0
    assert "Kept by its maker." in capsys.readouterr().out
    assert main(["presets", "kept"]) == 0
    shown = capsys.readouterr().out
    assert 'gateways.sync_interval: "7m"  [measured]\n    kept, 2.1\n    poll\n' in shown
    assert "sim init --from kept" in shown
    assert "(pages)  [measured]" in shown
    assert main(["presets", "kept", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["key"] == "gateways.sync_interval"
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--from", "kept", "mine.toml"]) == 0
    assert load("mine.toml") == load("kept.toml")
    assert main(["init", "--list"]) == 0
    assert "kept" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (EVERY.replace('"gateways', '"(gateways'), "gateways.sync_interval='7m' must have a row"),
        (EVERY.replace("queries", '"(queries)"'), "must have a row in"),
        (EVERY.replace('"at once"', "kind"), "schemes"),
        (EVERY + 'gateways = { label = "assumed", note = "-" }', "sources.gateways="),
        (EVERY + '"gateways.count" = { label = "assumed", note = "-" }', "must speak of a value"),
    ],
)
def test_a_value_without_a_source_is_refused(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dropped(tmp_path, monkeypatch, PLAIN + text)
    with pytest.raises(ScenarioError) as refused:
        system(path)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('{ label = "documented", source = "a" }', "version"),
        ('{ label = "measured", version = "a" }', "source"),
        ('{ label = "assumed" }', "be given, or a source"),
        ('{ label = "guessed", note = "a" }', "label"),
    ],
)
def test_a_source_says_who_and_in_which_version(row: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        load(f"{SHORT}\n[sources]\nqueries = {row}\n")


def test_a_source_names_what_the_scenario_has_and_changes_nothing_of_it() -> None:
    row = '{ label = "assumed", note = "few" }'
    sourced = load(f'{SHORT}\n[sources]\n"producers.count" = {row}\n"(people)" = {row}\n')
    assert sourced.sources is not None
    assert sourced.digest == load(SHORT).digest
    with pytest.raises(ScenarioError, match="name a value, or a fact in parentheses"):
        load(f'{SHORT}\n[sources]\n"producers.counts" = {row}\n')


@pytest.mark.parametrize("name", list(system_paths()))
def test_every_shipped_system_has_a_source_for_every_value(name: str) -> None:
    path = system_paths()[name]
    found, scenario = system(path), load(path)
    assert found.name == scenario.name
    assert {row.key for row in found.rows} == set(scenario.sources or ())
    # Its own delays, and what an incident or a documented limit was: both are judged.
    assert set(scenario.expect) == {scheme.name for scheme in scenario.schemes}
    assert len(scenario.schemes) >= 2
