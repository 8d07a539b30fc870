"""Order and memory that a run must not depend on: sets walked through, module-level state."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.tidy.source import Finding, Source

_ORDERLESS = {"set", "frozenset"}
_SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
# These take an iterable in its order; sorted, len, sum, min, max, any, all and set do not care.
_KEEPS_ORDER = {"list", "tuple", "enumerate", "iter", "reversed", "zip", "map", "filter", "next"}
_MUTABLE_CALLS = {
    "list",
    "dict",
    "set",
    "bytearray",
    "defaultdict",
    "deque",
    "OrderedDict",
    "Counter",
    "count",
    "array",
    "zeros",
    "empty",
}
_READ_ONLY = {"Final", "Mapping", "Sequence", "Set", "AbstractSet", "Collection", "Iterable"}


def walked_sets(sources: Iterable[Source]) -> list[Finding]:
    """Refuse walking through a set: its order differs between processes.

    A set is a set display, a comprehension, a call of ``set`` or ``frozenset``, a set method or
    operator on one of these, or a name that the same function binds or annotates as one.
    """
    message = "walks through a set in no order, use sorted(…) or a dict"
    return [
        source.at(node, message)
        for source in sources
        for scope in _scopes(source.tree)
        for node in _walks(scope)
    ]


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a scope, without those of functions inside it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own(child)


def _walks(scope: ast.AST) -> Iterator[ast.AST]:
    names = _set_names(scope)
    for node in _own(scope):
        walked: list[ast.expr] = []
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            walked = [node.iter]
        elif isinstance(node, ast.Starred):
            walked = [node.value]
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in _KEEPS_ORDER:
                walked = node.args
            elif isinstance(node.func, ast.Attribute):
                if node.func.attr in {"join", "extend", "fromkeys"}:
                    walked = node.args
                elif node.func.attr == "pop" and not node.args:
                    walked = [node.func.value]
        yield from (w for w in walked if _is_set(w, names) and not _feeds_set(node, scope))


def _feeds_set(node: ast.AST, scope: ast.AST) -> bool:
    """Whether the node is the generator of something that has no order itself."""
    if not isinstance(node, ast.comprehension):
        return False
    calm = _ORDERLESS | {"sorted", "len", "sum", "min", "max", "any", "all"}
    for outer in _own(scope):
        if isinstance(outer, ast.SetComp) and node in outer.generators:
            return True
        if not (isinstance(outer, ast.Call) and isinstance(outer.func, ast.Name)):
            continue
        for inner in outer.args:
            if isinstance(inner, ast.GeneratorExp | ast.ListComp) and node in inner.generators:
                return outer.func.id in calm
    return False


def _set_names(scope: ast.AST) -> set[str]:
    names: set[str] = set()
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = scope.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if _says_set(argument.annotation):
                names.add(argument.arg)
    for node in _own(scope):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if _says_set(node.annotation):
                names.add(node.target.id)
        elif isinstance(node, ast.Assign) and _is_set(node.value, names):
            names.update(t.id for t in node.targets if isinstance(t, ast.Name))
    return names


def _says_set(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return isinstance(annotation, ast.Name) and annotation.id in _ORDERLESS | {"AbstractSet"}


def _is_set(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
        return _is_set(node.left, names)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name):
            return node.func.id in _ORDERLESS
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SET_METHODS:
            return _is_set(node.func.value, names)
    return False


def module_state(sources: Iterable[Source]) -> list[Finding]:
    """Refuse what one run could leave behind for the next.

    At module level a name may be bound to a list, dict, set or other container only if its
    annotation is read-only (``Final``, ``Mapping``, ``Sequence``, ``Set``, ``Collection``); then
    the type checker keeps it unchanged. ``__all__`` and other dunders are free. ``global`` is
    refused.
    """
    findings = []
    for source in sources:
        for node in source.tree.body:
            for name, value, annotation in _bound(node):
                if _is_mutable(value) and not _is_read_only(annotation):
                    message = (
                        f"module-level {name} can change, use a tuple, frozenset or "
                        "`Final[Mapping[…]]`"
                    )
                    findings.append(source.at(node, message))
        for inner in source.nodes:
            if isinstance(inner, ast.Global):
                message = "global statement, use an argument or an attribute of the world"
                findings.append(source.at(inner, message))
    return findings


def _bound(node: ast.stmt) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value, node.annotation
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name) and not target.id.startswith("__"):
                yield target.id, node.value, None


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    if isinstance(value, ast.Call):
        called = value.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        return name in _MUTABLE_CALLS
    return False


def _is_read_only(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    if isinstance(annotation, ast.Attribute):
        return annotation.attr in _READ_ONLY
    return isinstance(annotation, ast.Name) and annotation.id in _READ_ONLY
