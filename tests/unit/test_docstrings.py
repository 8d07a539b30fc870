"""The examples in docstrings run and print what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "sim").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_examples_hold() -> None:
    assert MODULES
    for name in MODULES:
        failed, tried = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
        assert tried, f"{name}: the examples are not in docstrings"
        assert not failed, f"{name}: the difference is in the captured output"
