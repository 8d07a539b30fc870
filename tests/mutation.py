"""Mutants of `sim/analysis` and `sim/model`: naming, drawing, making and planting them.

What may be changed is what mutmut knows: operators, constants, arguments, conditions in functions
and methods without decorators. ``mutants.py`` runs them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("sim/analysis", "sim/model")

_TOLD: Final = "_mutant_reached"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function.

    Attributes
    ----------
    name : str
        As mutmut names it.
    path : str
        The module, below the root.
    owner : str
        The function, with its class.
    line : int
        Where the first line stands that differs.
    was, now : str
        That line.
    """

    name: str
    path: str
    owner: str
    line: int
    was: str
    now: str


def every_name(kept: Path) -> dict[str, str]:
    """Name all mutants there are, each with the path of its module: minutes, or a kept file."""
    if not kept.exists():
        found = {n: path for path, text in _texts().items() for n, _ in _named(path, text)[1]}
        kept.write_text(json.dumps(found), encoding="utf-8")
    return dict(json.loads(kept.read_text(encoding="utf-8")))


def digest() -> str:
    """Return what changes with any text that is mutated."""
    return hashlib.sha256(json.dumps(_texts()).encode()).hexdigest()


def _texts() -> dict[str, str]:
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}


def drawn(names: Mapping[str, str], sample: int, seed: int) -> dict[str, str]:
    """Choose as many of the names; over seeds each set of that size is as likely."""
    order = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    return {name: names[name] for name in order[:sample]}


def made(chosen: Mapping[str, str]) -> list[tuple[Mutant, str]]:
    """Make mutants, given by name and path: each with the text of its module."""
    from mutmut.mutation.file_mutation import deep_replace

    found = {}
    for path in sorted(set(chosen.values())):
        code = text_of(path)
        module, named = _named(path, code)
        for name, mutation in named:
            if name in chosen:
                new = deep_replace(module, mutation.original_node, mutation.mutated_node).code
                found[name] = located(name, path, code, new), new
    # Trees of all modules are large, and every fork would have them.
    _named.cache_clear()
    return [found[name] for name in chosen]


def text_of(path: str) -> str:
    """Return the text of a module, given below the root."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def _named(path: str, code: str) -> tuple[Any, list[tuple[str, Any]]]:
    """Name the changes of a module as mutmut does, by function and number in it."""
    # Only `make mutants` installs it.
    from libcst import ClassDef, FunctionDef
    from mutmut.mutation.file_mutation import create_mutations
    from mutmut.mutation.trampoline_templates import mangle_function_name

    module, mutations, _, _ = create_mutations(path, code)
    owners: dict[Any, str] = {}
    for node in module.body:
        if isinstance(node, FunctionDef):
            owners[node] = mangle_function_name(name=node.name.value, class_name=None)
        elif isinstance(node, ClassDef):
            for method in node.body.body:
                if isinstance(method, FunctionDef):
                    names = {"name": method.name.value, "class_name": node.name.value}
                    owners[method] = mangle_function_name(**names)
    prefix = path.removesuffix(".py").replace("/", ".")
    numbers: dict[str, int] = {}
    named = []
    for mutation in mutations:
        owner = owners.get(mutation.contained_by_top_level_function)
        if owner is not None:
            numbers[owner] = numbers.get(owner, 0) + 1
            named.append((f"{prefix}.{owner}__mutmut_{numbers[owner]}", mutation))
    return module, named


def located(name: str, path: str, code: str, mutated: str) -> Mutant:
    """Find out where a module and its mutant differ."""
    lines, others = code.splitlines(), mutated.splitlines()
    at = next(n for n, (was, now) in enumerate(zip(lines, others, strict=False)) if was != now)
    owner, _ = _place(ast.parse(code), at + 1)
    return Mutant(name, path, owner, at + 1, lines[at].strip(), others[at].strip())


def _place(tree: ast.Module, line: int) -> tuple[str, list[ast.stmt]]:
    """Name the function that has a line, and give the statements of which one has it.

    For a default value those of the function, of which any may use it.
    """
    body, owner = tree.body, ""
    while True:
        node = next(one for one in body if _first(one) <= line <= (one.end_lineno or 0))
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            raise ValueError(f"line {line} is in no function")
        owner = f"{owner}.{node.name}".strip(".")
        body = node.body
        if isinstance(node, ast.FunctionDef):
            break
    while inner := [
        block
        for one in body
        for block in _blocks(one)
        if block[0].lineno <= line <= (block[-1].end_lineno or 0)
    ]:
        (body,) = inner
    return owner, body


def _first(node: ast.stmt) -> int:
    """Return the first line, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    parts = [node, *getattr(node, "handlers", []), *getattr(node, "cases", [])]
    for part in parts:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(part, name, None)
            # The body of a lambda is no list.
            if isinstance(block, list) and block:
                yield block


def watch(mutants: Sequence[Mutant], reached: Callable[[str], None]) -> None:
    """Have the functions of this process tell the name of a mutant whose statement they reach."""
    by_path: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_path.setdefault(mutant.path, []).append(mutant)
    for path, inside in by_path.items():
        code = text_of(path)
        vars(_module(path))[_TOLD] = reached
        tree = ast.parse(code)
        for mutant in inside:
            _, body = _place(tree, mutant.line)
            at = next((n for n, one in enumerate(body) if _holds(one, mutant.line)), 0)
            told = ast.parse(f"{_TOLD}({mutant.name!r})").body[0]
            body.insert(at, ast.copy_location(told, body[at]))
        compiled = compile(ast.fix_missing_locations(tree), str(ROOT / path), "exec")
        for owner in {mutant.owner for mutant in inside}:
            _function(path, owner).__code__ = _code_of(compiled, owner)


def _holds(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)


def _module(path: str) -> ModuleType:
    return importlib.import_module(path.removesuffix(".py").replace("/", "."))


def _function(path: str, owner: str) -> FunctionType:
    found: Any = _module(path)
    for name in owner.split("."):
        found = vars(found)[name]
    function: FunctionType = getattr(found, "__func__", found)
    return function


def plant(mutant: Mutant, text: str) -> None:
    """Give the function of this process the code and the defaults that the mutated module has."""
    function = _function(mutant.path, mutant.owner)
    function.__code__ = _code_of(compile(text, str(ROOT / mutant.path), "exec"), mutant.owner)
    body: Sequence[ast.stmt] = ast.parse(text).body
    for name in mutant.owner.split("."):
        node = next(one for one in body if getattr(one, "name", "") == name)
        assert isinstance(node, ast.ClassDef | ast.FunctionDef)
        body = node.body
    assert isinstance(node, ast.FunctionDef)

    def value(default: ast.expr) -> object:
        expression = compile(ast.Expression(default), mutant.path, "eval")
        return eval(expression, vars(_module(mutant.path)))

    keyed = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    function.__defaults__ = tuple(map(value, node.args.defaults))
    function.__kwdefaults__ = {one.arg: value(default) for one, default in keyed if default}


def _code_of(code: CodeType, owner: str) -> CodeType:
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    for one in inner:
        if one.co_qualname == owner:
            return one
    return next(_code_of(one, owner) for one in inner if owner.startswith(f"{one.co_qualname}."))
