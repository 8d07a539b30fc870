"""What a newcomer reads: docstrings, and the lists of what a package offers."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.tidy.source import Finding, Source


def missing_docstrings(sources: Iterable[Source]) -> list[Finding]:
    """Refuse a module, public class or public module-level function without a docstring.

    Methods may rely on the contract that their class or protocol states.
    """
    findings = []
    for source in sources:
        if not ast.get_docstring(source.tree):
            message = "module has no docstring, use one that says what it is for"
            findings.append(Finding(source.path, 1, message))
        for node in source.tree.body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                message = f"{node.name} has no docstring, use one that states its contract"
                findings.append(source.at(node, message))
    return findings


def exports(sources: Iterable[Source]) -> list[Finding]:
    """Refuse an ``__init__.py`` whose ``__all__`` is missing, unsorted, or tells less or more.

    A package that imports a name from its own modules offers it, and lists it; every name listed
    exists. Sorted as ruff does: constants, classes, the rest. With a module-level ``__getattr__``
    names may be made on demand.
    """
    return [finding for source in sources if source.is_package for finding in _exports(source)]


def _exports(source: Source) -> Iterator[Finding]:
    offered = set(_offered(source))
    listed_at, listed = _listed(source.tree)
    if listed_at is None:
        if offered:
            names = ", ".join(sorted(offered))
            yield Finding(source.path, 1, f"re-exports {names} silently, use __all__")
        return
    for name in sorted(offered - set(listed)):
        yield source.at(listed_at, f"{name} is re-exported but not in __all__, use both or none")
    bound = set(_bound(source.tree))
    missing = set() if "__getattr__" in bound else set(listed) - bound
    for name in sorted(missing):
        message = f"__all__ names {name}, which does not exist here, use an import"
        yield source.at(listed_at, message)
    if listed != sorted(set(listed), key=_rank):
        yield source.at(listed_at, "__all__ is not sorted, use the order of ruff's RUF022")


def _rank(name: str) -> tuple[int, str]:
    if name.isupper():
        return 0, name
    return (1, name) if name[:1].isupper() else (2, name)


def _offered(source: Source) -> Iterator[str]:
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom):
            is_own = node.level == 1 or (node.module or "").startswith(source.module + ".")
            names = [alias.asname or alias.name for alias in node.names] if is_own else []
            yield from (name for name in names if not name.startswith("_"))


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _listed(tree: ast.Module) -> tuple[ast.stmt | None, list[str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == "__all__" for t in targets):
                return node, list(ast.literal_eval(node.value))
    return None, []
