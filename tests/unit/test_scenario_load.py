"""Reading scenario files: places of mistakes, overrides, and the messages a person sees."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sim.core.laws import Constant
from sim.errors import Problem, ScenarioError, is_plain, printable
from sim.faults import GatewayOutage
from sim.scenario.complaints.places import places
from sim.scenario.complaints.text import format_path, format_problem
from sim.scenario.load import build, load
from sim.scenario.schema import DeletionMark, Immediate

SMALL = """schema = 1
name = "small"
horizon = "10d"

[[queries]]
name = "day"

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "mark"
kind = "deletion-mark"
delete_delay = "48h"
"""

FIVE = """schema  = 1
name    = "five mistakes"
horizon = "30d"
warmup  = "31d"

[store]
lag.delete = { get = "5s", lst = "5s" }

[gateways]
count = 3
shards = 2

[[queries]]
name = "first"

[[queries]]
name    = "second"  # µs: the columns are counted in characters
range   = 7

[[schemes]]
name = "at once"
kind = "imediate"
"""


def problems(source: str | Path, **overrides: object) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        load(source, overrides)
    found = caught.value.problems
    assert all(isinstance(problem, Problem) for problem in found)
    return [problem for problem in found if isinstance(problem, Problem)]


def test_five_mistakes_are_all_shown_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "five.toml"
    path.write_text(FIVE, encoding="utf-8")
    found = problems(path)
    assert {problem.file for problem in found} == {str(path)}
    # The folder of the test would change where lines break.
    short = [replace(problem, file="five.toml") for problem in found]
    assert "\n".join(format_problem(problem, FIVE) for problem in short) == (
        'five.toml:4:11: warmup="31d" must be shorter than horizon; see horizon="30d"\n'
        "    (line 3)\n"
        '    4 | warmup  = "31d"\n'
        "      |           ^\n"
        'five.toml:7:28: store.lag.delete.lst="5s" must be a known key; did you mean\n'
        '    "list"?\n'
        '    7 | lag.delete = { get = "5s", lst = "5s" }\n'
        "      |                            ^\n"
        "five.toml:10:9: gateways.count=3 must be a multiple of shards; see\n"
        "    gateways.shards=2 (line 11)\n"
        "   10 | count = 3\n"
        "      |         ^\n"
        'five.toml:18:11: queries[1].range=7 must be a duration with a unit such as "5m"\n'
        "   18 | range   = 7\n"
        "      |           ^\n"
        'five.toml:22:8: schemes[0].kind="imediate" must be one of "immediate",\n'
        '    "deletion-mark", "composed"; did you mean "immediate"?\n'
        '   22 | kind = "imediate"\n'
        "      |        ^"
    )
    # Without its text the file is read again.
    assert "    4 | warmup" in format_problem(found[0])


def test_a_file_and_its_text_give_the_same_scenario(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load(path) == load(str(path)) == load(SMALL)


def test_a_missing_file_is_an_error_of_the_system() -> None:
    with pytest.raises(FileNotFoundError):
        load("nowhere.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# caf\xe9\n")
    (problem,) = problems(path)
    assert str(problem) == f"{path}: 'byte 5' must be UTF-8"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a = 1\nb = "x', "2:7: must be TOML; "),
        ("a = 1\na = 2\n", "2:6: must be TOML; cannot overwrite a value"),
        ("a = 1\nb = 5m\n", "2:6: must be TOML; expected newline or end of document"),
        ("a = 1\n[[x\n", "2:4: must be TOML; "),
        ("a = " + "1" * 5000 + "\n", "must be TOML; "),
        ("a = " + "[" * 5000 + "\n", "must be TOML; "),
    ],
    ids=["open string", "key twice", "no string", "open header", "long number", "deep array"],
)
def test_what_is_no_toml_has_a_place(text: str, expected: str) -> None:
    (problem,) = problems(text)
    line = format_problem(problem, text).split("\n")[0]
    assert expected in line
    assert problem.line is not None


def test_defaults_are_those_of_the_language() -> None:
    scenario = load(SMALL)
    assert (scenario.trials, scenario.seed, scenario.warmup_us) == (8, 0, 0)
    assert scenario.store.profile == "strong"
    assert scenario.producers.local_retention_us == 15 * 86_400_000_000
    assert scenario.producers.block_bytes == 512 * 2**20
    assert scenario.compactor.ranges_us == tuple(h * 3_600_000_000 for h in (2, 8, 48, 336))
    assert scenario.compactor.retention_us == (0, 0, 0)
    assert (scenario.compactor.cleanup, scenario.compactor.cleanup_every_us) == ("in-pass", 0)
    assert (scenario.compactor.downsampling, scenario.compactor.delete_workers) == (True, 32)
    assert scenario.gateways.sync_interval == Constant(value_us=900e6)
    assert scenario.gateways.phase == "uniform"
    assert scenario.gateways.unhealthy_after_us == 10_000_000
    assert scenario.queries[0].rate_per_s == 1.0
    assert scenario.queries[0].max_resolution == "raw"
    assert scenario.schemes == (
        Immediate(name="at once", kind="immediate"),
        DeletionMark.model_validate({"name": "mark", "kind": "deletion-mark"}),
    )


def test_values_are_read_with_their_units() -> None:
    scenario = load(
        SMALL,
        {
            "compactor.cleanup": "every 5m",
            "compactor.retention": {"5m": "10d"},
            "gateways.phase": "30s",
            "queries.0.rate": "30/m",
            "queries.0.streams": 1,
            "faults": [{"kind": "gateway-outage", "target": 0, "at": "1d", "lasts": "1h"}],
        },
    )
    assert (scenario.compactor.cleanup, scenario.compactor.cleanup_every_us) == ("every", 3 * 10**8)
    assert scenario.compactor.retention_us == (0, 864_000_000_000, 0)
    assert scenario.gateways.phase == Constant(value_us=30e6)
    assert (scenario.queries[0].rate_per_s, scenario.queries[0].streams) == (0.5, 1)
    (fault,) = scenario.faults
    assert isinstance(fault, GatewayOutage)
    assert fault.lasts == Constant(value_us=3.6e9)


def test_a_constant_law_is_a_duration() -> None:
    constant = {"law": "constant", "value": "1d", "plus": "1h"}
    assert load(SMALL, {"warmup": constant}) == load(SMALL, {"warmup": "25h"})
    capped = {**constant, "at_most": "90m"}
    assert load(SMALL, {"warmup": capped}) == load(SMALL, {"warmup": "90m"})


def test_a_scenario_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(SMALL).trials = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "key",
    ["schemes.1.delete_delay", "schemes[1].delete_delay", "schemes.mark.delete_delay"],
)
def test_overrides_name_a_place(key: str) -> None:
    scenario = load(SMALL, {key: "1h", "seed": 3, "compactor.retention.5m": "11d"})
    assert scenario.schemes[1] == DeletionMark.model_validate(
        {"name": "mark", "kind": "deletion-mark", "delete_delay": "1h"}
    )
    assert scenario.seed == 3
    assert scenario.compactor.retention_us[1] == 11 * 86_400_000_000
    assert load(SMALL, {'schemes."at once".name': "now"}).schemes[0].name == "now"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("schemes.7.name", "schemes has 2 entries, counted from 0"),
        ("schemes.2.name", "schemes has 2 entries, counted from 0"),
        ("schemes.marc.name", 'did you mean "mark"?'),
        ("horizon.x", "horizon is no table"),
        ("", "keys are separated by dots: schemes.0.delete_delay"),
        ("a..b", "keys are separated by dots: schemes.0.delete_delay"),
        ('a."b', "keys are separated by dots: schemes.0.delete_delay"),
    ],
)
def test_an_override_without_a_place(key: str, message: str) -> None:
    (problem,) = problems(SMALL, **{key: "1h"})
    subject = f"{key}='1h'" if key else "'1h'"
    assert str(problem) == f"{subject} must name a place in the scenario; {message}"


def test_a_wrong_override_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    found = problems(path, **{"schemes.1.delete_delay": "soon", "sede": 1, "warmup": "11d"})
    assert [str(problem).replace(str(path), "small.toml") for problem in found] == [
        "small.toml: schemes[1].delete_delay='soon' must be a duration with a unit such as "
        '"5m"; set by an override',
        'small.toml: sede=1 must be a known key; did you mean "seed"?; set by an override',
        "small.toml: warmup='11d' must be shorter than horizon; see horizon=\"10d\" (line 3); "
        "set by an override",
    ]
    assert load(path, {}) == load(path)


def test_defaults_that_conflict_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL + "[gateways]\nshards = 2\n", encoding="utf-8")
    (problem,) = problems(path)
    assert str(problem) == (
        f"{path}:16:2: gateways.count=1 must be a multiple of shards; see gateways.shards=2 "
        "(line 17)"
    )
    path.write_text(SMALL + "[store]\nacks = 2\n", encoding="utf-8")
    (problem,) = problems(path)
    assert problem.hint == "see store.replicas=1 (not in the file)"
    assert problem.line == 17


PLACES = """top = 1
dotted."a b".c = 2

