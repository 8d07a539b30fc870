"""All rules on this project; every violation is shown before the test fails once."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import distributions

from packaging.utils import canonicalize_name

import sim
from tests.tidy import bans, dead, docs, layers, pins, shape, state, tree
from tests.tidy.source import ROOT, Finding, Source, project_paths, python, read, report

# Rooms whose order of work is recorded.
_ORDERED = ("sim/core", "sim/trace", "sim/model", "sim/analysis")


def test_every_house_rule_holds() -> None:
    paths = project_paths()
    findings = list(_findings(paths, read(paths)))
    assert not findings, f"{len(set(findings))} violations\n{report(findings)}"


def _findings(paths: list[str], sources: list[Source]) -> Iterator[Finding]:
    code, tests = python(sources, "sim"), python(sources, "tests")
    scripts = python(sources, "reports")
    texts = {source.path: source.text for source in sources}
    pyproject, constraints = texts["pyproject.toml"], texts["constraints.txt"]

    yield from layers.arrows(code)
    yield from layers.declared(code, pyproject)
    yield from layers.idle_extras(code + tests, pyproject)
    yield from bans.banned_names(code)
    yield from bans.broad_handlers(code)
    yield from bans.left_out_tests(tests)
    yield from state.walked_sets(python(sources, *_ORDERED))
    yield from state.module_state(code)

    notebooks = [s for s in sources if s.path.startswith("notebooks/") and s.path.endswith(".py")]
    yield from dead.unused(code, tests + scripts + notebooks)

    yield from shape.long_modules(code + tests + scripts)
    yield from shape.long_functions(code + tests + scripts)
    yield from shape.long_lines(code + tests + scripts)
    yield from docs.missing_docstrings(code + scripts)
    yield from docs.exports(code)

    yield from tree.top_level(paths)
    yield from tree.packages(paths)
    yield from tree.misplaced_tests(tests)
    yield from tree.scenarios(
        [s for s in sources if s.path.startswith("scenarios/") and s.path.endswith(".toml")],
        python(sources, "tests/scenarios"),
    )
    yield from tree.changelog(texts.get("CHANGELOG.md", ""), sim.__version__)
    written = [s for s in sources if not s.path.startswith("reports/")]
    yield from tree.left_open([s for s in written if not s.path.endswith(".ipynb")])
    yield from tree.registries(sources)
    yield from tree.dead_links([s for s in written if s.path.endswith(".md")], paths)

    installed = {str(canonicalize_name(d.name)): d.requires or [] for d in distributions()}
    yield from pins.malformed(constraints)
    yield from pins.unpinned(constraints, "consistency-sim", ["dev"], installed)


def test_the_project_is_found() -> None:
    paths = project_paths()
    assert {"pyproject.toml", "sim/__init__.py", "tests/tidy/test_house.py"} <= set(paths)
    assert not [path for path in paths if path.startswith((".venv/", "out/"))]
    assert ROOT.joinpath("Makefile").is_file()
