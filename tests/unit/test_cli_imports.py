"""The light commands stay light: what they do not need is not loaded, built or looked through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCENARIO = "scenarios/thanos-2022.toml"

HELP = (
    "sim.core.units",
    "sim.scenario",
    "sim.study",
    "pydantic",
    "rich",
    "tomllib",
    "multiprocessing",
)
"""What a page of help does without, beside `HEAVY`."""
HEAVY = (
    *("numpy", "scipy", "simpy", "matplotlib", "hypothesis", "distributed", "pandas"),
    *("sim.model", "sim.trace", "sim.faults", "sim.schemes.resync", "sim.atomic"),
    *("sim.scenario.complaints.validation", "difflib"),
)
"""What a command does without that reads scenarios and simulates nothing."""

# From here on tables of the language are built that the scenario has not, such as laws.
BUILT_MAX = 25
# Python looks some thirty times while click comes in, and hundreds of times if it is let.
COLLECTIONS_MAX = 60

# What there was goes to a line of its own on standard error, after whatever the command says.
PROGRAM = """
import gc, json, sys
BEFORE
from sim.cli import main
sys.argv = ["sim", *sys.argv[1:]]
try:
    code = main()
except SystemExit as stop:
    code = stop.code
language = sys.modules.get("sim.scenario.language.values")
tables = [language.Frozen] if language else []
for table in tables:
    tables += table.__subclasses__()
found = dict(
    modules=list(sys.modules),
    built=[table.__name__ for table in tables if table.__pydantic_complete__],
    collections=sum(stats["collections"] for stats in gc.get_stats()),
)
print(json.dumps(found), file=sys.stderr)
sys.exit(code)
"""


def started(*arguments: str, before: str = "") -> dict[str, Any]:
    """What is there when a command has ended; ``before`` is run first."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("BEFORE", before), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


def needless(found: dict[str, Any], unwanted: tuple[str, ...]) -> list[str]:
    """What was done that need not be: modules and what stands in them, tables, collections."""
    loaded = set(found["modules"])
    assert "sim.cli" in loaded
    wrong = [name for name in unwanted if name in loaded]
    if len(found["built"]) > BUILT_MAX:
        wrong.append(f"tables are built: {sorted(found['built'])}")
    if found["collections"] > COLLECTIONS_MAX:
        wrong.append(f"{found['collections']} searches for garbage")
    return wrong


@pytest.mark.parametrize("command", ["--help", "--version", "run --help", "explain --help"])
def test_a_page_of_help_loads_click_and_no_more(command: str) -> None:
    assert needless(started(*command.split()), HELP + HEAVY) == []


@pytest.mark.parametrize("options", [(), ("--rules", "--scheme", "mark, 48h")], ids=" ".join)
def test_a_check_reads_and_judges_and_no_more(options: tuple[str, ...]) -> None:
    assert needless(started("check", *options, SCENARIO), HEAVY) == []


def test_what_is_done_needlessly_is_found() -> None:
    before = """
from sim.scenario.language.values import Frozen
many = [type(f"Table{i}", (Frozen,), {}) for i in range(30)]
for one in many:
    one.model_rebuild()
    gc.collect(0)
    gc.collect(0)
"""
    wrong = needless(started("--help", before=before), HELP + HEAVY)
    assert wrong[:2] == ["sim.core.units", "sim.scenario"]
    assert "pydantic" in wrong
    assert wrong[-2].startswith("tables are built: ['Table0', 'Table1', ")
    assert wrong[-1].endswith(" searches for garbage")
