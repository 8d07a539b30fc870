"""Declarations that nothing uses: whoever reads them looks for a reason that is not there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.tidy.source import Finding, Source

_Declared = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def unused(sources: Iterable[Source], users: Iterable[Source]) -> list[Finding]:
    """Refuse a declaration of ``sources`` whose name no code of ``sources`` or ``users`` has.

    Names are compared, not objects. Left out is what others call by name: special methods, what
    has a decorator, and methods of classes with a base, which may override.
    """
    own = list(sources)
    used = {name for source in (*own, *users) for name in _names(source.tree)}
    return [
        source.at(node, f"{name} is used nowhere, remove it")
        for source in own
        for node, name in _declared(source.tree)
        if name not in used
    ]


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def _declared(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.bases:
            for inner in node.body:
                yield from _called(inner)
        if isinstance(node, ast.Assign):
            yield from ((node, t.id) for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node, node.target.id
        yield from _called(node)


def _called(node: ast.stmt) -> Iterator[tuple[ast.stmt, str]]:
    if isinstance(node, _Declared) and not node.decorator_list and not node.name.startswith("__"):
        yield node, node.name
