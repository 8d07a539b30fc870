"""The simulator against every oracle of the verification report, and each against its power."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import pytest

from reports.verification import row
from sim.analysis.theory import pbs
from sim.analysis.theory.oracle import judge
from sim.study.verification import CHAPTERS
from tests.theory import plain_wars

CHAPTER_OF = {oracle: title for title, of in CHAPTERS.items() for oracle in of()}
ORACLES = list(CHAPTER_OF)
# Oracles of one setting share what is simulated.
BY_SETTING = {
    setting: list(group) for setting, group in groupby(ORACLES, lambda oracle: oracle.setting)
}
REPORT = Path(__file__).parents[2] / "reports" / "verification" / "oracles.csv"


def rows_of_report() -> list[dict[str, str]]:
    with REPORT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("setting", BY_SETTING)
def test_the_simulator_finds_what_others_found(setting: str) -> None:
    reported = {(row["quantity"], row["setting"]): row for row in rows_of_report()}
    for oracle in BY_SETTING[setting]:
        finding = judge(oracle)
        says = row(CHAPTER_OF[oracle], finding)
        assert reported[oracle.quantity, oracle.setting] == {
            key: str(value) for key, value in says.items()
        }, "make verify"
        assert finding.passes, f"{oracle.name}: {finding.off:+.2f} standard errors"
        assert finding.has_power, f"{oracle.name}: {oracle.wrong:.0%} wrong fits as well"


def test_no_oracle_is_there_twice() -> None:
    names = [oracle.name for oracle in ORACLES]
    assert len(names) == len(set(names)) > 100


def test_the_report_has_every_oracle() -> None:
    rows = rows_of_report()
    assert [f"{row['quantity']}: {row['setting']}" for row in rows] == [o.name for o in ORACLES]
    assert {row["passes"] for row in rows} == {row["wrong_is_refused"] for row in rows} == {"True"}


@pytest.mark.nightly
@pytest.mark.parametrize("fit", sorted(plain_wars.FITS))
def test_exact_values_are_those_of_another_program(fit: str) -> None:
    for (read, write), (fresh, t_ms, low_ms, high_ms) in plain_wars.exact(
        fit, 20_000_000, seed=7
    ).items():
        exact = pbs.EXACT[fit, read, write]
        assert abs(exact.fresh_at_once - fresh) < 5e-4
        assert abs(exact.t_ms - t_ms) <= (exact.high_ms - exact.low_ms + high_ms - low_ms)
