"""``sim worst`` as a user meets it: what it says, writes and refuses."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import sim
from sim.cli import main
from sim.cli.worst import command
from sim.scenario.dump import to_toml
from sim.scenario.schema import Expectation
from sim.study.attack import TRIES
from tests.unit.test_counterexample import EDGES


@pytest.fixture
def below(tmp_path: Path) -> str:
    """R2 is broken by a minute, and the file says that no query fails."""
    return _written(tmp_path, "1m")


def _written(folder: Path, below: str) -> str:
    path = folder / "edge.toml"
    scenario = EDGES["R2"].put(below)
    never = {"s": Expectation(never=("query-error",))}
    text = to_toml(scenario.model_copy(update={"expect": never}))
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_what_is_found_is_told_and_written_and_repeats(
    below: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = str(tmp_path / "found.toml")
    assert main(["worst", below, "-q", "-o", output]) == 1
    told = capsys.readouterr()
    assert "found in schedule 2" in told.out
    assert "1 of 1 draws deviates" in told.out
    assert "fails to read" in told.out
    assert told.err == ""
    assert main(["run", output]) == 1
    assert "invalid s: never query-error" in capsys.readouterr().out


def test_what_is_found_can_go_to_standard_output(
    below: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worst", below, "-o", "-"]) == 1
    told = capsys.readouterr()
    assert sim.load(told.out).draws is not None
    assert "attacking s: query-error" in told.err
    assert "fails to read" in told.err


def test_nothing_found_proves_nothing(below: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worst", below, "-q", "--tries", "1"]) == 0
    told = capsys.readouterr().out
    assert "not found in 1 schedules, which proves nothing" in told
    assert "with a delete delay 6m31s shorter" in told


def test_what_a_rule_proves_is_attacked_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proven = _written(tmp_path, "0s")
    assert main(["worst", proven, "-q"]) == 0
    assert "it cannot happen: R2; so no schedule was tried" in capsys.readouterr().out
    assert main(["worst", proven, "-q", "--tries", "2", "--anyway"]) == 0
    told = capsys.readouterr().out
    assert "not found in 2 schedules, which proves nothing" in told
    assert "but it cannot happen: R2" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--outcome", "query-eror"], "did you mean"),
        (["--outcome", "ok"], "is nothing to look for"),
        (["--scheme", "t"], "t"),
        (["--move", "faults.0.at"], "must be KEY=FROM..TO"),
        (["--move", "gateways.count=1h..2h"], "be a constant time"),
    ],
)
def test_what_is_wrong_is_refused(
    below: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worst", below, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_scenario_that_forbids_nothing_has_nothing_to_attack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "free.toml"
    path.write_text(to_toml(EDGES["R2"].put("1m")), encoding="utf-8")
    assert main(["worst", str(path)]) == 2
    assert "no never in [expect]; say --outcome NAME" in capsys.readouterr().err


def test_python_has_the_same(below: str) -> None:
    found = sim.worst(below, "query-error")
    assert found.tried == 2
    assert found.found is not None
    assert sim.load(found.found.toml()) == found.found.scenario
    assert sim.worst(below, "query-error", "s", tries=1).found is None


def test_the_command_tries_as_often_as_the_function() -> None:
    (tries,) = (option.default for option in command.params if option.name == "tries")
    assert tries == TRIES == inspect.signature(sim.worst).parameters["tries"].default
