"""A run's page has every delay that one trace says, and none that would have to be simulated."""

from __future__ import annotations

import pytest

from sim.analysis.curve.feedback import with_delay
from sim.analysis.results import Result, estimate
from sim.analysis.sweep import FAILING
from sim.core.units import parse_duration
from sim.report.bundle import files
from sim.report.names import PAGE
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.study.delaytable import delay_table
from sim.study.run import run_scenario
from tests.short import SHORT

# The short world has blocks that expire, so that a curve begins when they are hidden.
RETIRED = {"compactor.retention.raw": "12h", "schemes.1.ignore_deletion_marks_delay": "30m"}
SHORTER = {**RETIRED, "schemes.1.delete_delay": "12m"}


def _same(one: Result, two: Result) -> bool:
    (own,), (other,) = one.schemes, two.schemes
    return [t.classes for t in own.trials] == [t.classes for t in other.trials] and [
        t.garbage_byte_seconds for t in own.trials
    ] == [t.garbage_byte_seconds for t in other.trials]


@pytest.mark.parametrize(
    "changes", [{}, RETIRED, SHORTER], ids=["replaced", "retired", "shorter than its curve"]
)
def test_it_is_what_runs_give(changes: dict[str, str]) -> None:
    scenario = load(SHORT, changes)
    found = delay_table(scenario)
    assert found is not None
    (knob,) = found.knobs
    assert knob.path == "schemes.1.delete_delay"
    own = changes.get("schemes.1.delete_delay", "6h")
    assert {"0s", own, "48h"} <= set(knob.texts)
    assert ("15m" in knob.texts) == (not changes)
    # The first, the last and every other one between, and its own delay.
    cells = [c for i, c in enumerate(found.cells) if i % 2 == 0 or knob.texts[c.setting[0]] == own]
    for cell in (*cells, found.cells[-1]):
        delay_us = parse_duration(knob.texts[cell.setting[0]])
        alone = run_scenario(with_delay(scenario, 1, delay_us), schemes=[1])
        assert _same(cell.result, alone), knob.texts[cell.setting[0]]
    shares = [estimate(c.result.schemes[0], FAILING).interval.fraction for c in found.cells]
    # Deletion passes so seldom that readers are never late, but for what nothing replaces.
    assert (shares[0] > 0) == bool(changes)
    assert shares[-1] == 0


def test_workers_change_nothing() -> None:
    scenario = load(SHORT)
    assert delay_table(scenario, workers=2) == delay_table(scenario)


@pytest.mark.parametrize(
    ("changes", "schemes"),
    [
        ({}, [0]),
        ({"store.error_rate": 0.01}, None),
        ({"compactor.delete_takes": "5s"}, None),
    ],
    ids=["no delay", "requests fail", "deletions take time"],
)
def test_there_is_none_where_every_delay_is_a_world(
    changes: dict[str, object], schemes: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That is known from the scenario: nothing is simulated to find out.
    monkeypatch.setattr("sim.study.curve.simulate", None)
    assert delay_table(load(SHORT, changes), schemes=schemes) is None


@pytest.mark.usefixtures("pictures_unseen")
def test_a_page_without_it_has_no_slider_and_no_script() -> None:
    scenario = load(SHORT)
    result = run_scenario(scenario)
    without = dict(files(result, ()))
    with_it = dict(files(result, (), delays=delay_table(scenario)))
    assert set(with_it) - set(without) == {"headline.svg", "headline.png"}
    assert b"<script" not in without[PAGE]
    assert b'id="knob-0"' in with_it[PAGE]


def test_the_short_world_is_as_these_tests_need_it() -> None:
    scenario: Scenario = load(SHORT)
    assert [scheme.kind for scheme in scenario.schemes] == ["immediate", "deletion-mark"]
