"""Costs of speed: what they are made of, what is worse, and the table that shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.scenario.stores.profiles import PROFILES
from tests.bench import __main__ as bench
from tests.bench.cases import CASES, COSTS, GROWTHS, STORES
from tests.bench.figures import (
    Figure,
    Round,
    absent,
    cases_of,
    exponent,
    figures,
    table,
    with_table,
    worse,
)
from tests.bench.work import WORKS, Measured, work

SOME = Measured(2.0, 3.0, 1000, 3e8, 400e3, 20e6)
BEFORE = {"curve": Figure(1.4, 1.5, 1.6), "growth-days": Figure(0.98, 1.0, 1.02)}


def _round(**changed: Measured) -> Round:
    return {**dict.fromkeys(CASES, SOME), **changed}


def test_costs_are_ratios_to_what_the_same_round_measured() -> None:
    found = figures(
        [
            _round(
                plain=SOME._replace(cpu_s=200),
                nothing=SOME._replace(peak_bytes=1e8),
                sweep=SOME._replace(units=6),
            )
        ]
    )
    assert found["store-strong"].median == pytest.approx(2 / 1000 * 400e3)
    assert found["sampled"].median == pytest.approx(2 / 1000 * 20e6)
    assert found["sampled-plain"].median == pytest.approx(0.01)
    assert found["memory-large"].median == pytest.approx(3)
    assert found["workers"].median == pytest.approx(0.5)
    assert set(found) == {*COSTS, *GROWTHS}


def test_a_machine_that_is_slow_for_a_while_changes_no_cost() -> None:
    slow = SOME._replace(cpu_s=6.0, events_per_s=400e3 / 3, arrivals_per_s=20e6 / 3)
    (quiet, busy) = (figures([one]) for one in (_round(), _round(sampled=slow, plain=SOME)))
    for name in ("sampled", "sampled-plain"):
        assert busy[name].median == pytest.approx(quiet[name].median)
    # Work that is slower while the baselines are not is seen.
    slower = figures([_round(sampled=SOME._replace(cpu_s=6.0))])
    assert slower["sampled"].median == pytest.approx(3 * quiet["sampled"].median)


def test_figures_of_several_rounds_are_quartiles_and_left_out_without_their_cases() -> None:
    rounds = [{"curve": SOME._replace(cpu_s=cpu_s)} for cpu_s in (1000, 5000, 2000)]
    assert figures(rounds) == {"curve": Figure(1.5, 2.0, 3.5)}
    assert figures([]) == {}


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_an_exponent_is_the_slope_of_logarithms(slope: float) -> None:
    assert exponent([(size, 7 * size**slope) for size in (1, 3, 9)]) == pytest.approx(slope)
    assert exponent([(1, 1), (2, 2), (4, 16)]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("now", "is_worse"),
    [
        ({"curve": Figure(1.4, 1.5, 1.6)}, False),
        ({"curve": Figure(1.61, 1.64, 1.7)}, False),  # less than a tenth
        ({"curve": Figure(1.59, 1.8, 1.9)}, False),  # as noise was before
        ({"curve": Figure(1.61, 1.66, 1.7)}, True),
        ({"curve": Figure(0.5, 0.6, 0.7)}, False),
        ({"growth-days": Figure(1.05, 1.09, 1.12)}, False),
        ({"growth-days": Figure(1.05, 1.11, 1.12)}, True),
    ],
)
def test_worse_is_a_tenth_beyond_the_noise(now: Mapping[str, Figure], is_worse: bool) -> None:
    assert list(worse(BEFORE, now)) == (list(now) if is_worse else [])
    assert absent(BEFORE, now) == sorted(set(BEFORE) - set(now))


def _planted(monkeypatch: pytest.MonkeyPatch, *is_slow: bool) -> list[tuple[set[str], int]]:
    """Let the curve take twice as long in some measurements; what each was asked for."""
    asked: list[tuple[set[str], int]] = []

    def rounds(names: Collection[str], times: int, is_small: bool) -> list[Round]:
        assert not is_small
        asked.append((set(names), times))
        cpu_s = SOME.cpu_s * (1 + is_slow[len(asked) - 1])
        one = _round(curve=SOME._replace(cpu_s=cpu_s))
        return [{name: one[name] for name in names}] * times

    monkeypatch.setattr(bench, "rounds", rounds)
    return asked


def test_a_suspect_is_measured_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _planted(monkeypatch, True, False)
    assert bench.compare(figures([_round()])) == {}
    assert asked == [(set(CASES), bench.ROUNDS), ({"curve"}, 2 * bench.ROUNDS)]


def test_rounds_interleave_the_cases_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def measured(name: str, is_small: bool) -> Measured:
        seen.append((name, is_small))
        return SOME

    monkeypatch.setattr(bench, "measure", measured)
    found = bench.rounds({"curve", "plain"}, 2, True)
    assert found == [{"plain": SOME, "curve": SOME}] * 2
    assert seen == [("plain", True), ("curve", True)] * 2


@pytest.mark.parametrize("is_slower", [False, True])
def test_what_is_slower_twice_fails_the_command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    is_slower: bool,
) -> None:
    committed = tmp_path / "speed.json"
    committed.write_text(bench.document(figures([_round()]), "a machine of old"), encoding="utf-8")
    monkeypatch.setattr(bench, "COMMITTED", committed)
    _planted(monkeypatch, is_slower, is_slower)
    assert bench.main(["--compare"]) == int(is_slower)
    out = capsys.readouterr().out
    assert "committed: a machine of old" in out
    assert ("200 delete delays" in out) == is_slower
    assert ("nothing is more than a tenth worse" in out) != is_slower


def test_the_table_has_a_row_for_each_figure_and_its_machine() -> None:
    rows = table({"sampled-plain": Figure(1 / 4000, 1 / 5000, 1 / 6000), **BEFORE}, "Z80").split(
        "\n"
    )
    assert rows[0] == "| measured on Z80 | median | quartiles |"
    assert rows[2].endswith("| 1/5,000 | 1/4,000 – 1/6,000 |")
    assert rows[3].endswith("| 1.50 | 1.40 – 1.60 |")
    assert len(rows) == 5


def test_a_table_goes_between_the_markers_only() -> None:
    page = "a\n<!-- speed: begin -->\nold\n<!-- speed: end -->\nb\n"
    assert with_table(page, "new") == page.replace("old", "new")
    for broken in ("a", page * 2):
        with pytest.raises(ValueError, match="speed: begin"):
            with_table(broken, "new")


def test_the_page_shows_what_is_committed() -> None:
    where, found = bench.read(bench.COMMITTED.read_text(encoding="utf-8"))
    assert set(found) == {*COSTS, *GROWTHS}
    assert bench.document(found, where) == bench.COMMITTED.read_text(encoding="utf-8")
    page = bench.PAGE.read_text(encoding="utf-8")
    assert with_table(page, table(found, where)) == page
    other = {**found, "curve": Figure(98, 99, 100)}
    assert with_table(page, table(other, where)) != page


def test_every_store_and_every_kind_of_work_is_measured() -> None:
    lagging = {name for name, profile in PROFILES.items() if profile.values}
    assert set(STORES) == {"strong", *lagging}
    assert {case.kind for case in CASES.values()} == set(WORKS)
    # No case is measured for nothing, and none is missing.
    assert set().union(*map(cases_of, (*COSTS, *GROWTHS))) == set(CASES)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("nothing", {}),
        ("plain", {"horizon": "6h", "queries.0.rate": "1/m"}),
        ("sampled", {"horizon": "6h"}),
        ("exact", {"rate": "1/h", "times": 1}),
        ("trial", {"horizon": "6h", "producers.count": 5}),
        ("curve", {"points": 3, "scenario": {"horizon": "6h", "producers.count": 5}}),
    ],
)
def test_work_is_done_between_baselines(kind: str, values: Mapping[str, Any]) -> None:
    found = work(kind, values, events=400)
    assert found.units > 0
    assert found.cpu_s > 0
    assert found.peak_bytes > 1e7
    assert found.events_per_s > 0
    assert found.arrivals_per_s > 0
