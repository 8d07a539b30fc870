"""The document of a sweep and its long table: what they hold, and that they hold the same."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from sim.analysis.queries.outcomes import Bound
from sim.analysis.sweep import Sweep
from sim.report.csvtable import CSV_COLUMNS
from sim.report.document import to_json
from sim.report.sweepdocument import (
    has_parquet,
    sweep_csv,
    sweep_document,
    sweep_parquet,
)
from sim.scenario.schema import OUTCOMES
from tests.sweeps import made

DELAY = "schemes.later.delete_delay=0s,1h"
RULED_OUT = Bound(proof="R1, R2")


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return made(
        [DELAY, "store.profile=strong,s3"],
        {(0, 0): 0.5, (0, 1): 0.25, (1, 0): RULED_OUT, (1, 1): Bound(clusters=100, most=0.5)},
    )


def test_the_document_says_all_of_a_cell(sweep: Sweep) -> None:
    content = json.loads(to_json(sweep_document(sweep)))
    assert (content["scenario"], content["seed"], content["trials"]) == ("made", 7, 2)
    assert content["knobs"] == [
        {
            "path": "schemes.later.delete_delay",
            "unit": "us",
            "values": ["0s", "1h"],
            "numbers": [0, 3_600_000_000],
        },
        {"path": "store.profile", "unit": None, "values": ["strong", "s3"], "numbers": None},
    ]
    cell = content["cells"][1]
    assert cell["setting"] == {"schemes.later.delete_delay": "0s", "store.profile": "s3"}
    at_once, later = cell["schemes"]
    assert (at_once["name"], at_once["kind"], at_once["origin"]) == (
        "at once",
        "immediate",
        "simulated",
    )
    assert at_once["safe_delay_us"] is None
    assert later["safe_delay_us"] > 0
    assert later["failing"]["fraction"] == 0.25
    assert list(later["outcomes"]) == list(OUTCOMES)
    assert later["outcomes"]["query-error"]["fraction"] == 0.25
    assert later["by_query"]["slow"]["query-error"]["expected"] == 0.25 * 3000 * 2
    assert later["requests"] == {"get": 6}
    assert later["garbage_bytes"] == 1e9 / (2 * 86_400)


def test_a_zero_has_its_bound_or_its_proof(sweep: Sweep) -> None:
    cells = sweep_document(sweep)["cells"]
    proven, unseen = (cell["schemes"][1]["outcomes"]["query-error"] for cell in cells[2:])
    assert (proven["high"], proven["method"], proven["proof"]) == (0, "rule", "R1, R2")
    assert (unseen["fraction"], unseen["proof"]) == (0, None)
    assert 0 < unseen["high"] < 1
    by_query = cells[2]["schemes"][1]["by_query"]["fast"]["query-error"]
    assert by_query["proof"] == "R1, R2"


def test_what_was_read_off_a_curve_says_so_and_the_digest_is_of_the_numbers(sweep: Sweep) -> None:
    cell = sweep.cells[0]
    first, later = cell.result.schemes
    unmade = tuple(replace(trial, digest="") for trial in later.trials)
    result = replace(cell.result, schemes=(first, replace(later, trials=unmade)))
    other = replace(sweep, cells=(replace(cell, result=result), *sweep.cells[1:]))
    found, plain = sweep_document(other), sweep_document(sweep)
    assert found["cells"][0]["schemes"][1]["origin"] == "curve"
    assert found["cells"][0]["schemes"][1]["digest"] is None
    assert found["digest"] == plain["digest"]
    fewer = replace(sweep, cells=sweep.cells[1:])
    assert sweep_document(fewer)["digest"] != plain["digest"]


def _csv_rows(sweep: Sweep) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sweep_csv(sweep))))


def test_the_table_has_a_number_a_line_with_its_setting(sweep: Sweep) -> None:
    rows = _csv_rows(sweep)
    assert list(rows[0]) == [
        "schemes.later.delete_delay",
        "schemes.later.delete_delay_s",
        "store.profile",
        "origin",
        *CSV_COLUMNS,
    ]
    found = [
        row
        for row in rows
        if (row["scheme"], row["query"], row["metric"]) == ("later", "fast", "query-error")
    ]
    assert [row["value"] for row in found] == ["0.5", "0.25", "0.0", "0.0"]
    assert [row["schemes.later.delete_delay_s"] for row in found] == ["0.0"] * 2 + ["3600.0"] * 2
    assert [row["method"] for row in found][2:] == ["rule", "clusters"]
    assert {row["metric"] for row in rows} >= {"garbage_byte_seconds", "requests.get"}


def test_names_that_look_like_formulas_are_defused() -> None:
    text = sweep_csv(made(["store.profile=strong"], {(0,): 0.0}))
    assert text.startswith("store.profile,origin,scheme")
    knobs = made(["queries.0.name='=1',b"], {(0,): 0.0, (1,): 0.0})
    assert "\n'=1,simulated,at once" in sweep_csv(knobs)


def test_parquet_holds_the_table(sweep: Sweep) -> None:
    assert has_parquet()
    content = sweep_parquet(sweep)
    assert content == sweep_parquet(sweep)
    table = parquet.read_table(pa.BufferReader(content))
    rows: list[dict[str, Any]] = table.to_pylist()
    expected = _csv_rows(sweep)
    assert table.column_names == list(expected[0])
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for name, text in wanted.items():
            value = row[name]
            if isinstance(value, float):
                assert math.isclose(value, float(text), rel_tol=0)
            else:
                assert (value or "") == text
    assert table.schema.field("value").type == pa.float64()
    assert table.schema.field("schemes.later.delete_delay_s").type == pa.float64()


def test_without_the_library_there_is_none(monkeypatch: pytest.MonkeyPatch, sweep: Sweep) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert not has_parquet()
    with pytest.raises(ImportError):
        sweep_parquet(sweep)
