"""Mutants are found, planted and judged as they should be (``make mutants``)."""

from __future__ import annotations

import ast
import importlib
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests import mutants
from tests.mutation import ROOT, Mutant, drawn, located, plant, text_of, watch

CODE = textwrap.dedent(
    '''
    class Shop:
        def price(self, count: int, *, each: int = 3) -> int:
            """Of so many."""
            if count > 9:
                each -= 1
            else:
                each += 0
            return count * each

        @staticmethod
        def tax(price: int) -> int:
            return price // 5

    def rest(one: int, two: int = 2) -> list[int]:
        return [n for n in range(
            one,
        ) if n > two]
    '''
)


def _mutant(was: str, now: str) -> tuple[Mutant, str]:
    text = CODE.replace(was, now, 1)
    return located(f"{was} {now}", "made_up_shop.py", CODE, text), text


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "made_up_shop.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("tests.mutation.ROOT", tmp_path)
    monkeypatch.delitem(sys.modules, "made_up_shop", raising=False)
    return importlib.import_module("made_up_shop")


def _answers(shop: Any) -> list[object]:
    one = shop.Shop()
    return [one.price(2), one.price(10), one.price(2, each=5), shop.Shop.tax(10), shop.rest(5)]


@pytest.mark.parametrize(
    ("was", "now", "owner", "answers"),
    [
        ("count > 9", "count > 1", "Shop.price", [4, 20, 8, 2, [3, 4]]),
        ("+= 0", "+= 1", "Shop.price", [8, 20, 12, 2, [3, 4]]),
        ("each: int = 3", "each: int = 4", "Shop.price", [8, 30, 10, 2, [3, 4]]),
        ("price // 5", "price // 2", "Shop.tax", [6, 20, 10, 5, [3, 4]]),
        ("two: int = 2", "two: int = 3", "rest", [6, 20, 10, 2, [4]]),
        ("n > two", "n < two", "rest", [6, 20, 10, 2, [0, 1]]),
    ],
)
def test_a_planted_mutant_changes_its_function_and_no_other(
    was: str, now: str, owner: str, answers: list[object], shop: ModuleType
) -> None:
    assert _answers(shop) == [6, 20, 10, 2, [3, 4]]
    mutant, text = _mutant(was, now)
    assert (mutant.owner, was in mutant.was, now in mutant.now) == (owner, True, True)
    plant(mutant, text)
    assert _answers(shop) == answers


def test_a_change_outside_of_functions_is_none() -> None:
    with pytest.raises((ValueError, StopIteration)):
        located("name", "a.py", "x = 1\n", "x = 2\n")


def test_a_statement_tells_that_it_is_reached(shop: Any) -> None:
    few, many = _mutant("+= 0", "+= 1")[0], _mutant("-= 1", "-= 2")[0]
    default = _mutant("each: int = 3", "each: int = 4")[0]
    told: list[str] = []
    watch([few, many, default], told.append)
    assert shop.Shop().price(2) == 6
    assert told == [default.name, few.name]
    shop.Shop().price(10)
    assert told[2:] == [default.name, many.name]


def test_a_larger_sample_has_the_smaller_one_and_seeds_differ() -> None:
    names = {f"a.f__mutmut_{n}": "a.py" for n in range(100)}
    few, more = drawn(names, 10, 1), drawn(names, 20, 1)
    assert (len(few), len(more)) == (10, 20)
    assert few.items() <= more.items()
    assert few != drawn(names, 10, 2)


TESTS = """
from sim.analysis.totals import flat_counts

def test_one() -> None:
    assert list(flat_counts({"a": {"b": {"c": 1}}})) == [("a.b.c", 1)]
"""


def _of_totals(name: str, was: str, now: str) -> tuple[Mutant, str]:
    path = "sim/analysis/totals.py"
    code = text_of(path)
    assert was in code
    text = code.replace(was, now, 1)
    return located(name, path, code, text), text


def test_mutants_are_killed_survive_hang_or_have_no_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "LEAST_S", 1.0)
    (tmp_path / "test_totals.py").write_text(TESTS, encoding="utf-8")
    mapping = "isinstance(value, Mapping):\n            yield"
    chosen = [
        _of_totals("wrong", 'flat_counts(value, f"{prefix}', 'flat_counts(value, f"'),
        _of_totals("alike", mapping, "hasattr(value, 'keys'):\n            yield"),
        _of_totals("endless", mapping, "all(1 for _ in iter(int, 1)):\n            yield"),
        _of_totals("unseen", "return 0.0", "return 1.0"),
    ]
    rows: list[mutants.Row] = []
    judge = mutants.Judge(chosen, rows.append, tmp_path, 5.0, 60.0)
    options = ["-s", "-q", "-c", str(tmp_path / "none.ini"), "-p", "no:cacheprovider"]
    (tmp_path / "none.ini").write_text("[pytest]\n", encoding="utf-8")
    assert pytest.main([*options, str(tmp_path)], [judge]) == 0
    assert {row["name"]: row["how"] for row in rows} == {
        "wrong": "killed",
        "alike": "survived",
        "endless": "timeout",
        "unseen": "no tests",
    }
    said = mutants.report(rows)
    assert "in all: 2 of 4, 50.0 % (6.8 – 93.2 %)" in said
    assert "alike: survived" in said
    assert "wrong" not in said


def test_what_is_judged_to_change_nothing_is_still_there() -> None:
    for where, was, _ in mutants.judged_to_change_nothing():
        path, _, owner = where.partition(":")
        body: Any = ast.parse(text_of(path))
        for name in owner.split("."):
            body = next(one for one in body.body if getattr(one, "name", "") == name)
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        inside = lines[body.lineno - 1 : body.end_lineno]
        assert was in map(str.strip, inside), f"{where} has no line {was!r}"
