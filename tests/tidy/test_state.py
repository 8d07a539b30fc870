"""Which sets and module-level values are accepted and rejected."""

from __future__ import annotations

import pytest

from tests.tidy.source import Source
from tests.tidy.state import module_state, walked_sets


@pytest.mark.parametrize(
    "text",
    [
        "for x in sorted({1, 2}):\n    pass",
        "for x in {1: 2}:\n    pass",
        "len({1, 2})",
        "any(x for x in {1, 2})",
        "{x + 1 for x in {1, 2}}",
        "def f(seen: set[str]) -> int:\n    return sum(1 for s in seen)",
        "def f(seen: set[str]) -> bool:\n    return 'x' in seen",
        "def f(seen: list[str]) -> list[str]:\n    return list(seen)",
        "def f() -> None:\n    names = {1}\ndef g(names: list[int]) -> None:\n    list(names)",
    ],
)
def test_accepts_order(text: str) -> None:
    assert walked_sets([Source("sim/model/a.py", text)]) == []


@pytest.mark.parametrize(
    "text",
    [
        "for x in {1, 2}:\n    pass",
        "for x in set([1]):\n    pass",
        "[x for x in frozenset([1])]",
        "list({1} | {2})",
        "tuple(set([1]).union([2]))",
        "''.join({'a', 'b'})",
        "[*{1, 2}]",
        "def f(seen: set[str]) -> list[str]:\n    return list(seen)",
        "def f() -> None:\n    names = {1}\n    for name in names:\n        pass",
        "def f() -> None:\n    names: set[int] = make()\n    next(iter(names))",
        "def f(names: set[int]) -> int:\n    return names.pop()",
    ],
)
def test_rejects_a_walk_through_a_set(text: str) -> None:
    (finding,) = walked_sets([Source("sim/model/a.py", text)])
    assert "use sorted" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "KINDS = ('a', 'b')",
        "KINDS = frozenset({'a'})",
        "KINDS: Final = {'a': 1}",
        "KINDS: Final[Mapping[str, int]] = {'a': 1}",
        "KINDS: Mapping[str, int] = {'a': 1}",
        "KINDS = MappingProxyType({'a': 1})",
        "__all__ = ['a']",
        "def f() -> None:\n    seen = []",
        "class A:\n    items: list[int] = field(default_factory=list)",
    ],
)
def test_accepts_a_module_without_state(text: str) -> None:
    assert module_state([Source("sim/model/a.py", text)]) == []


@pytest.mark.parametrize(
    "text",
    [
        "seen = []",
        "KINDS = {'a': 1}",
        "kinds: dict[str, int] = {}",
        "ids = itertools.count()",
        "cache = defaultdict(list)",
        "buffer = np.zeros(3)",
        "x = 1\ndef f() -> None:\n    global x",
    ],
)
def test_rejects_state(text: str) -> None:
    assert len(module_state([Source("sim/model/a.py", text)])) == 1
