"""``sim plan``: what would run, where each value comes from, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli import main
from sim.scenario.complaints.text import format_path
from sim.scenario.load import load
from sim.scenario.origins import Given, Origin, resolved_values
from tests.short import SHORT


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("short.toml").write_text(SHORT)


def test_every_value_has_its_origin() -> None:
    said: list[Given] = []
    text = SHORT.replace("[compactor]", '[store]\nprofile = "swift"\nreplicas = 2\n\n[compactor]')
    overrides = {"schemes.later.delete_delay": "7h", "gateways": {"count": 3}}
    scenario = load(text, overrides, on_given=said.append)
    found = {format_path(v.path): v for v in resolved_values(scenario, said[0])}
    assert found["horizon"].origin is Origin.FILE
    assert text.splitlines()[(found["horizon"].line or 0) - 1] == 'horizon = "3d"'
    assert found["schemes[1].delete_delay"].origin is Origin.OVERRIDE
    assert found["schemes[1].delete_delay"].value == "7h"
    assert found["schemes[1].kind"].origin is Origin.FILE
    assert found["gateways.count"].origin is Origin.OVERRIDE
    assert found["gateways.sync_interval"].origin is Origin.DEFAULT
    assert found["store.replicas"].origin is Origin.FILE
    lag = found["store.lag.create.list"]
    assert (lag.origin, lag.provenance and lag.provenance.year) == (Origin.PROFILE, 2014)
    assert found["store.acks"].origin is Origin.DEFAULT
    assert found["compactor.retention.raw"].origin is Origin.DEFAULT
    # Nothing is left out: the values make the same scenario.
    assert load(text, {key: v.value for key, v in found.items()}) == scenario


def test_a_plan_runs_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.study.run

    monkeypatch.setattr(sim.study.run, "simulate", None)
    assert main(["plan", "short.toml", "--set", "gateways.count=2", "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("short.toml: short: 2 schemes x 2 trials of 3d, seed 0, ")
    assert lines[2].startswith("  4 runs in 1 process: about ")
    assert lines[3:5] == ["  at once: 2 trials, seeds 0 to 1", "  later: 2 trials, seeds 0 to 1"]
    rows = {line.split(" = ")[0].strip(): line.split("  # ")[-1] for line in lines[6:]}
    assert rows["horizon"] == "file, line 4"
    assert rows["gateways.count"] == "override"
    assert rows["gateways.shards"] == "default"
    assert main(["check", "short.toml", "--set", "gateways.count=2"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == lines[:2]


def test_a_plan_is_of_the_schemes_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "short.toml", "--scheme", "later", "--trials", "1", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["schemes"], one["runs"]) == (["later"], 1)
    assert {
        "key": "trials",
        "value": 1,
        "origin": "override",
        "line": None,
        "provenance": None,
        "source": None,
    } in (one["values"])
    assert main(["plan", "short.toml", "--trials", "1", "--json"]) == 0
    (both,) = json.loads(capsys.readouterr().out)
    assert both["effort"]["cpu_s"] == pytest.approx(2 * one["effort"]["cpu_s"])


def test_what_does_not_fit_is_refused_and_shown_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["plan", "short.toml", "--max-events", "10", "--max-memory", "1MiB"]
    assert main(words) == 2
    output, errors = capsys.readouterr()
    assert "short.toml: short: 2 schemes" in output
    assert errors.count("--yes runs it all the same") == 2
    assert main([*words, "--yes"]) == 0
    assert main(["run", *words[1:], "-q"]) == 2
    assert capsys.readouterr().err == errors


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ([], ["Missing argument 'FILE...'"]),
        (["short.toml", "wrong.toml", "gone.toml"], ["wrong.toml:5:10: ", "gone.toml: No such"]),
        (["short.toml", "--scheme", "latr"], ['did you mean "later"?']),
        (["short.toml", "--set", "x"], ["'x' is not key=value"]),
        (["short.toml", "--max-memory", "much"], ["'much' is no size"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_wrong_input_is_two_and_no_plan(
    words: list[str], messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wrong.toml").write_text(SHORT.replace('warmup = "1d"', "warmup = 3"))
    assert main(["plan", *words]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert [message for message in messages if message not in errors] == []


SOURCES = """
[sources]
"compactor.wait_interval" = { label = "documented", source = "Thanos, compact", version = "0.43" }
"gateways" = { label = "assumed", note = "NOTE" }
"schemes.later" = { label = "measured", source = "PR 1", version = "2", note = "seen once" }
"(the weather)" = { label = "documented", source = "an almanac", version = "2026" }
"""


@pytest.fixture
def sourced() -> str:
    """A file with sources, of which one has a note that is longer than a line."""
    text = SHORT + SOURCES.replace("NOTE", " ".join(["long"] * 40))
    Path("sourced.toml").write_text(text)
    return text


@pytest.mark.usefixtures("sourced")
def test_a_value_is_shown_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "sourced.toml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith("  compactor.wait_interval"))
    assert lines[at + 1] == "    # documented: Thanos, compact, 0.43"
    assert not lines[at + 2].startswith("    #")
    # What is said of a table stands below the first of its values, once.
    (at,) = (i for i, line in enumerate(lines) if "all of schemes.later: measured" in line)
    assert lines[at - 1].startswith('  schemes[1].name = "later"')
    assert lines[at : at + 2] == [
        "    # all of schemes.later: measured: PR 1, 2",
        "    # seen once",
    ]
    # Sources are shown beside what they are of, and what is not simulated comes last.
    assert not any(line.startswith("  sources") for line in lines)
    assert lines[-2:] == ["  not simulated: the weather", "    # documented: an almanac, 2026"]


@pytest.mark.usefixtures("sourced")
def test_sources_fit_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "sourced.toml"]) == 0
    notes = [s for s in capsys.readouterr().out.splitlines() if s.startswith("    #")]
    assert max(map(len, notes)) <= 80
    said = " ".join(note.removeprefix("    #").strip() for note in notes)
    assert said.count("long") == 40


@pytest.mark.usefixtures("sourced")
def test_an_override_has_no_source(capsys: pytest.CaptureFixture[str]) -> None:
    overridden = ["--set", "compactor.wait_interval=9m", "--json"]
    assert main(["plan", "sourced.toml", *overridden]) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    found = {value["key"]: value["source"] for value in plan["values"]}
    assert found["compactor.wait_interval"] is None
    assert found["horizon"] is None
    assert found["schemes[1].delete_delay"] == {
        "key": "schemes.later",
        "label": "measured",
        "source": "PR 1",
        "version": "2",
        "note": "seen once",
    }
    # A default is nobody's word: the row of a table speaks of what the file says.
    assert found["gateways.count"] is None


def test_what_a_source_says_cannot_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loud = SOURCES.replace("NOTE", "\\u001b[31m")
    Path("loud.toml").write_text(SHORT + loud)
    code = main(["plan", "loud.toml"])
    assert "\x1b" not in capsys.readouterr().out
    assert code in (0, 2)
