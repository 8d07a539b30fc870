"""Who imports what, and what a dotted name in a file refers to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.source import Source


def imported(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Yield (node, absolute dotted name) of every import, also inside functions.

    ``from a import b`` yields ``a.b``: a module or a member. A constant string given to
    ``import_module`` counts as an import.
    """
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = _base(source, node)
            for alias in node.names:
                yield node, base if alias.name == "*" else f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and _last(node.func) == "import_module" and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node, first.value


def references(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Yield (node, dotted name) of every import and of every use of an imported name, in full.

    After ``import numpy as np`` the expression ``np.random.rand`` yields ``numpy.random.rand``.
    A name that is not imported yields itself: ``print``.
    """
    names = _bindings(source)
    yield from imported(source)
    inner = {id(child.value) for child in source.nodes if isinstance(child, ast.Attribute)}
    for node in source.nodes:
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            dotted = _dotted(node)
            if dotted:
                head, _, rest = dotted.partition(".")
                full = names.get(head, head)
                yield node, f"{full}.{rest}" if rest else full


def _bindings(source: Source) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                names[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom):
            base = _base(source, node)
            for alias in node.names:
                names[alias.asname or alias.name] = f"{base}.{alias.name}"
    return names


def _base(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.module.split(".")
    up = node.level - 1 if source.is_package else node.level
    parts = package[: len(package) - up] + ([node.module] if node.module else [])
    return ".".join(parts)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _last(node: ast.expr) -> str:
    return _dotted(node).rpartition(".")[2]
