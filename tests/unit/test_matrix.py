"""Failure modes under schemes: which rows there are, and what a cell says."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Final

import pytest

from reports.matrix import TRIALS, shown
from reports.pages import ROOT
from sim.analysis.expect import Verdict
from sim.analysis.matrix import Cell, Row
from sim.report.matrix import cell_text, matrix_figure
from sim.report.style import to_svg
from sim.scenario.presets import scheme_presets
from sim.study.matrix import cells, prices, rows, under

FOLDER: Final = ROOT / "scenarios" / "thanos"
AT_ONCE: Final = FOLDER / "f-a1-delete-at-once.toml"


def cell(verdict: Verdict, amount: float = 0.0, symptom: str = "query-error") -> Cell:
    row = Row(path=AT_ONCE, mode="F-a1", summary="", symptoms=(symptom,))
    return Cell(
        row=row,
        scheme="S0",
        verdict=verdict,
        amount=amount,
        symptom=symptom,
        high=math.nan,
        is_proven=False,
        reason="",
    )


def test_rows_are_the_scenarios_that_show_something() -> None:
    found = rows([AT_ONCE, FOLDER / "f-d1-stale-self-view.toml", FOLDER / "f-c2-readers-wait.toml"])
    assert [(row.mode, row.symptoms) for row in found] == [
        ("F-a1", ("query-error",)),
        ("F-d1", ("duplicate-compaction",)),
    ]


def test_a_cell_says_what_is_seen_and_what_not() -> None:
    schemes = [scheme_presets()[name] for name in ("S0", "S3", "S8")]
    at_once, marked, never = cells(rows([AT_ONCE]), schemes, trials=1)
    assert at_once.verdict is Verdict.INVALID
    assert at_once.amount > 0.001
    assert (marked.verdict, marked.is_proven, shown(marked)) == (Verdict.VALID, True, "0!")
    # Nothing is deleted that a query could meet, so that no errors say nothing.
    assert (never.verdict, shown(never)) == (Verdict.UNKNOWN, "?")


def test_a_scheme_whose_readers_queries_make_sync_is_judged_by_drawn_queries() -> None:
    schemes = [scheme_presets()[name] for name in ("S0", "S5c")]
    at_once, again = cells(rows([AT_ONCE]), schemes, trials=1)
    assert again.verdict is Verdict.VALID or again.amount < at_once.amount / 10
    assert again.symptom == "query-error"


def test_a_world_that_does_not_go_with_a_scheme_is_unknown_under_it() -> None:
    (row,) = rows([FOLDER / "f-h4-chunks-remembered.toml"])
    (cell_of_s5c,) = cells([row], [scheme_presets()["S5c"]], trials=1)
    assert (cell_of_s5c.verdict, shown(cell_of_s5c)) == (Verdict.UNKNOWN, "?")
    assert 'be "0s" where a query is tried again' in cell_of_s5c.reason


def test_a_measure_is_held_against_what_its_scenario_shows(tmp_path: Path) -> None:
    text, name = AT_ONCE.read_text(encoding="utf-8"), '"mark, D 30m"'
    more = f'{name} = {{ at_least = {{ garbage-bytes = "1GiB" }}, '
    path = tmp_path / AT_ONCE.name
    path.write_text(re.sub(f"{name} *= {{", more, text), encoding="utf-8")
    (row,) = rows([path])
    assert (row.symptoms, row.least) == (
        ("query-error", "garbage-bytes"),
        {"garbage-bytes": "1GiB"},
    )
    schemes = [scheme_presets()[name] for name in ("S2b", "S3")]
    shorter, longer = cells([row], schemes, trials=2)
    assert (shorter.verdict, shorter.symptom) == (Verdict.VALID, "garbage-bytes")
    assert shorter.amount < 2**30
    assert (longer.verdict, longer.symptom) == (Verdict.INVALID, "garbage-bytes")
    assert longer.amount > 2**30


def test_a_price_is_of_a_world_without_failures() -> None:
    schemes = [scheme_presets()[name] for name in ("S0", "S3")]
    at_once, marked = prices(AT_ONCE, schemes, trials=1)
    assert at_once.garbage_bytes == 0.0
    assert marked.garbage_bytes > 0.0
    assert marked.requests_per_day > at_once.requests_per_day


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (cell(Verdict.VALID), "0"),
        (cell(Verdict.UNKNOWN, math.nan), "?"),
        (cell(Verdict.INVALID, 0.0183), "1.83 %"),
        (cell(Verdict.INVALID, 4.0, "compactor-halt"), "4 x"),
        (cell(Verdict.INVALID, 7200.0, "retention-overshoot.max_s"), "2h"),
        (cell(Verdict.VALID, 2.0**30, "garbage-bytes"), "1 GiB"),
    ],
)
def test_a_cell_is_a_few_letters(seen: Cell, text: str) -> None:
    assert cell_text(seen) == text
    svg = to_svg(matrix_figure([seen])).decode()
    assert "<svg" in svg


@pytest.mark.parametrize("scheme", ["S0", "S3"])
def test_the_committed_matrix_is_what_runs_give(scheme: str) -> None:
    with Path(ROOT, "reports", "thanos-matrix", "matrix.csv").open(encoding="utf-8") as file:
        committed = [row for row in csv.DictReader(file) if row["scheme"] == scheme]
    (made,) = cells(rows([AT_ONCE]), [scheme_presets()[scheme]], trials=TRIALS)
    (row,) = [row for row in committed if row["scenario"] == AT_ONCE.stem]
    assert (row["verdict_of_never"], float(row["amount"])) == (str(made.verdict), made.amount)
    assert {r["scenario"] for r in committed} == {
        found.path.stem for found in rows(sorted(FOLDER.glob("*.toml")))
    }


def test_every_failure_mode_and_scheme_has_its_place() -> None:
    with Path(ROOT, "reports", "thanos-matrix", "matrix.csv").open(encoding="utf-8") as file:
        committed = list(csv.DictReader(file))
    assert {row["scheme"] for row in committed} == set(scheme_presets())


def test_a_scheme_adds_the_settings_that_it_needs_to_those_of_the_file() -> None:
    path = FOLDER / "f-b6-never-uploaded.toml"
    named = scheme_presets()
    assert under(path, named["S3"], {}).presets == ("prometheus",)
    mixed = under(path, named["S9"], {})
    assert mixed.presets == ("prometheus", "integrity-file")
    assert mixed.producers.unuploaded == "dropped"
