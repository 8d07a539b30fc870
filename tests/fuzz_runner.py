"""Runs cases against the real program, each in a child of its own, and judges the answers.

``python -m tests.fuzz_runner FIRST COUNT`` prints what does not hold, as JSON lines; the case of a
seed is `tests.fuzz_cases.case`.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fuzz_cases import Case, case

Main = Callable[[Sequence[str]], int]

MEMORY_MAX_BYTES = 2**30
ERRORS_MAX_BYTES = 20_000
SECONDS_MAX = 60.0
EVENTS_MAX = "20000"
"""Given to every run, so that what the estimate lets through ends within seconds."""

_CODES = frozenset({0, 1, 2, 3, 130})
_FAULTS = (b"Traceback", b"fault of sim", b"Exception ignored", b"out of memory")
_UNPLAIN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLACE = re.compile(r"\bmust\b|--[a-z]|No such|[Aa]rgument|.: (Is a dir|File name too)")


class Answer(NamedTuple):
    """What one case led to; ``code`` is negative for a signal."""

    code: int
    output: bytes
    errors: bytes
    memory_bytes: int
    seconds: float


def violations(answer: Answer) -> list[str]:
    """Say what of an answer must not be."""
    found = []
    if answer.seconds > SECONDS_MAX:
        found.append(f"took {answer.seconds:.0f} s")
    elif answer.code not in _CODES:
        found.append(f"exit code {answer.code}")
    both = answer.output + answer.errors
    found += [mark.decode() for mark in _FAULTS if mark in both]
    for name, content in (("output", answer.output), ("errors", answer.errors)):
        try:
            text = content.decode()
        except UnicodeDecodeError:
            found.append(f"{name} is no UTF-8")
            continue
        unplain = {c for c in text if c != "\n" and unicodedata.category(c) in _UNPLAIN}
        if unplain:
            found.append(f"{name} has {', '.join(sorted(map(ascii, unplain)))}")
    if len(answer.errors) > ERRORS_MAX_BYTES:
        found.append(f"{len(answer.errors)} bytes of errors")
    if answer.memory_bytes > MEMORY_MAX_BYTES:
        found.append(f"{answer.memory_bytes / 2**20:.0f} MiB")
    if answer.code == 2 and not _PLACE.search(answer.errors.decode(errors="replace")):
        found.append("refused without a place")
    return found


def answer_to(given: Case, folder: Path, main: Main) -> Answer:
    """Run a case in a child process."""
    path = folder / "case.toml"
    path.write_bytes(given.content)
    words = [str(path) if word == "{}" else word for word in given.words]
    if words[0] != "check":
        words += ["--max-events", EVENTS_MAX]
    began_s = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _be_program(words, folder, main)
    usage = None
    while usage is None:
        done, status, found = os.wait4(pid, os.WNOHANG)
        if done:
            usage = found
        elif time.monotonic() - began_s > SECONDS_MAX:
            os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
        else:
            time.sleep(0.002)
    return Answer(
        os.waitstatus_to_exitcode(status),
        (folder / "output").read_bytes(),
        (folder / "errors").read_bytes(),
        usage.ru_maxrss * 1024,
        time.monotonic() - began_s,
    )


def _be_program(words: Sequence[str], folder: Path, main: Main) -> None:
    """Be the program in this process, to its end."""
    code = 99
    try:
        for number, name in ((1, "output"), (2, "errors")):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8")
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding="utf-8")
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = mapped + MEMORY_MAX_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        os.chdir(folder)
        code = main(words)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def judged(seeds: Sequence[int], main: Main) -> Iterator[tuple[int, Answer, list[str]]]:
    """Yield seed, answer and violations of each case."""
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        for seed in seeds:
            answer = answer_to(case(seed), Path(folder), main)
            yield seed, answer, violations(answer)


def program() -> Main:
    """Return the program, with everything imported that its children would import each."""
    import rich.console  # noqa: F401

    import sim.analysis.effort.limits
    import sim.cli.advise
    import sim.cli.check
    import sim.cli.compare
    import sim.cli.explain
    import sim.cli.knobs
    import sim.cli.plan
    import sim.cli.run
    import sim.cli.sweep
    import sim.report.document
    import sim.report.tables
    import sim.study.effects
    import sim.study.run  # noqa: F401
    from sim.cli import main
    from sim.scenario.complaints.places import places

    places("x = 1")
    return main


def run() -> None:
    """Judge the cases of the command line, and print what does not hold."""
    first, count = map(int, sys.argv[1:])
    codes: dict[int, int] = {}
    for seed, answer, found in judged(range(first, first + count), program()):
        codes[answer.code] = codes.get(answer.code, 0) + 1
        if found:
            errors = answer.errors[-1_500:].decode(errors="replace")
            print(json.dumps({"seed": seed, "violations": found, "errors": errors}), flush=True)
    print(json.dumps({"codes": dict(sorted(codes.items()))}))


if __name__ == "__main__":
    run()
