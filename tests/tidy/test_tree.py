"""Which files, folders and texts are accepted and rejected."""

from __future__ import annotations

import hashlib

import pytest

from tests.tidy import tree
from tests.tidy.source import Source

PROJECT = sorted([*tree.FILES, ".ci/run", "scenarios/a.toml", "sim/__init__.py", "tests/a.py"])


def test_top_level() -> None:
    assert tree.top_level([*PROJECT, "reports/a.json", "notebooks/a.py"]) == []
    findings = tree.top_level([*PROJECT, "helpers/a.py", "notes.txt"])
    assert [(f.path, f.message.split(",")[0]) for f in findings] == [
        ("helpers", "folder is not one of the project"),
        ("notes.txt", "file is not one of the top level"),
    ]
    (missing,) = tree.top_level([path for path in PROJECT if path != "LICENSE"])
    assert (missing.path, missing.message.split(",")[0]) == ("LICENSE", "is missing")


def test_packages() -> None:
    assert tree.packages(["sim/__init__.py", "sim/a.py", "sim/b/notes.md"]) == []
    (finding,) = tree.packages(["sim/__init__.py", "sim/b/c.py"])
    assert finding.path == "sim/b"


ONE_TEST = "def test_a() -> None: ..."


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/unit/test_a.py", ONE_TEST),
        ("tests/property/deep/test_a.py", ONE_TEST),
        ("tests/strategies.py", "x = 1"),
        ("tests/reference/plain.py", "x = 1"),
    ],
)
def test_accepts_the_place_of_a_test(path: str, text: str) -> None:
    assert tree.misplaced_tests([Source(path, text)]) == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tests/misc/test_a.py", "misc is no tier"),
        ("tests/test_a.py", "outside a tier"),
        ("tests/unit/a.py", "nobody collects"),
    ],
)
def test_rejects_the_place_of_a_test(path: str, said: str) -> None:
    (finding,) = tree.misplaced_tests([Source(path, ONE_TEST)])
    assert said in finding.message


SCENARIO = 'name = "a"\nsource = "a paper"\n[expect]\n"s" = { never = ["silent-gap"] }\n'
FLAT_TEST = Source("tests/scenarios/test_all.py", 'FOLDER.glob("*.toml")')
DEEP_TEST = Source("tests/scenarios/test_all.py", 'FOLDER.rglob("*.toml")')


def test_accepts_a_scenario() -> None:
    assert tree.scenarios([Source("scenarios/a.toml", SCENARIO)], [FLAT_TEST]) == []
    assert tree.scenarios([Source("scenarios/deep/a.toml", SCENARIO)], [DEEP_TEST]) == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("scenarios/a.toml", SCENARIO.replace('"a paper"', '" "'), "has no source"),
        ("scenarios/a.toml", SCENARIO.partition("[expect]")[0], "has no [expect]"),
        ("scenarios/b.toml", SCENARIO, "name is 'a'"),
        ("scenarios/a.toml", "name =", "is no TOML"),
        ("scenarios/deep/a.toml", SCENARIO, "no scenario test runs it"),
    ],
)
def test_rejects_a_scenario(path: str, text: str, said: str) -> None:
    (finding,) = tree.scenarios([Source(path, text)], [FLAT_TEST])
    assert said in finding.message


def test_rejects_scenarios_without_tests() -> None:
    (finding,) = tree.scenarios([Source("scenarios/a.toml", SCENARIO)], [])
    assert "no scenario test runs it" in finding.message


@pytest.mark.parametrize("title", ["Unreleased", "0.1.0", "0.1.0 (2026-01-01)"])
def test_accepts_a_changelog(title: str) -> None:
    assert tree.changelog(f"# Changes\n\n## {title}\n\n- One thing.\n", "0.1.0") == []


@pytest.mark.parametrize(
    "text", ["", "# Changes\n", "# Changes\n\n## 0.0.9\n- Old.\n", "# Changes\n\n## Unreleased\n"]
)
def test_rejects_a_changelog(text: str) -> None:
    assert len(tree.changelog(text, "0.1.0")) == 1


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "X" * 3])
def test_left_open(word: str) -> None:
    assert tree.left_open([Source("a.md", f"Todo lists and {word}S are words.")]) == []
    (finding,) = tree.left_open([Source("a.md", f"\n# {word}: later")])
    assert finding.line == 2


def test_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"packages.example").hexdigest()
    monkeypatch.setattr(tree, "REGISTRIES", frozenset({digest}))
    accepted = ("numpy==2.4.6", "see docs.example.org", "sim.core.units", "packages-example")
    assert tree.registries([Source("a.txt", line) for line in accepted]) == []
    option = "pip --index" + "-url x"
    rejected = ("https://packages.example/simple", "eu.Packages.example:443", option)
    sources = [Source("a.txt", line) for line in rejected]
    assert len(tree.registries(sources)) == len(rejected)


def test_dead_links() -> None:
    paths = ["README.md", "sim/README.md", "sim/core/units.py"]
    accepted = "[a](core/units.py) [b](../README.md#top) [c](https://example.org) [d](core) [e](#x)"
    assert tree.dead_links([Source("sim/README.md", accepted)], paths) == []
    (finding,) = tree.dead_links([Source("sim/README.md", "\n[a](units.py)")], paths)
    assert (finding.line, finding.message.split(",")[0]) == (2, "link to units.py")
