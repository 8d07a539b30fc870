"""The screen about a run: numbers that can be read at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field
from rich.console import Console, RenderableType
from rich.text import Text

from sim.analysis.evidence.witness import (
    Counted,
    DrawnOnly,
    Exceeded,
    Measured,
    MissingData,
    Seen,
    TooMany,
    Unexplained,
    Witness,
)
from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import Result, collect
from sim.core.units import US_PER_S
from sim.report.tables import (
    caption,
    delays,
    judgement_lines,
    observation_lines,
    scheme_table,
)
from sim.scenario.language.schemes import SchemeBase
from sim.scenario.language.values import Duration
from sim.scenario.load import load
from tests.conftest import GoldenCheck
from tests.made_results import SCENARIO, hazard, outcome, result, scenario, trial

GOLDEN = Path(__file__).parents[1] / "golden"


def _screen(*content: RenderableType, colour: bool = False, width: int = 80) -> str:
    text = io.StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    console = Console(file=text, width=width, force_terminal=colour, color_system=system)
    for item in content:
        console.print(item, soft_wrap=isinstance(item, Text))
    return text.getvalue()


LONG_NAME = "a mark that is hidden after half a day and deleted after one, plus one hour"


def _wide() -> Result:
    """Two schemes of which one has a long name, and whose numbers are as long as they get."""
    made = scenario()
    scheme = made.schemes[1].model_copy(update={"name": LONG_NAME})
    made = made.model_copy(update={"schemes": (made.schemes[0], scheme)})
    classes = [
        outcome("fast", 1e9, query_error=2.34567e-6, silent_gap=1.23456e-7),
        outcome("slow", 1e9, query_error=0.0),
    ]
    counts = {"requests": {"list": 10**7, "put": 2 * 10**7, "get": 3 * 10**9, "head": 10**9}}
    trials = [trial(s, k, classes, counts) for s in (0, 1) for k in (0, 1, 2)]
    return collect(made, "exact", trials)


def _measured_judgements() -> Iterator[Judgement]:
    longest = Measured(
        unit="s",
        value=7200.0,
        low=7200.0,
        high=7200.0,
        worst_trial=1,
        worst_seed=8,
        worst_value=7200.0,
    )
    mib = 2.0**20
    mean = Measured(
        unit="bytes",
        value=3 * mib,
        low=2 * mib,
        high=4 * mib,
        worst_trial=0,
        worst_seed=7,
        worst_value=2.5 * mib,
    )
    for rule, witness in (
        ("at most 1h retention-overshoot.max_s", longest),
        ("at least 1GiB garbage-bytes", mean),
    ):
        yield Judgement(scheme="at once", rule=rule, verdict=Verdict.INVALID, witness=witness)


def _judgements() -> tuple[Judgement, ...]:
    def made(verdict: Verdict, rule: str, witness: Witness | None = None) -> Judgement:
        return Judgement(scheme="at once", rule=rule, verdict=verdict, witness=witness)

    at_us, until_us = 90_061 * US_PER_S, 90_121 * US_PER_S + 5
    read = replace(hazard("fast"), at_us=at_us, until_us=until_us)
    seen = Seen(trial=1, seed=8, what=read)
    return (
        made(Verdict.INVALID, "never query-error", seen),
        made(
            Verdict.INVALID,
            "at most 0.01 query-error",
            Exceeded(fraction=0.2, low=0.1, high=0.3, worst=seen),
        ),
        made(
            Verdict.INVALID, "at least 0.5 warned", Exceeded(fraction=0, low=0, high=0, worst=None)
        ),
        made(Verdict.INVALID, "never lost-block", Seen(trial=1, seed=8, what=Counted(count=1))),
        made(
            Verdict.INVALID,
            "at most 3 lost-block",
            TooMany(total=9, worst=Seen(trial=1, seed=8, what=Counted(count=6))),
        ),
        made(
            Verdict.INVALID,
            "never silent-gap",
            Seen(
                trial=0,
                seed=7,
                what=MissingData(query="fast", at_us=at_us, until_us=until_us, stream=3),
            ),
        ),
        made(Verdict.INVALID, "never warned", Seen(trial=0, seed=7, what=DrawnOnly(query="slow"))),
        made(
            Verdict.INVALID,
            "never partial-response",
            Seen(
                trial=0,
                seed=7,
                what=Unexplained(query="fast", at_us=at_us, until_us=until_us),
            ),
        ),
        *_measured_judgements(),
        made(Verdict.UNKNOWN, "sometimes silent-gap"),
        made(Verdict.VALID, "never warned"),
    )


def test_the_screen_as_text(golden: GoldenCheck) -> None:
    made = result([0.25, 0.5], [0.0, 1e-7])
    golden(GOLDEN / "screen.txt", _screen(scheme_table(made), *judgement_lines(_judgements())))


@pytest.mark.parametrize("width", [40, 50, 80, 120])
def test_every_name_and_number_can_be_read(width: int) -> None:
    table = scheme_table(_wide())
    screen = _screen(table, width=width)
    assert max(map(len, screen.splitlines())) <= width
    assert "…" not in screen
    assert {"1.17e-6", "1.17e-6 – 1.17e-6", "14.1 KiB", "15M/d", "2G/d"} <= {
        text for row in table.rows for cell in row for text in cell
    }
    for row in table.rows:
        assert all(text in screen for cell in row for text in cell)
    # A name is folded at its words, and other columns may stand between its lines.
    assert all(word in screen.split() for name in table.names for word in name.split())


def test_a_table_that_is_too_wide_becomes_lists() -> None:
    made = scheme_table(_wide())
    needed = made.width_needed()
    assert _screen(made, width=needed).splitlines()[1].startswith("scheme ")
    assert _screen(made, width=needed - 1).startswith("at once\n")


def test_delays_are_those_of_the_scenario_whatever_the_name_says() -> None:
    made = load(SCENARIO, {"schemes.1.name": "mark, 48h", "schemes.1.delete_delay": "90s"})
    trials = [trial(s, 0, [outcome("fast", 10.0)]) for s in (0, 1)]
    run = collect(made, "exact", trials)
    table = scheme_table(run)
    assert [title for title, _ in table.titles[:2]] == ["D", "I"]
    assert [[cell for cell, _ in row[:2]] for row in table.rows] == [["–", "–"], ["1m30s", "1d"]]
    assert caption(run).startswith("D: delete_delay; I: ignore_deletion_marks_delay; gaps: ")


def test_a_run_without_delays_has_no_columns_for_them() -> None:
    made = collect(scenario(), "exact", [trial(0, 0, [outcome("fast", 10.0)])])
    assert scheme_table(made).titles[0] == ("failed", "")
    assert caption(made).startswith("gaps: ")


def test_the_delays_of_a_scheme_are_its_durations() -> None:
    class Leased(SchemeBase):
        kind: str
        lease_us: Duration = Field(alias="lease")
        holders: int = 1

    scheme: Any = Leased.model_validate({"name": "leases", "kind": "lease", "lease": "5m"})
    assert delays(scheme) == {"lease": 300 * US_PER_S}


def test_requests_are_split_by_what_they_cost() -> None:
    counts = {"requests": {"list": 2, "put": 4, "get": 10, "head": 20, "delete": 1000}}
    made = collect(scenario(), "exact", [trial(0, 0, [outcome("fast", 1.0)], counts)])
    table = scheme_table(made)
    assert table.titles[-1] == ("list, put", "get, head")
    assert table.rows[0][-1] == ("3/d", "15/d")


def test_colour_is_only_for_terminals() -> None:
    lines = judgement_lines(_judgements())
    assert "\x1b[" in _screen(*lines, colour=True)
    assert "\x1b[" not in _screen(*lines)


def test_only_what_went_wrong_is_listed() -> None:
    classes = [outcome("fast", 10.0, duplicated=0.5, warned=0.25)]
    counts = [{"lost-block": 1, "compactor-halt": 0}, {"lost-block": 2, "compactor-halt": 0}]
    wrong = collect(scenario(), "exact", [trial(0, k, classes, counts[k]) for k in (0, 1)])
    assert observation_lines(wrong.schemes) == [
        "at once: 3 lost-block, 50 % duplicated, 25 % warned"
    ]
    assert observation_lines(result([0.1, 0.1], [0.0, 0.0]).schemes) == []


def test_prices_are_a_column_where_the_scenario_has_them() -> None:
    assert "30d" not in str(scheme_table(result([0.1], [0.0])).titles)
    own = [outcome("fast", 1.0)]
    counts = {"stored-bytes": 10 * 2**30, "requests": {"list": 3_000, "get": 50_000}}
    # Two days count; a month is fifteen of them.
    per_1000 = {"list": 0.005, "get": 0.0004}
    priced = load(
        SCENARIO, {"prices": {"currency": "EUR", "gib_month": 0.02, "per_1000": per_1000}}
    )
    known = collect(priced, "exact", [trial(s, t, own, counts) for s in (0, 1) for t in (0, 1)])
    table = scheme_table(known)
    assert table.titles[-1] == ("EUR/30d", "")
    month = 10 * 0.02 + 15 * (3 * 0.005 + 50 * 0.0004)
    assert [row[-1] for row in table.rows] == [(f"{month:.2f}", "")] * 2
    stored = {"stored-bytes": 10 * 2**30}
    unknown = collect(priced, "exact", [trial(0, t, own, stored) for t in (0, 1)])
    assert scheme_table(unknown).rows[0][-1] == ("–", "")
