"""Rare failures of scenarios: what is said, what is refused, and the worst trial as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sim
from sim.analysis.rare import Rare
from sim.cli import main
from sim.errors import ScenarioError
from sim.scenario.dump import to_toml
from sim.scenario.load import load
from sim.study.rare import rare
from sim.study.run import run_scenario
from tests.theory.test_splitting import one_deletion
from tests.worlds import world

SCENARIO = one_deletion("10m", "5m")


@pytest.fixture(scope="module")
def found() -> Rare:
    return rare(SCENARIO, 0, samples=10, repeats=3)


def test_the_worst_trial_is_a_scenario_that_fails_as_often(found: Rare) -> None:
    assert found.worst_fraction > 0.0
    assert found.estimate.fraction > 0.0
    again = run_scenario(load(to_toml(found.worst)))
    (classes,) = again.schemes[0].trials[0].classes
    assert classes.fractions["query-error"] == pytest.approx(found.worst_fraction)


def test_what_the_scenario_pins_stays_as_it_is(found: Rare) -> None:
    name = next(iter(found.worst.pins))
    worst = rare(SCENARIO.with_pins({name: 0.125}), 0, samples=10, repeats=3).worst
    assert found.worst.pins[name] != worst.pins[name] == 0.125


def test_what_has_no_levels_is_refused() -> None:
    with pytest.raises(ScenarioError, match="have a delete delay"):
        rare(world(), 0)
    with pytest.raises(ValueError, match="repeats=2"):
        rare(SCENARIO, 0, repeats=2)
    with pytest.raises(ValueError, match="samples=5"):
        rare(SCENARIO, 0, samples=5)


def test_a_failure_that_no_delay_helps_against_is_not_taken_for_one() -> None:
    # Readers hide what is marked before what replaces it shows: data is missing, deleted or not.
    scenario = world(
        horizon="13h",
        warmup="9h",
        store={"lag": {"create": {"get": "0s", "list": "45m"}}},
        gateways={"sync_interval": "5m"},
        queries=[{"name": "old", "range": "1d", "offset": "3h"}],
        schemes=[
            {
                "name": "mark",
                "kind": "deletion-mark",
                "delete_delay": "3h",
                "ignore_deletion_marks_delay": "0s",
            }
        ],
    )
    with pytest.raises(ScenarioError, match="deletions that come too early alone"):
        rare(scenario, 0, "silent-gap", samples=10, repeats=3)


def test_the_command_says_how_sure_it_is(
    found: Rare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.toml").write_text(to_toml(SCENARIO), encoding="utf-8")
    few = ["--samples", "10", "--repeats", "3", "--workers", "1"]
    code = main(["rare", "one.toml", *few, "--json", "rare.json", "--worst", "worst.toml"])
    made = json.loads(Path("rare.json").read_text(encoding="utf-8"))
    assert code == (0 if made["low"] > 0 else 3)
    assert made["method"] == "splitting"
    assert tuple(made["per_repeat"]) == found.per_repeat
    assert made["fraction"] == found.estimate.fraction
    assert load(Path("worst.toml")).draws
    shown = capsys.readouterr().out
    assert "of the queries, 95 % from" in shown
    assert "[assumed]" in shown
    assert main(["rare", "one.toml", "--set", "schemes.0.kind=immediate"]) == 2
    assert callable(sim.rare)


def test_it_writes_over_no_scenario_and_runs_nothing_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = to_toml(SCENARIO)
    Path("one.toml").write_text(text, encoding="utf-8")
    few = ["--samples", "10", "--repeats", "3", "--workers", "1"]
    assert main(["rare", "one.toml", *few, "--worst", "one.toml"]) == 2
    assert main(["rare", "one.toml", *few, "--max-events", "10"]) == 2
    assert "--yes runs it all the same" in " ".join(capsys.readouterr().err.split())
    assert Path("one.toml").read_text(encoding="utf-8") == text
