"""Result documents read back: the same numbers, or everything that is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from sim.analysis.comparison.numbers import numbers_of
from sim.analysis.results import collect
from sim.errors import ScenarioError
from sim.report.document import document, to_json
from sim.report.reading import document_schema, read_numbers
from tests.made_results import outcome, result, scenario, trial

GOLDEN = Path(__file__).parents[1] / "golden" / "document.json"


def _text() -> str:
    return to_json(document(result([0.25, 0.1], [0.0, 1 / 3]), ()))


def _problems(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read_numbers(text, "old.json")
    return str(caught.value)


def test_what_was_written_is_read_back_to_the_last_digit() -> None:
    made = result([0.25, 0.1], [0.0, 1 / 3])
    assert read_numbers(_text()) == numbers_of(made)


def test_what_is_unknown_comes_back_as_unknown() -> None:
    silent = outcome("fast", 0.0, query_error=math.nan)
    made = collect(scenario(), "sampled", [trial(0, k, [silent]) for k in (0, 1)])
    read = read_numbers(to_json(document(made, ())))
    assert read.mode == "sampled"
    found = read.schemes[0].outcomes["fast"]["query-error"]
    assert math.isnan(found.interval.fraction)
    assert all(map(math.isnan, found.per_trial))


def test_keys_of_a_later_version_are_passed_over() -> None:
    content = json.loads(_text())
    content["later"] = content["schemes"][0]["later"] = 1
    assert read_numbers(json.dumps(content)) == read_numbers(_text())


def _remove(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for part in path[:-1]:
            content = content[part]
        del content[path[-1]]

    return change


def _put(value: object, *path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for part in path[:-1]:
            content = content[part]
        content[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_put(2, "schema"), "schema=2 must be 1"),
        (_remove("seed"), "seed=(missing) must be given"),
        (_put("8", "trials"), "trials='8' must be a whole number"),
        (_put([], "schemes"), "schemes=[] must hold at least one entry"),
        (
            _remove("schemes", 1, "per_trial"),
            "schemes[1].per_trial=(missing) must be given; it was",
        ),
        (
            _put(1.5, "schemes", 0, "outcomes", "ok", "low"),
            "schemes[0].outcomes.ok.low=1.5 must be at most 1",
        ),
        (
            _remove("schemes", 0, "by_query", "slow", "warned"),
            "schemes[0].by_query.slow.warned=(missing) must be given",
        ),
        (
            _put([0.1], "schemes", 0, "per_trial", "outcomes", "ok"),
            "per_trial.outcomes.ok=[0.1] must have a number for each of 2 trials; it has 1",
        ),
        (
            _remove("schemes", 0, "per_trial", "by_query", "fast"),
            "schemes[0].per_trial.by_query.fast=(missing) must be given",
        ),
        (_put("later", "schemes", 0, "name"), "schemes[1].name='later' must be the name of one"),
        (_put(["x"], "expect"), "expect[0]='x' must be a table"),
    ],
)
def test_a_document_that_is_wrong_is_refused(
    change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = json.loads(_text())
    change(content)
    said = _problems(json.dumps(content))
    assert message in said
    assert "old.json" in said


def test_all_problems_are_told_at_once() -> None:
    content = json.loads(_text())
    del content["seed"]
    content["trials"] = 0
    content["schemes"][0]["queries"] = "many"
    said = _problems(json.dumps(content))
    assert all(path in said for path in ("seed=", "trials=0", "schemes[0].queries='many'"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema": 1,\n "seed": }', "old.json:2:10: (missing) must be JSON; Expecting value"),
        ('{"schema": NaN}', "NaN is no number in JSON"),
        ("[1]", "must be a table"),
        ('{"a":' * 60 + "1" + "}" * 60, "be nested at most 40 deep"),
        ('{"a":' * 100_000, "must be JSON"),
    ],
)
def test_what_is_no_document_is_refused(text: str, message: str) -> None:
    assert message in _problems(text)


def test_the_json_schema_accepts_documents_and_nothing_else() -> None:
    schema = json.loads(document_schema())
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    golden = json.loads(GOLDEN.read_text())
    judge.validate(golden)
    judge.validate(json.loads(_text()))
    for change in (
        _remove("digest"),
        _put("x", "schemes", 0, "outcomes", "ok", "fraction"),
        _put("maybe", "expect", 0, "verdict"),
        _remove("expect", 0, "witness", "kind"),
        _put([None, "x"], "schemes", 0, "per_trial", "counts", "lost-block"),
    ):
        content = json.loads(GOLDEN.read_text())
        change(content)
        assert not judge.is_valid(content)


def test_the_json_schema_names_every_key_of_a_document() -> None:
    schema = json.loads(document_schema())
    content = json.loads(GOLDEN.read_text()) | {"mode": "exact"}
    unknown = [*_unnamed(schema, schema["$defs"], content, "")]
    assert unknown == []


def _unnamed(node: Any, definitions: Any, value: Any, place: str) -> Any:
    """Key paths of a value that a schema says nothing about; witnesses may have more."""
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in node and not place.endswith(".witness"):
        for key, inner in value.items():
            if key not in node["properties"]:
                yield f"{place}.{key}"
            else:
                yield from _unnamed(node["properties"][key], definitions, inner, f"{place}.{key}")
    elif isinstance(value, list) and isinstance(node.get("items"), dict):
        for inner in value:
            yield from _unnamed(node["items"], definitions, inner, place)
    elif isinstance(value, dict) and isinstance(node.get("additionalProperties"), dict):
        for key, inner in value.items():
            yield from _unnamed(node["additionalProperties"], definitions, inner, f"{place}.{key}")
