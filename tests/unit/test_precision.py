"""Runs that go on until an interval is narrow: what is asked for, when they stop, what they say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from sim.analysis.expect import Verdict, judge
from sim.analysis.precision import parse_precision
from sim.analysis.results import TrialResult, collect, estimate
from sim.analysis.sequences import Goal, Precision
from sim.cli import main
from sim.report.document import document, to_json
from sim.report.reading import Document, read_as
from sim.scenario.load import load
from sim.study.enough import Enough
from sim.study.finished import FinishedTrials
from sim.study.run import run_scenario
from tests import made_results
from tests.short import SHORT

WIDE = "query-error=9e-3"


def test_a_share_of_the_fraction_and_a_share_of_the_queries() -> None:
    found = parse_precision(["query-error=5%", "day.silent-gap=1e-4"], ["day"], 7)
    assert found.trials_max == 7
    assert [(g.query, g.outcome, g.half_width, g.is_relative) for g in found.goals] == [
        (None, "query-error", 0.05, True),
        ("day", "silent-gap", 1e-4, False),
    ]
    assert parse_precision(["warned=10 %"], []).trials_max == 1000


@pytest.mark.parametrize(
    ("texts", "trials_max", "says"),
    [
        ([], None, "at least one outcome"),
        (["query-error"], None, "like query-error=5%"),
        (["query-eror=5%"], None, "query-error"),
        (["ok=5%"], None, "not ok"),
        (["requests.get=5%"], None, "not ok"),
        (["query-error=0%"], None, "between 0 and 1"),
        (["query-error=100%"], None, "between 0 and 1"),
        (["query-error=nan"], None, "between 0 and 1"),
        (["query-error=5%x"], None, "between 0 and 1"),
        (["query-error=5%", "query-error=1e-3"], None, "second time"),
        (["query-error=5%"], 0, "at least 1"),
    ],
)
def test_what_is_no_precision_is_refused(
    texts: list[str], trials_max: int | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        parse_precision(texts, ["day"], trials_max)


def made(scheme: int, number: int, error: float) -> TrialResult:
    return made_results.trial(
        scheme, number, [made_results.outcome("fast", 1000.0, query_error=error)]
    )


def aim(half_width: float, *, most: int, is_relative: bool = True) -> Precision:
    goal = Goal(
        text=f"query-error={half_width}",
        query=None,
        outcome="query-error",
        half_width=half_width,
        is_relative=is_relative,
    )
    return Precision(goals=(goal,), trials_max=most)


def stops_after(errors: list[float], precision: Precision, *, is_backwards: bool = False) -> int:
    """Trials until there are enough; the second scheme has no errors at all."""
    enough = Enough(precision, [0, 1])
    results = [
        made(scheme, number, error if scheme == 0 else 0.0)
        for number, error in enumerate(errors)
        for scheme in (0, 1)
    ]
    for result in reversed(results) if is_backwards else results:
        enough.add(result)
    assert enough.is_over == (not list(enough.jobs(set())))
    return enough.trials if enough.is_over else 0


def test_trials_are_looked_at_in_their_order_whenever_they_come() -> None:
    errors = [0.3, 0.5, 0.4, 0.6] * 25
    wide, narrow = aim(0.3, most=100, is_relative=False), aim(0.1, most=100, is_relative=False)
    forwards = stops_after(errors, wide)
    assert 4 < forwards < stops_after(errors, narrow) <= 100
    assert stops_after(errors, wide, is_backwards=True) == forwards
    # Later trials decide nothing.
    assert stops_after([*errors[:forwards], *([1.0] * 20)], wide, is_backwards=True) == forwards
    # One scheme without an answer is enough to go on, and the most is the most.
    assert stops_after([0.5] * 6, aim(0.01, most=6)) == 6
    assert stops_after([0.5] * 6, aim(0.01, most=7)) == 0


def test_a_run_stops_where_its_result_is_precise() -> None:
    scenario = load(SHORT)
    precision = parse_precision([WIDE], ["day"], 30)
    result = run_scenario(scenario, precision=precision)
    trials = result.scenario.trials
    assert 2 < trials < 30
    found = estimate(result.schemes[0], ("query-error",)).interval
    assert found.method == "sequence"
    assert found.high - found.low <= 2 * 9e-3
    fewer = collect(
        scenario, "exact", [t for t in result.schemes[0].trials if t.trial < trials - 1], precision
    )
    assert not precision.goals[0].is_reached(estimate(fewer.schemes[0], ("query-error",)).interval)
    assert [j.verdict for j in judge(result)] == [Verdict.VALID] * 2
    text = to_json(document(result, judge(result)))
    read = read_as(Document, text)
    assert read.trials == trials
    assert read.precision is not None
    assert (read.precision.trials_max, read.precision.goals[0].half_width) == (30, 9e-3)
    assert {d.method for d in read.differences if d.outcome == "query-error"} == {"intervals"}


def test_workers_and_interruptions_change_no_byte(tmp_path: Path) -> None:
    scenario = load(SHORT)
    precision = parse_precision(["query-error=2e-2"], ["day"], 30)
    finished = FinishedTrials(tmp_path)
    alone = run_scenario(scenario, precision=precision, finished=finished)
    files = finished.of(scenario, mode="exact", check=False)
    for trial in (0, 2):
        del files[0, trial]
    again = run_scenario(scenario, precision=precision, finished=finished, workers=2)
    assert to_json(document(again, judge(again))) == to_json(document(alone, judge(alone)))


def test_a_precision_that_is_not_reached_is_unknown_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.toml").write_text(SHORT, encoding="utf-8")
    short = ["run", "short.toml", "--scheme", "at once", "--precision", "query-error=5%"]
    assert main([*short, "--max-trials", "2", "--json", "short.json"]) == 3
    shown = capsys.readouterr().out
    assert "unknown at once: precision query-error=5%" in shown
    assert "after 2 trials, the most that there may be (sequence)" in shown
    assert "--precision query-error=5% --max-trials 2" in shown
    made = json.loads(Path("short.json").read_text(encoding="utf-8"))
    assert (made["trials"], made["expect"][0]["verdict"]) == (2, "unknown")
    assert made["precision"]["goals"][0]["is_relative"]
    assert main([*short, "--trials", "2"]) == 2
    assert main(["run", "short.toml", "--max-trials", "2"]) == 2
    assert main(["run", "short.toml", "--precision", "query-eror=5%"]) == 2


def test_a_run_that_counts_its_trials_keeps_its_method() -> None:
    result = made_results.result([0.25, 0.5], [0.0, 0.0])
    assert "precision" not in document(result, ())
    assert estimate(result.schemes[0], ("query-error",)).interval.method != "sequence"
    assert math.isfinite(estimate(result.schemes[0], ("query-error",)).interval.high)