[one.two]  # é
list = [ 1, # comment
  { deep = "µ", x.y = 3 } ]
'quoted key' = ''
"\\u0041" = 0

[[many]]
name = "first"
[many.sub]
key = 1
[[many]]
[[many.inner]]
[[many.inner]]
key = 2
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("top",), (1, 1), (1, 7)),
        (("dotted",), (2, 1), (2, 1)),
        (("dotted", "a b"), (2, 8), (2, 8)),
        (("dotted", "a b", "c"), (2, 14), (2, 18)),
        (("one",), (4, 2), (4, 2)),
        (("one", "two"), (4, 2), (4, 2)),
        (("one", "two", "list", 0), (5, 10), (5, 10)),
        (("one", "two", "list", 1, "deep"), (6, 5), (6, 12)),
        (("one", "two", "list", 1, "x", "y"), (6, 19), (6, 23)),
        (("one", "two", "quoted key"), (7, 1), (7, 16)),
        (("one", "two", "A"), (8, 1), (8, 12)),
        (("one", "two", "missing"), (4, 2), (4, 2)),
        (("many", 0, "name"), (11, 1), (11, 8)),
        (("many", 0, "sub", "key"), (13, 1), (13, 7)),
        (("many", 1), (14, 3), (14, 3)),
        (("many", 1, "inner", 1, "key"), (17, 1), (17, 7)),
        (("many", 1, "inner", 0, "missing"), (15, 3), (15, 3)),
    ],
    ids=str,
)
def test_places_of_keys_and_values(
    path: tuple[str | int, ...], key: tuple[int, int], value: tuple[int, int]
) -> None:
    found = places(PLACES)
    assert found.of_key(path) == key
    assert found.of_value(path) == value


