"""Change the judges and the model bit by bit, and see which changes no test notices.

``python -m tests.mutants --sample N --seed S`` makes every mutant that mutmut knows of every module
of ``sim/analysis`` and ``sim/model``, draws N of them, and runs each against the quick tests that
reach the changed statement, the shortest first. It says which fraction was noticed, with its exact
binomial interval, by room and in all, and lists what was not. What has run is kept in
``out/mutants``, and not run again unless the program changes; ``--again`` runs those once more that
were not noticed, against the tests that it is given.

mutmut's own run keeps all mutants in the modules at once, behind a switch at every call, and asks
all tests that enter the function. Here tests are collected once, and a mutant is a fork in which
one function has other code.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

from sim.analysis.estimators import fraction_interval
from sim.analysis.queries.outcomes import Bound
from tests.mutation import ROOMS, ROOT, Mutant, digest, drawn, every_name, made, plant, watch

KEPT: Final = ROOT / "out" / "mutants"
JUDGED: Final = ROOT / "tests" / "mutants.tsv"
TESTS: Final = ("tests/unit", "tests/golden", "tests/property", "tests/theory", "tests/reference")
# Of unit tests those that start programs, draw, or repeat other tests.
_IGNORED: Final = """
    api atomic cli cli_common cli_compare cli_complete cli_files cli_imports cli_init
    cli_interrupts cli_limits cli_plan cli_sweep cli_terminal cli_worst docstrings figures
    delayfigures sweepfigures forest golden kills notebooks packaging page planted_catalogue
    pytest_plugin readme reports run_executors streams versions
"""
IGNORED: Final = (
    "tests/property/test_determinism.py",
    "tests/property/test_fuzz.py",
    *(f"tests/unit/test_{name}.py" for name in _IGNORED.split()),
)
# A test may take longer with a mutant by a factor and a constant, in seconds of CPU, and then
# counts as failed.
PATIENCE: Final = 10.0
LEAST_S: Final = 5.0
# Of the clock, for a test that waits.
WAITING: Final = 10.0
MEMORY_BYTES: Final = 6 << 30

NOTICED: Final = ("killed", "timeout")
_PASSED, _FAILED, _BROKEN = 0, 1, 70

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """Which tests reach which mutants, and how long they take."""

    tests_of: Mapping[str, Sequence[str]]
    took_s: Mapping[str, float]

    def tests(self, mutant: Mutant, budget_s: float) -> list[str]:
        """Name those that reach the statement, the shortest first, until the budget is spent."""
        found = self.tests_of.get(mutant.name, ())
        chosen: list[str] = []
        spent_s = 0.0
        for test in sorted(found, key=lambda test: (self.took_s[test], test)):
            spent_s += self.took_s[test]
            if chosen and spent_s > budget_s:
                break
            chosen.append(test)
        return chosen


class Judge:
    """Runs mutants in forks of a pytest that has collected, and done nothing else."""

    def __init__(
        self,
        mutants: Sequence[tuple[Mutant, str]],
        keep: Callable[[Row], None],
        place: Path,
        slow_s: float,
        budget_s: float,
    ) -> None:
        self._mutants = mutants
        self._keep = keep
        self._place = place
        self._slow_s = slow_s
        self._budget_s = budget_s

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of the loop over all tests."""
        items = {item.nodeid: item for item in session.items}
        mutants = [mutant for mutant, _ in self._mutants]
        reach = _measured(list(items.values()), mutants, self._place, self._slow_s)
        for mutant, text in self._mutants:
            tests = reach.tests(mutant, self._budget_s)
            began = time.monotonic()
            how = "no tests"
            if tests:
                chosen = [items[test] for test in tests]
                how = _outcome(chosen, reach.took_s, mutant, text, self._place)
            took_s = round(time.monotonic() - began, 1)
            row = asdict(mutant) | {"how": how, "tests": len(tests), "took_s": took_s}
            self._keep(row)
            _say(f"{how:9} {took_s:6} s of {len(tests)} tests: {mutant.name}")
        return True


class _SlowTest(Exception):
    """A test that takes too long to be run against mutants."""


def _measured(
    items: Sequence[pytest.Item], mutants: Sequence[Mutant], place: Path, slow_s: float
) -> Reach:
    """Run all tests once, in a fork, so that nothing that they remember outlives them."""
    kept = place / "reach.json"
    kept.unlink(missing_ok=True)
    slow: list[str] = []

    def too_slow(*_: object) -> None:
        slow.append("")
        raise _SlowTest

    def measure() -> int:
        signal.signal(signal.SIGPROF, too_slow)
        reached: set[str] = set()
        watch(mutants, reached.add)
        tests_of: dict[str, list[str]] = {}
        took_s: dict[str, float] = {}
        for item, following in zip(items, [*items[1:], None], strict=True):
            reached.clear()
            slow.clear()
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, slow_s)
            is_passed = _passes(item, following)
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            if slow or not is_passed:
                why = f"takes more than {slow_s} s" if slow else "fails"
                sys.stdout.write(f"{item.nodeid} is left out: it {why} without any change\n")
            else:
                took_s[item.nodeid] = time.process_time() - began
                for name in reached:
                    tests_of.setdefault(name, []).append(item.nodeid)
        kept.write_text(json.dumps({"tests_of": tests_of, "took_s": took_s}), encoding="utf-8")
        return _PASSED

    if _forked(measure, place / "measured.log") != _PASSED:
        raise pytest.UsageError(f"tests cannot be run, see {place / 'measured.log'}")
    reach = Reach(**json.loads(kept.read_text(encoding="utf-8")))
    _say(f"{len(reach.took_s)} of {len(items)} tests, {sum(reach.took_s.values()):.0f} s of CPU")
    return reach


