from __future__ import annotations

import pickle

import pytest

from sim import errors

PROBLEM = errors.Problem(
    path="faults[0].factor", value=-2, rule="be > 0", hint="leave it out", line=7, file="x.toml"
)

SAMPLES = [
    errors.SimError("plain"),
    errors.ScenarioError((PROBLEM, errors.Problem(path="seed", value="a", rule="be a number"))),
    errors.TraceError("out/a.jsonl", 12, "unknown kind 'putt'"),
    errors.DeterminismError(41, '{"t": 1}', '{"t": 2}'),
    errors.ModelError("versions rise by one", "key a: 1 -> 3"),
    errors.RunInterrupted(3, 8),
    errors.RunInterrupted(3, 8, True),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda e: type(e).__name__)
def test_survives_being_rebuilt_from_its_arguments(error: errors.SimError) -> None:
    rebuilt = type(error)(*error.args)
    assert str(rebuilt) == str(error)
    assert vars(rebuilt) == vars(error)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda e: type(e).__name__)
def test_survives_pickling(error: errors.SimError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert again.exit_code == error.exit_code


@pytest.mark.parametrize(
    ("kind", "builtin", "exit_code"),
    [
        (errors.ScenarioError, ValueError, 2),
        (errors.TraceError, ValueError, 2),
        (errors.DeterminismError, RuntimeError, 1),
        (errors.ModelError, RuntimeError, 3),
        (errors.RunInterrupted, RuntimeError, 130),
    ],
)
def test_refines_a_builtin_and_knows_its_exit_code(
    kind: type[errors.SimError], builtin: type[Exception], exit_code: int
) -> None:
    assert issubclass(kind, errors.SimError)
    assert issubclass(kind, builtin)
    assert kind.exit_code == exit_code


@pytest.mark.parametrize(
    "kind",
    [errors.ScenarioError, errors.TraceError, errors.ClusterError, errors.DeterminismError,
     errors.ModelError, errors.RunInterrupted],
)  # fmt: skip
def test_can_be_made_of_nothing(kind: type[errors.SimError]) -> None:
    assert str(kind())


def test_shows_every_problem_on_its_own_line() -> None:
    error = errors.ScenarioError([PROBLEM, "the file is empty"])
    assert str(error) == (
        "x.toml:7: faults[0].factor=-2 must be > 0; leave it out\nthe file is empty"
    )
    assert error.problems == (PROBLEM, "the file is empty")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (errors.Problem("a.b", 1, "be 2"), "a.b=1 must be 2"),
        (errors.Problem("a.b", 1, "be 2", line=3), "<scenario>:3: a.b=1 must be 2"),
        (errors.Problem("a", 1, "be 2", line=3, column=5, file="f"), "f:3:5: a=1 must be 2"),
        (errors.Problem("a", 1, "be 2", column=5, file="f"), "f: a=1 must be 2"),
        (errors.Problem("", "x", "be a table", "add [store]"), "'x' must be a table; add [store]"),
    ],
)
def test_a_problem_says_where_what_and_how(problem: errors.Problem, text: str) -> None:
    assert str(problem) == text


def test_cuts_long_values() -> None:
    problem = errors.Problem("a", "x" * 500, "be short")
    assert len(str(problem)) < 110
    assert "…" in str(problem)


def test_other_errors_say_what_happened() -> None:
    assert [str(error) for error in SAMPLES[2:]] == [
        "out/a.jsonl:12: unknown kind 'putt'",
        "two runs of the same scenario and seed differ at record 41:\n"
        '  first:  {"t": 1}\n'
        '  second: {"t": 2}',
        "broken invariant: versions rise by one (key a: 1 -> 3)",
        "interrupted after 3 of 8 trials",
        "interrupted after 3 of 8 trials; the same command goes on from there",
    ]
    assert str(errors.TraceError("a.jsonl", 0, "is empty")) == "a.jsonl: is empty"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, µs, 日本\u00a0語 🎯", "plain, µs, 日本\u00a0語 🎯"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("a\nb\tc\rd", "a\\u000ab\\u0009c\\u000dd"),
        ("\x9b31m", "\\u009b31m"),
        ("abc\u202edcb\u2066", "abc\\u202edcb\\u2066"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("\ue000\U000e0041\uffff\udc80", "\\ue000\\U000e0041\\uffff\\udc80"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert errors.printable(text) == shown
    assert all(map(errors.is_plain, shown))
    assert errors.printable(shown) == shown


def test_a_problem_is_one_plain_line_whatever_the_file_holds() -> None:
    problem = errors.Problem("a\x1b[2J", "b", "go\nhome", hint="\u202e", file="c\r.toml")
    line = "c\\u000d.toml: a\\u001b[2J='b' must go\\u000ahome; \\u202e"
    assert str(problem) == line


def test_a_long_text_loses_its_middle() -> None:
    assert errors.shortened("0123456789", 10) == "0123456789"
    assert errors.shortened("0123456789a", 10) == "01234…789a"
    assert [len(errors.shortened("x" * 99, n)) for n in (3, 10, 98)] == [3, 10, 98]
