"""Small rooms: how long a module, a function and a line may be."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from tests.tidy.source import Finding, Source

MODULE_LINES: Final = 330
TEST_MODULE_LINES: Final = 500
FUNCTION_LINES: Final = 60
COLUMNS: Final = 100


def long_modules(sources: Iterable[Source]) -> list[Finding]:
    """Refuse a module that has outgrown its name."""
    findings = []
    for source in sources:
        most = TEST_MODULE_LINES if source.path.startswith("tests/") else MODULE_LINES
        lines = source.text.count("\n")
        if lines > most:
            message = f"module has {lines} lines of at most {most}, use two modules"
            findings.append(Finding(source.path, 0, message))
    return findings


def long_functions(sources: Iterable[Source]) -> list[Finding]:
    """Refuse a long function; its docstring does not count, a contract may be thorough."""
    findings = []
    for source in sources:
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = _extent(node) - _docstring_lines(node)
                if lines > FUNCTION_LINES:
                    message = (
                        f"{node.name} has {lines} lines of at most {FUNCTION_LINES}, "
                        "use a helper for each of its steps"
                    )
                    findings.append(source.at(node, message))
    return findings


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return 0 if ast.get_docstring(node) is None else _extent(node.body[0])


def _extent(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def long_lines(sources: Iterable[Source]) -> list[Finding]:
    """Refuse a line beyond the right edge."""
    return [
        Finding(source.path, number, f"line has {len(line)} columns, use at most {COLUMNS}")
        for source in sources
        for number, line in enumerate(source.text.splitlines(), start=1)
        if len(line) > COLUMNS
    ]