def test_what_is_not_written_has_no_place() -> None:
    assert places(PLACES).of_value(("missing", "key")) is None
    assert places("").of_key(("x",)) is None
    assert places("x = [\n!").of_key(("y",)) is None


def test_without_the_parser_problems_have_a_path_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter", None)
    path = tmp_path / "five.toml"
    path.write_text(FIVE, encoding="utf-8")
    found = problems(path)
    assert {(problem.line, problem.column) for problem in found} == {(None, None)}
    assert "gateways.count" in {problem.path for problem in found}
    assert format_problem(found[0]).startswith(str(path))


def test_paths_are_written_as_toml_does() -> None:
    assert format_path(("expect", "mark, 48h", "never", 0)) == 'expect."mark, 48h".never[0]'
    assert format_path(("retention", "5m")) == "retention.5m"
    assert format_path(("", "é", 'a"b')) == '""."é"."a\\"b"'


def test_a_long_line_is_cut_around_the_caret() -> None:
    source = "x = [" + ", ".join(f"{i:05d}" for i in range(100)) + "]"
    problem = Problem("x[50]", True, "be a number", line=1, column=source.index("00050") + 1)
    text, line, caret = format_problem(problem, source).split("\n")
    assert text == "1:356: x[50]=true must be a number"
    assert len(line) <= 80
    assert line[len(caret) - 1 :].startswith("00050")


def test_values_are_shown_as_toml_does() -> None:
    def first(value: object) -> str:
        return format_problem(Problem("x", value, "go"))

    assert first([1.5, {"a": "b"}, False]) == 'x=[1.5, {a = "b"}, false] must go'
    assert first("a" * 60) == f'x="{"a" * 38}… must go'
    assert format_problem(Problem("", 5, "be a table", hint="why")) == "5 must be a table; why"
    assert format_problem(Problem("x", 1, "go", line=9, file="nowhere.toml")).count("\n") == 0


def test_a_mapping_is_a_scenario_too() -> None:
    raw = {
        "schema": 1,
        "name": "small",
        "horizon": "10d",
        "queries": ({"name": "day"},),
        "schemes": [{"name": "at once", "kind": "immediate"}],
    }
    scenario = build(raw, {"seed": 5})
    assert scenario.seed == 5
    assert "seed" not in raw
    assert scenario == load(
        'schema = 1\nname = "small"\nhorizon = "10d"\nseed = 5\n'
        '[[queries]]\nname = "day"\n[[schemes]]\nname = "at once"\nkind = "immediate"\n'
    )


