"""The result document: its keys, its numbers, and nothing that differs between machines."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest

from sim import __version__
from sim.analysis.evidence.witness import Counted, Exceeded, Measured, Seen, TooMany
from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import Result, collect
from sim.report.csvtable import ALL_QUERIES, to_csv
from sim.report.document import document, to_json
from sim.report.names import csv_name
from sim.scenario.schema import OUTCOMES
from tests.conftest import GoldenCheck
from tests.made_results import hazard, outcome, result, scenario, trial

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_document_as_text(golden: GoldenCheck) -> None:
    judgements = (
        Judgement(
            scheme="at once",
            rule="never query-error",
            verdict=Verdict.INVALID,
            witness=Seen(trial=0, seed=7, what=hazard("fast")),
        ),
        Judgement(scheme="later", rule="never query-error", verdict=Verdict.VALID),
    )
    text = to_json(document(result([0.25, 0.5], [0.0, 0.0]), judgements))
    text = text.replace(f'"version": "{__version__}"', '"version": "…"')
    text = text.replace(scenario().digest, "…")
    golden(GOLDEN / "document.json", text)


def test_the_csv_as_text(golden: GoldenCheck) -> None:
    golden(GOLDEN / "document.csv", to_csv(result([0.25, 0.5], [0.0, 0.0])))


def test_keys_and_their_order() -> None:
    made = document(result([0.25, 0.5], [0.0, 0.0]), ())
    assert list(made) == [
        "schema",
        "scenario",
        "scenario_digest",
        "seed",
        "trials",
        "version",
        "digest",
        "schemes",
        "differences",
        "expect",
    ]
    scheme = made["schemes"][0]
    assert list(scheme) == [
        "name",
        "kind",
        "digest",
        "queries",
        "outcomes",
        "by_query",
        "counts",
        "garbage_byte_seconds",
        "exposure",
        "critical_delays",
        "rules",
        "world_digest",
        "per_trial",
    ]
    assert list(scheme["outcomes"]) == list(OUTCOMES)
    assert list(scheme["by_query"]) == ["fast", "slow"]
    assert list(scheme["by_query"]["slow"]) == list(OUTCOMES)
    assert list(scheme["outcomes"]["ok"])[:4] == ["fraction", "low", "high", "expected"]


def test_totals_are_over_trials() -> None:
    scheme = document(result([0.25, 0.5], [0.0, 0.0]), ())["schemes"][0]
    assert scheme["queries"] == 8000.0
    assert scheme["outcomes"]["query-error"]["expected"] == 3000.0
    assert scheme["outcomes"]["query-error"]["seen_in_trials"] == 2
    assert scheme["counts"] == {"lost-block": 0, "requests": {"get": 6}}
    assert scheme["garbage_byte_seconds"] == 5e9


def test_a_zero_says_how_much_was_looked_at() -> None:
    scheme = document(result([0.0, 0.0], [0.0, 0.0]), ())["schemes"][0]
    error = scheme["outcomes"]["query-error"]
    assert (error["fraction"], error["low"], error["method"]) == (0.0, 0.0, "clusters")
    assert error["high"] == pytest.approx(1.0 - 0.05**0.5)
    assert scheme["exposure"]["asked"] == 18


def test_differences_are_against_the_first_scheme_for_every_outcome() -> None:
    rows = document(result([0.25, 0.5], [0.125, 0.375]), ())["differences"]
    assert [row["outcome"] for row in rows] == list(OUTCOMES)
    assert {(row["scheme"], row["baseline"]) for row in rows} == {("later", "at once")}
    assert (rows[0]["difference"], rows[0]["low"], rows[0]["high"]) == (-0.125, -0.125, -0.125)


def test_one_scheme_differs_from_nothing() -> None:
    made = collect(scenario(), "exact", [trial(0, 0, [outcome("fast", 1.0)])])
    assert document(made, ())["differences"] == []


def test_what_is_unknown_is_null() -> None:
    silent = outcome("fast", 0.0, query_error=math.nan)
    made = collect(scenario(), "exact", [trial(s, 0, [silent]) for s in (0, 1)])
    text = to_json(document(made, ()))
    assert "NaN" not in text
    read = json.loads(text)
    assert read["schemes"][0]["outcomes"]["ok"]["fraction"] is None
    assert read["differences"][0]["difference"] is None
    assert ",,," in to_csv(made)


def test_a_sampled_document_says_so() -> None:
    made = document(result([0.0, 0.0], [0.0, 0.0], mode="sampled"), ())
    assert made["mode"] == "sampled"


def _csv_rows(made: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(made))))


def test_the_csv_has_a_line_for_every_fraction() -> None:
    rows = [r for r in _csv_rows(result([0.25, 0.5], [0.0, 0.0])) if r["unit"] == "fraction"]
    assert len(rows) == 2 * 3 * len(OUTCOMES)
    assert [row["query"] for row in rows[:: len(OUTCOMES)]] == [ALL_QUERIES, "fast", "slow"] * 2
    assert float(rows[0]["value"]) == 0.375


def test_the_csv_has_every_number_of_the_document() -> None:
    counts = {
        "lost-block": 2,
        "garbage-bytes": 1.5,
        "requests": {"list": 3, "get": 4},
        "time-to-visible": {"n": 1, "mean_s": 2.5, "never": 0},
    }
    classes = [outcome("fast", 10.0), outcome("slow", 30.0)]
    made = collect(scenario(), "exact", [trial(1, k, classes, counts) for k in (0, 1)])
    rows = [row for row in _csv_rows(made) if row["unit"] != "fraction"]
    assert [(r["query"], r["metric"], r["value"], r["unit"]) for r in rows] == [
        ("*", "queries", "80.0", "count"),
        ("fast", "queries", "20.0", "count"),
        ("slow", "queries", "60.0", "count"),
        ("", "delete_delay", "172800.0", "s"),
        ("", "ignore_deletion_marks_delay", "86400.0", "s"),
        ("", "garbage_byte_seconds", "5000000000.0", "byte-seconds"),
        ("", "lost-block", "4", "count"),
        ("", "garbage-bytes", "1.5", "bytes"),
        ("", "requests.list", "6", "count"),
        ("", "requests.get", "8", "count"),
        ("", "time-to-visible.n", "2", "count"),
        ("", "time-to-visible.mean_s", "2.5", "s"),
        ("", "time-to-visible.never", "0", "count"),
        ("", "exposure.trials", "2", "count"),
        ("", "exposure.queries", "8000.0", "count"),
        ("", "exposure.compactions", "6", "count"),
        ("", "exposure.retired", "24", "count"),
        ("", "exposure.deleted", "24", "count"),
        ("", "exposure.read", "24", "count"),
        ("", "exposure.asked", "18", "count"),
        ("", "exposure.late", "0", "count"),
        ("", "exposure.needed", "60", "count"),
        ("", "exposure.halted", "0", "count"),
        ("", "exposure.behind", "0", "count"),
    ]
    assert {row["scheme"] for row in rows} == {"later"}
    assert {(row["low"], row["high"], row["method"], row["expected"]) for row in rows} == {
        ("",) * 4
    }


def test_a_line_of_the_csv_is_known_by_scheme_query_and_metric() -> None:
    rows = _csv_rows(result([0.25, 0.5], [0.0, 0.0]))
    keys = [(row["scheme"], row["query"], row["metric"]) for row in rows]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("name", ["=1+1", "+A1", "-A1", "@SUM(A1)", '=HYPERLINK("x")', "-1-1"])
def test_no_name_is_a_formula(name: str) -> None:
    assert csv_name(name) == f"'{name}"


@pytest.mark.parametrize("name", ["mark, 48h", "-1e-3", "+5", "a=b", "'=1", "*"])
def test_a_name_that_is_no_formula_stays(name: str) -> None:
    assert csv_name(name) == name


def test_a_witness_has_its_kind_and_lies_flat() -> None:
    seen = Seen(trial=1, seed=8, what=Counted(count=6))
    measured = Measured(
        unit="s", value=2.0, low=1.0, high=4.0, worst_trial=1, worst_seed=8, worst_value=3.0
    )
    judgements = [
        Judgement(scheme="later", rule="r", verdict=Verdict.INVALID, witness=witness)
        for witness in (
            seen,
            TooMany(total=9, worst=seen),
            Exceeded(fraction=0.2, low=0.1, high=0.3, worst=None),
            None,
            measured,
        )
    ]
    rows = document(result([0.0], [0.0]), judgements)["expect"]
    counted = {"kind": "counted", "trial": 1, "seed": 8, "count": 6}
    assert [row["witness"] for row in rows] == [
        counted,
        {"kind": "too-many", "total": 9, "worst": counted},
        {"kind": "exceeded", "fraction": 0.2, "low": 0.1, "high": 0.3, "worst": None},
        None,
        {"kind": "measured", **asdict(measured)},
    ]