def _outcome(
    items: Sequence[pytest.Item],
    took_s: Mapping[str, float],
    mutant: Mutant,
    text: str,
    place: Path,
) -> str:
    """Say how the tests end with the mutant: killed, timeout or survived."""

    def judge() -> int:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        plant(mutant, text)
        for item, following in zip(items, [*items[1:], None], strict=True):
            most_s = LEAST_S + PATIENCE * took_s[item.nodeid]
            signal.setitimer(signal.ITIMER_PROF, most_s)
            signal.setitimer(signal.ITIMER_REAL, most_s * WAITING)
            if not _passes(item, following):
                return _FAILED
        return _PASSED

    code = _forked(judge, place / "last.log")
    if code == _BROKEN:
        raise pytest.UsageError(f"{mutant.name} cannot be tried, see {place / 'last.log'}")
    if -code in {signal.SIGPROF, signal.SIGALRM}:
        return "timeout"
    return "killed" if code else "survived"


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=following)
    failed = [report for report in reports if report.failed]
    sys.stdout.writelines(f"{report.longreprtext}\n" for report in failed)
    return not failed


def _forked(work: Callable[[], int], log: Path) -> int:
    """Do work in a process of its own; its exit code, or minus the signal that ended it."""
    sys.stdout.flush()
    with warnings.catch_warnings():
        # Newer Pythons warn where there are threads; those of pytest-xdist do nothing here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        code = _BROKEN
        try:
            written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(written, 1)
            os.dup2(written, 2)
            code = work()
            sys.stdout.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rows(place: Path) -> list[Row]:
    """Return what was kept; the last of a name stands."""
    if not place.exists():
        return []
    rows = map(json.loads, place.read_text(encoding="utf-8").splitlines())
    return list({row["name"]: row for row in rows}.values())


def judged_to_change_nothing() -> set[tuple[str, str, str]]:
    """Return what nobody could notice: function, line, changed line (``mutants.tsv``)."""
    lines = JUDGED.read_text(encoding="utf-8").splitlines()[1:]
    return {(where, was, now) for where, was, now, _ in (line.split("\t") for line in lines)}


def score(rows: Sequence[Row]) -> str:
    """Say how many were noticed, with a 95 % interval."""
    noticed = sum(row["how"] in NOTICED for row in rows)
    known = fraction_interval([noticed / len(rows)], [len(rows)], [Bound(clusters=len(rows))])
    interval = f"{100 * known.low:.1f} – {100 * known.high:.1f} %"
    return f"{noticed} of {len(rows)}, {100 * known.fraction:.1f} % ({interval})"


def report(rows: Sequence[Row]) -> str:
    """Say the scores, and what was not noticed."""
    nothing = judged_to_change_nothing()
    rooms: dict[str, list[Row]] = {}
    for row in rows:
        rooms.setdefault(str(Path(row["path"]).parent), []).append(row)
    lines = [f"{room}/*.py: {score(inside)}" for room, inside in sorted(rooms.items())]
    lines += [f"{room}: {score(inside)}" for room in ROOMS if (inside := _within(rows, room))]
    lines.append(f"in all: {score(rows)}")
    missed = [row for row in rows if row["how"] not in NOTICED]
    alike = [row for row in missed if _key(row) in nothing]
    if len(alike) < len(rows):
        others = [row for row in rows if row not in alike]
        lines.append(f"without the {len(alike)} that change nothing: {score(others)}")
    for row in missed:
        if row not in alike:
            lines += [f"{row['name']}: {row['how']}", f"  - {row['was']}", f"  + {row['now']}"]
    return "\n".join(lines)


def _within(rows: Iterable[Row], room: str) -> list[Row]:
    return [row for row in rows if row["path"].startswith(f"{room}/")]


def _key(row: Row) -> tuple[str, str, str]:
    return f"{row['path']}:{row['owner']}", row["was"], row["now"]


def main(arguments: Sequence[str]) -> int:
    """Draw, run and report; 1 if tests do not pass as they are."""
    parser = argparse.ArgumentParser(prog="tests.mutants")
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slow", type=float, default=5.0, help="leave out longer tests, in s")
    parser.add_argument("--budget", type=float, default=60.0, help="of the tests of one, in s")
    parser.add_argument("--again", action="store_true", help="what was not noticed, once more")
    parser.add_argument("tests", nargs="*", default=TESTS)
    asked = parser.parse_args(arguments)
    kept = KEPT / digest()[:12]
    kept.mkdir(parents=True, exist_ok=True)
    place = kept / f"seed-{asked.seed}{'-again' if asked.again else ''}.jsonl"
    before = _rows(kept / f"seed-{asked.seed}.jsonl")
    if asked.again:
        chosen = {row["name"]: row["path"] for row in before if row["how"] not in NOTICED}
        left = chosen
    else:
        names = every_name(kept / "names.json")
        chosen = drawn(names, asked.sample, asked.seed)
        done = {row["name"] for row in before}
        left = {name: path for name, path in chosen.items() if name not in done}
        _say(f"{len(chosen)} of {len(names)} mutants, seed {asked.seed}, {len(left)} to run")

    def keep(row: Row) -> None:
        with place.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

    # Warnings are errors, but that the program is imported already is meant.
    options = ["-s", "-q", "-p", "no:cacheprovider", "-o", "tmp_path_retention_policy=none"]
    options += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    ignored = [f"--ignore={ROOT / path}" for path in IGNORED]
    code = pytest.main(
        [*options, *ignored, *asked.tests],
        [Judge(made(left), keep, kept, asked.slow, asked.budget)],
    )
    rows = [row for row in _rows(place) if row["name"] in chosen]
    if rows:
        _say(report(rows))
    return int(code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