def test_reading_a_scenario_loads_no_large_library() -> None:
    code = (
        "import sys\n"
        "import sim.scenario.dump, sim.scenario.load, sim.scenario.stores.rows\n"
        f"sim.scenario.load.load({SMALL!r})\n"
        "wanted = {'scipy', 'matplotlib', 'hypothesis', 'tree_sitter', 'simpy'}\n"
        "print(sorted(wanted & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "[]\n"


NAMES = ['name = "small"', 'name = "day"', 'name = "mark"']


@pytest.mark.parametrize("key", NAMES)
@pytest.mark.parametrize(
    ("escape", "hint"),
    [
        (r"\u001b", "character 2 is U+001B"),
        (r"\n", "character 2 is U+000A"),
        (r"\u202e", "character 2 is U+202E, RIGHT-TO-LEFT OVERRIDE"),
        (r"\u2067", "character 2 is U+2067, RIGHT-TO-LEFT ISOLATE"),
        (r"\u200b", "character 2 is U+200B, ZERO WIDTH SPACE"),
        (r"\uffff", "character 2 is U+FFFF"),
        (r"\u2028", "character 2 is U+2028, LINE SEPARATOR"),
    ],
)
def test_a_name_has_visible_characters_only(key: str, escape: str, hint: str) -> None:
    (problem,) = problems(SMALL.replace(key, f'name = "x{escape}y"'))
    assert (problem.rule, problem.hint) == ("have visible characters only", hint)


@pytest.mark.parametrize("key", NAMES)
def test_a_name_is_as_long_as_a_line(key: str) -> None:
    load(SMALL.replace(key, f'name = "{"é" * 100}"'))
    (problem,) = problems(SMALL.replace(key, f'name = "{"é" * 101}"'))
    assert problem.rule == "have at most 100 characters"


def test_an_excerpt_is_plain_and_as_wide_as_the_screen() -> None:
    source = 'x = "' + "a\x1b\u202e" * 40 + '"  # !'
    for column in (1, 40, len(source) - 2, len(source) + 1):
        for columns in (40, 80, 132):
            problem = Problem("x", True, "go", line=1, column=column)
            _, line, caret = format_problem(problem, source, columns=columns).split("\n")
            assert all(map(is_plain, line))
            assert max(len(line), len(caret) - 1) <= columns
            assert line[len(caret) - 1 :][:1] in printable(source[column - 1 :])[:1]


def test_a_message_is_not_as_long_as_what_it_is_about() -> None:
    problem = Problem("k" * 5000, "v" * 5000, "go " * 5000, hint="h" * 5000)
    assert len(format_problem(problem)) < 1500


DEEP_LAW = "{ law = 'mixture', parts = [" * 30 + "'5s'" + "] }" * 30


@pytest.mark.parametrize(
    "line",
    [
        ".".join(["x"] * 500) + " = 1",
        ".".join(["x"] * 2_000) + " = 1",
        "[" + ".".join(["x"] * 500) + "]",
        "x = " + "[" * 100 + "]" * 100,
        "x = " + "{ x = " * 100 + "1" + " }" * 100,
        f"compactor.sync_takes = {DEEP_LAW}",
    ],
    ids=["key", "long key", "header", "array", "table", "law"],
)
def test_what_is_nested_deep_is_refused_by_its_place(line: str) -> None:
    text = line + "\n" + SMALL if line[0] != "[" else SMALL + line
    (problem,) = problems(text)
    assert problem.rule == "be nested at most 40 deep"
    assert problem.path.startswith(("x.x", "x[0]", "compactor.sync_takes"))
    assert len(format_problem(problem, text)) < 1_000


def test_a_law_may_be_nested() -> None:
    law: object = {"law": "constant", "value": "5s"}
    for _ in range(15):
        law = {"law": "mixture", "parts": [{**law, "weight": 1.0}]}  # type: ignore[dict-item]
    takes = load(SMALL, {"compactor.sync_takes": law}).compactor.sync_takes
    assert takes.mean == 5e6


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        (".".join(["x"] * 5_000), 1, "be nested at most 40 deep"),
        ("x", [[[]]] * 2 + [eval("[" * 60 + "]" * 60)], "be nested at most 40 deep"),
        ('schemes."\\q".name', "x", "name a place in the scenario"),
        ("schemes[" + "9" * 5_000 + "].name", "x", "name a place in the scenario"),
        ("trials", int("9" * 4_000) ** 2, "be at most 1000000000"),
    ],
    ids=["long key", "deep value", "no escape", "long position", "long number"],
)
def test_an_absurd_override_is_refused(key: str, value: object, rule: str) -> None:
    (problem,) = problems(SMALL, **{key: value})
    assert problem.rule == rule
    assert len(format_problem(problem)) < 1_500
    assert len(str(problem)) < 20_000
