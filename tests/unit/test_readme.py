"""The first ten minutes happen as README.md says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
