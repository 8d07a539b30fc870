"""The rule on declarations that nothing uses, accepted and refused."""

from __future__ import annotations

import pytest

from tests.tidy.dead import unused
from tests.tidy.source import Source

USER = Source("tests/unit/test_a.py", "from sim.a import f\nf(colour=1)\nx.method()\n")


@pytest.mark.parametrize(
    "text",
    [
        "def f(): pass",
        "colour = 1",
        "class A:\n    def method(self): pass\nA()",
        "class A(Base):\n    def overridden(self): pass\nA()",
        "class A:\n    def __len__(self): return 0\nA()",
        "@command\ndef called_by_a_library(): pass",
        "LIMIT: int = 3\nprint(LIMIT)",
    ],
)
def test_accepts(text: str) -> None:
    assert unused([Source("sim/a.py", text)], [USER]) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def g(): pass", "g"),
        ("class A: pass", "A"),
        ("class A:\n    def forgotten(self): pass\nA()", "forgotten"),
        ("LIMIT = 3", "LIMIT"),
        ("LIMIT: int = 3\nLIMIT = 4", "LIMIT"),
        ('__all__ = ["g"]\ndef g(): pass\nprint(__all__)', "g"),
    ],
)
def test_rejects(text: str, name: str) -> None:
    found = unused([Source("sim/a.py", text)], [USER])
    assert {finding.message for finding in found} == {f"{name} is used nowhere, remove it"}
