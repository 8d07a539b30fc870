"""What must not be used, and what to use instead."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.tidy.imports import references
from tests.tidy.source import Finding, Source

_CLOCKED = ("sim/study/", "sim/cli")


@dataclass(frozen=True)
class Ban:
    """Names refused (with everything below them) outside ``allowed``, and the replacement."""

    names: tuple[str, ...]
    instead: str
    allowed: tuple[str, ...] = ()


NAMES: Final = (
    Ban(("random", "secrets", "numpy.random", "os.urandom"), "sim.core.streams"),
    Ban(
        (
            "time.time",
            "time.time_ns",
            "time.monotonic",
            "time.monotonic_ns",
            "time.perf_counter",
            "time.perf_counter_ns",
            "time.process_time",
            "time.sleep",
            "datetime.datetime.now",
            "datetime.datetime.today",
            "datetime.datetime.utcnow",
            "datetime.date.today",
        ),
        "the kernel's now (the clock of the machine is for run, cli and who serves)",
        (*_CLOCKED, "sim/serving/clock.py"),
    ),
    Ban(("os.environ", "os.getenv", "platform"), "an argument", _CLOCKED),
    Ban(("socket",), "an argument", (*_CLOCKED, "sim/serving/server.py")),
    Ban(("print", "sys.stdout", "sys.stderr"), "a return value or a record", ("sim/cli",)),
    Ban(("logging",), "a record of sim.trace", _CLOCKED),
    Ban(("uuid",), "an id that the world counts"),
    Ban(("hash",), "hashlib (hash() differs between processes)"),
    Ban(("id",), "an id that the world counts (id() is an address)"),
    Ban(("matplotlib.pyplot", "pylab"), "matplotlib.figure.Figure"),
)

# Rooms that may catch anything: they turn a trial's failure into an exit code.
_CATCHING = ("sim/study/", "sim/cli", "sim/testing/")

_LEFT_OUT: Final = (
    Ban(
        (
            "pytest.skip",
            "pytest.xfail",
            "pytest.importorskip",
            "pytest.mark.skip",
            "pytest.mark.skipif",
            "pytest.mark.xfail",
            "unittest.skip",
            "unittest.skipIf",
            "unittest.skipUnless",
            "unittest.expectedFailure",
        ),
        "a test that runs everywhere, or none",
        # Not every machine has a browser; .ci/run requires one.
        ("tests/browser/conftest.py",),
    ),
)


def banned_names(sources: Iterable[Source]) -> list[Finding]:
    """Refuse the names of ``NAMES`` in ``sim``."""
    return _refuse(sources, NAMES)


def left_out_tests(sources: Iterable[Source]) -> list[Finding]:
    """Refuse tests that say they do not test."""
    return _refuse(sources, _LEFT_OUT)


def _refuse(sources: Iterable[Source], bans: Iterable[Ban]) -> list[Finding]:
    return [
        source.at(node, f"{name} is banned here, use {ban.instead}")
        for source in sources
        for node, name in references(source)
        for ban in bans
        if not (ban.allowed and source.path.startswith(ban.allowed))
        and any(name == banned or name.startswith(banned + ".") for banned in ban.names)
        # A variable or parameter may have the name of a builtin; a call of it is the builtin.
        and not _is_own_name(source, node, name)
    ]


def _is_own_name(source: Source, node: ast.AST, name: str) -> bool:
    if "." in name or not isinstance(node, ast.Name):
        return False
    if not isinstance(node.ctx, ast.Load):
        return True
    if any(isinstance(n, ast.Call) and n.func is node for n in source.nodes):
        return False
    bound = {n.id for n in source.nodes if isinstance(n, ast.Name) and _stores(n)}
    arguments = {n.arg for n in source.nodes if isinstance(n, ast.arg)}
    return node.id in bound | arguments


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def broad_handlers(sources: Iterable[Source]) -> list[Finding]:
    """Refuse a handler that would hide a defect: bare, ``Exception``, ``BaseException``."""
    broad = {"Exception", "BaseException"}
    findings = []
    for source in sources:
        if source.path.startswith(_CATCHING):
            continue
        for node in source.nodes:
            if isinstance(node, ast.ExceptHandler):
                kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                if any(k is None or (isinstance(k, ast.Name) and k.id in broad) for k in kinds):
                    message = "handler for everything, use the exceptions that can happen"
                    findings.append(source.at(node, message))
    return findings
