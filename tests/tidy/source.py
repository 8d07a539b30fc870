"""What the rules read (files) and what they report (findings)."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MADE = {".git", ".venv", "out", "build", "dist", "__pycache__"}


@dataclass(frozen=True, order=True)
class Finding:
    """One violation; line 0 means the file as a whole."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: error: {self.message}"


@dataclass(frozen=True)
class Source:
    """One file: its path from the root of the project, with forward slashes, and its text."""

    path: str
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; a file that does not parse is an error of its own."""
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: most rules look at all of them."""
        return tuple(ast.walk(self.tree))

    @property
    def module(self) -> str:
        """Dotted name: ``sim/core/units.py`` is ``sim.core.units``, ``__init__.py`` its package."""
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_package(self) -> bool:
        """Whether this is an ``__init__.py``."""
        return self.path.endswith("/__init__.py")

    @property
    def room(self) -> str:
        """First part below ``sim``: ``core``, ``cli``, …; empty outside ``sim`` and for itself."""
        parts = self.module.split(".")
        return parts[1] if parts[0] == "sim" and len(parts) > 1 else ""

    def at(self, node: ast.AST, message: str) -> Finding:
        """Report a finding at a node of this file."""
        return Finding(self.path, getattr(node, "lineno", 0), message)


def project_paths(root: Path = ROOT) -> list[str]:
    """Every file that is or would be committed, sorted; without git, everything not made."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True)
        names: Iterable[str] = set(listed.stdout.split("\0")) - {""}
        return sorted(name for name in names if (root / name).is_file())
    return sorted(_walk(root, root))


def _walk(folder: Path, root: Path) -> Iterator[str]:
    for path in folder.iterdir():
        if path.name in _MADE or path.name.endswith((".egg-info", "_cache")):
            continue
        if path.is_dir():
            yield from _walk(path, root)
        else:
            yield path.relative_to(root).as_posix()


def read(paths: Iterable[str], root: Path = ROOT) -> list[Source]:
    """Read the text files among the paths; binary files are left out."""
    sources = []
    for path in paths:
        try:
            sources.append(Source(path, (root / path).read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return sources


def python(sources: Iterable[Source], *folders: str) -> list[Source]:
    """Python files below any of the folders (``sim``, ``sim/model``, …)."""
    prefixes = tuple(folder + "/" for folder in folders)
    return [s for s in sources if s.path.endswith(".py") and s.path.startswith(prefixes)]


def report(findings: Iterable[Finding]) -> str:
    """All findings, sorted, one a line."""
    return "\n".join(str(finding) for finding in sorted(set(findings)))
