"""Measures speed: ``python -m tests.bench [--small] [--compare]``.

Without ``--compare`` it writes ``reports/speed.json`` and the table of ``sim/SPEED.md`` (small:
it only shows the table). With it, it measures anew, and says what became more than a tenth worse.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.cases import CASES
from tests.bench.figures import (
    Figure,
    Round,
    absent,
    cases_of,
    figures,
    table,
    with_table,
    worse,
)
from tests.bench.work import ROOT, Measured

COMMITTED: Final = ROOT / "reports/speed.json"
PAGE: Final = ROOT / "sim/SPEED.md"
ROUNDS: Final = 3


def machine() -> str:
    """Say what the figures were measured on."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        models = {key.strip(): value.strip() for key, value in lines.items()}
        model = models.get("model name", model)
    python, numpy = platform.python_version(), np.__version__
    return f"{model}, {os.cpu_count()} cores, Python {python}, NumPy {numpy}"


def measure(name: str, is_small: bool) -> Measured:
    """Do a case in a process of its own."""
    case = CASES[name]
    values = case.small if is_small and case.small is not None else case.values
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.work", case.kind, json.dumps(values)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=1800,
        check=True,
    )
    return Measured(*json.loads(done.stdout))


def rounds(names: Collection[str], times: int, is_small: bool) -> list[Round]:
    """Measure cases one after the other, and all of them again: no case has a bad hour alone."""
    found: list[Round] = []
    for number in range(1, times + 1):
        began_s = time.perf_counter()
        found.append({name: measure(name, is_small) for name in CASES if name in names})
        took_s = time.perf_counter() - began_s
        print(f"round {number} of {times}: {took_s:.0f} s", file=sys.stderr, flush=True)
    return found


def document(found: Mapping[str, Figure], where: str) -> str:
    """Render the committed file."""
    rounded = {name: [float(f"{value:.4g}") for value in one] for name, one in found.items()}
    rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(row)}" for name, row in rounded.items())
    return f'{{\n  "machine": {json.dumps(where)},\n  "figures": {{\n{rows}\n  }}\n}}\n'


def read(text: str) -> tuple[str, dict[str, Figure]]:
    """Machine and figures of a committed file."""
    found: dict[str, Any] = json.loads(text)
    return found["machine"], {name: Figure(*row) for name, row in found["figures"].items()}


def compare(before: Mapping[str, Figure]) -> dict[str, str]:
    """Measure everything, and once more what became worse: only what is so twice is said."""
    now = figures(rounds(CASES, ROUNDS, False))
    for name in absent(before, now):
        print(f"not compared: {name}, which only one of both has")
    suspects = worse(before, now)
    if not suspects:
        return {}
    print(f"measured again: {', '.join(suspects)}", file=sys.stderr)
    names = set().union(*map(cases_of, suspects))
    again = figures(rounds(names, 2 * ROUNDS, False))
    return worse(before, {name: again[name] for name in suspects})


def main(words: Sequence[str]) -> int:
    """Measure, and write or compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--small", action="store_true", help="a minute, and nothing is written")
    parser.add_argument("--compare", action="store_true", help="with the committed figures")
    options = parser.parse_args(words)
    if options.small and options.compare:
        parser.error("small cases cannot be compared with the committed ones")
    if options.compare:
        where, before = read(COMMITTED.read_text(encoding="utf-8"))
        if where != machine():
            print(f"measured on {machine()}\ncommitted: {where}")
        regressions = compare(before)
        print("\n".join(regressions.values()) or "nothing is more than a tenth worse")
        return 1 if regressions else 0
    found = figures(rounds(CASES, 1 if options.small else ROUNDS, options.small))
    if options.small:
        print(table(found, machine()))
        return 0
    # The page shows what the file says, to the digit.
    text = document(found, machine())
    where, found = read(text)
    COMMITTED.write_text(text, encoding="utf-8")
    page = with_table(PAGE.read_text(encoding="utf-8"), table(found, where))
    PAGE.write_text(page, encoding="utf-8")
    print(table(found, where))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
