"""The first ten minutes happen as README.md says, and tests of others pass as it has them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sim.scenario.load import load
from sim.study.run import run_trial
from tests.short import SHORT

ROOT = Path(__file__).parents[2]


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Every command of the section, and the lines of output that stand below it."""
    section = text.partition("## Ten minutes\n")[2].partition("\n## ")[0]
    command, shown = "", list[str]()
    for line in section.splitlines():
        if line.startswith("    $ "):
            if command:
                yield command, shown
            command, shown = line.removeprefix("    $ "), []
        elif line.startswith("    "):
            shown.append(line.strip())
        elif line and command:
            yield command, shown
            command, shown = "", []
    if command:
        yield command, shown


def _words(text: str) -> str:
    return " ".join(text.split())


def _missing(shown: list[str], said: str) -> list[str]:
    """Pieces of what is shown that were not said, in this order; … stands for anything.

    Lines may be folded elsewhere.
    """
    missing, rest = [], _words(said)
    pieces = [piece.strip() for piece in _words(" ".join(shown)).split("…")]
    for piece in filter(None, pieces):
        _, found, after = rest.partition(piece)
        rest = after if found else rest
        missing += [] if found else [piece]
    return missing


def test_the_first_ten_minutes_are_as_written(tmp_path: Path) -> None:
    blocks = list(_blocks((ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(blocks) >= 10
    script = "\n".join(
        f"{command} 2>&1; c=$?; echo; echo '@@@'; (exit $c)" for command, _ in blocks
    )
    (tmp_path / "sim").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sim.cli "$@"\n')
    (tmp_path / "sim").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = done.stdout.split("@@@\n")[:-1]
    assert len(said) == len(blocks), done.stderr
    for (command, shown), output in zip(blocks, said, strict=True):
        assert not _missing(shown, output), f"{command}\n{output}"


def test_output_that_is_not_there_is_noticed() -> None:
    assert _missing(["failed 0.4", "… at last"], "seed failed\n0.4 and at last") == []
    assert _missing(["at last", "… failed"], "seed failed\n0.4 and at last") == ["failed"]


def _codes(section: str) -> list[str]:
    """Blocks of indented lines that begin like a module, or like one with its file's name."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    body = text.partition(f"## {section}\n")[2].partition("\n## ")[0]
    blocks, lines = list[str](), list[str]()
    for line in [*body.splitlines(), "."]:
        if line.startswith("    ") or (not line and lines):
            lines.append(line)
        elif lines:
            blocks.append(textwrap.dedent("\n".join(lines)).strip() + "\n")
            lines = []
    return blocks


def test_the_tests_of_others_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = _codes("In your own tests")
    (module,) = (block for block in blocks if block.startswith("# quota.py\n"))
    assert len(module.splitlines()) <= 40 + 1
    (tmp_path / "quota.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    ran = []
    tests = [block for block in blocks if block.startswith("from hypothesis")]
    few = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    for number, block in enumerate(tests):
        (tmp_path / f"quota_{number}.py").write_text(block, encoding="utf-8")
        found = vars(import_module(f"quota_{number}"))
        for name in [name for name in found if name.startswith("test_")]:
            few(found[name])()
            ran.append(name)
    assert ran == ["test_no_query_fails_if_D_exceeds_I_P_s_Q", "test_only_what_is_retired_goes"]
    (schemes,) = (block for block in blocks if block.startswith("[[schemes]]"))
    head = SHORT.partition("[[schemes]]")[0]
    scenario = load(f"{head}{schemes}")
    assert [scheme.kind for scheme in scenario.schemes] == ["quota:Quota", "composed"]
    assert run_trial(scenario, 0, 0).records
    for name in [name for name in sys.modules if name.startswith("quota")]:
        del sys.modules[name]
