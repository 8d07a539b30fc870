"""The text of code that somebody else has written for a scenario: its results depend on it."""

import ast
import functools
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sim.scenario.language.outside import is_outside
from sim.scenario.language.ownscheme import OwnScheme

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["authors_digest", "files_of"]


def authors_digest(scenario: "Scenario") -> str:
    """SHA-256 over the code that the schemes of a scenario name; empty if they name none."""
    found = dict.fromkeys(_classes(scenario))
    return _digest(tuple(found)) if found else ""


def files_of(module: str) -> tuple[Path, ...]:
    """Files of a module of somebody else, and of what it imports from beside it.

    All of a package counts, as its parts may import each other. Of what is installed beside a
    package nothing does, or every package would.
    """
    top = module.partition(".")[0]
    origin = getattr(sys.modules.get(top), "__file__", None)
    if origin is None:
        return ()
    path = Path(origin).resolve()
    is_package = path.name == "__init__.py"
    beside = path.parents[1] if is_package else path.parent
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    found: dict[Path, None] = {}
    waiting = [path.parent if is_package else path]
    while waiting:
        root = waiting.pop()
        for file in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            if file not in found:
                found[file] = None
                waiting += [] if beside in installed else _imported_from(file, beside)
    return tuple(sorted(found))


def _classes(scenario: "Scenario") -> Iterator[type]:
    for scheme in scenario.schemes:
        if isinstance(scheme, OwnScheme):
            yield type(scheme)
        if scheme.kind not in ("immediate", "deletion-mark"):
            tables = map(type, scheme.composed.primitives.values())
            yield from filter(is_outside, tables)


@functools.cache
def _digest(classes: tuple[type, ...]) -> str:
    digest = hashlib.sha256()
    for table in classes:
        files = files_of(table.__module__)
        # A notebook has cells and no file.
        texts = [path.read_bytes() for path in files] or [_source(table)]
        for text in texts:
            digest.update(f"{table.__qualname__} {len(text)}\n".encode())
            digest.update(text)
    return digest.hexdigest()


def _source(table: type) -> bytes:
    try:
        return inspect.getsource(table).encode()
    except (OSError, TypeError):
        return b""


def _imported_from(file: Path, folder: Path) -> Iterator[Path]:
    """Modules and packages of a folder that a file imports."""
    names = dict[str, None]()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= dict.fromkeys(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names[node.module] = None
    for name in names:
        top = folder / name.partition(".")[0]
        if top.with_suffix(".py").is_file():
            yield top.with_suffix(".py")
        elif (top / "__init__.py").is_file() and top.name != "sim":
            yield top
