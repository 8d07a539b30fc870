"""What must hold of the program's answer to any file and any command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.fuzz_cases import case
from tests.fuzz_runner import MEMORY_MAX_BYTES, SECONDS_MAX, Answer, violations

ROOT = Path(__file__).parents[2]
FIRST = 1_000_000
"""Seed of the first case; the cases are the same every time."""

# Answers as a defect of each kind would give them, through all of the machinery.
PLANTED = """
import os, sys
from tests.fuzz_runner import Answer, judged

def traceback(words):
    raise ZeroDivisionError

def signal(words):
    os.abort()

def control(words):
    print("\\x1b[2J", file=sys.stderr)
    return 2

def hungry(words):
    waste = bytearray(900 * 2**20)
    waste[:] = b"x" * len(waste)
    more = bytearray(900 * 2**20)
    return 0

def silent(words):
    return 2

def plain(words):
    print("x=1 must be 2", file=sys.stderr)
    return 2

for (_, _, found) in judged([0], globals()[sys.argv[1]]):
    print(found)
"""


def fuzz(first: int, count: int) -> list[dict[str, Any]]:
    """Violations of cases, in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz_runner", str(first), str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *found, summary = map(json.loads, done.stdout.splitlines())
    assert sum(summary["codes"].values()) == count
    # Both what runs and what is refused must be among them.
    assert {"0", "2"} <= set(summary["codes"])
    return found


@pytest.mark.parametrize("part", range(4))
def test_every_answer_is_fit_to_be_shown(part: int) -> None:
    assert fuzz(FIRST + 25 * part, 25) == []


@pytest.mark.nightly
def test_many_answers_are_fit_to_be_shown() -> None:
    each = 50
    firsts = range(2 * FIRST, 2 * FIRST + 2 * settings().max_examples, each)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(fuzz, firsts, [each] * len(firsts))
    assert [violation for part in found for violation in part] == []


def test_a_seed_gives_the_same_case_again() -> None:
    assert [case(seed) for seed in range(20)] == [case(seed) for seed in range(20)]
    assert len({case(seed) for seed in range(20)}) == 20


GOOD = Answer(0, b"fine\n", "µs \N{DIRECT HIT}\n".encode(), 10**8, 0.1)
REFUSED = GOOD._replace(code=2, errors=b"a.toml:1:2: x=1 must be 2\n")


@pytest.mark.parametrize("answer", [GOOD, REFUSED, *(GOOD._replace(code=c) for c in (1, 3, 130))])
def test_an_answer_that_is_accepted(answer: Answer) -> None:
    assert violations(answer) == []


@pytest.mark.parametrize(
    ("answer", "violation"),
    [
        (GOOD._replace(code=120), "exit code 120"),
        (GOOD._replace(code=-9), "exit code -9"),
        (GOOD._replace(seconds=SECONDS_MAX + 1), "took 61 s"),
        (GOOD._replace(errors=b"Traceback (most recent call last)"), "Traceback"),
        (GOOD._replace(errors=b"this is a fault of sim itself"), "fault of sim"),
        (GOOD._replace(errors=b"Exception ignored in"), "Exception ignored"),
        (GOOD._replace(errors=b"sim: out of memory"), "out of memory"),
        (GOOD._replace(output=b"\x1b[2J"), r"output has '\x1b'"),
        (GOOD._replace(errors="a\u202eb\tc".encode()), r"errors has '\t', '\u202e'"),
        (GOOD._replace(errors="\x9b31m".encode()), r"errors has '\x9b'"),
        (GOOD._replace(output=b"\xff"), "output is no UTF-8"),
        (GOOD._replace(errors=b"x" * 20_001), "20001 bytes of errors"),
        (GOOD._replace(memory_bytes=MEMORY_MAX_BYTES + 2**20), "1025 MiB"),
        (REFUSED._replace(errors=b"no\n"), "refused without a place"),
    ],
)
def test_an_answer_that_is_not(answer: Answer, violation: str) -> None:
    assert violations(answer) == [violation]


@pytest.mark.parametrize(
    ("defect", "violation"),
    [
        ("traceback", "exit code 99"),
        ("signal", "exit code -6"),
        ("control", "errors has"),
        ("hungry", "exit code 99"),
        ("silent", "refused without a place"),
        ("plain", "[]"),
    ],
)
def test_a_planted_defect_is_found(defect: str, violation: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLANTED, defect],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert violation in done.stdout
