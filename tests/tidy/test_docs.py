"""Which docstrings and lists of exports are accepted and rejected."""

from __future__ import annotations

import pytest

from tests.tidy.docs import exports, missing_docstrings
from tests.tidy.source import Source


def test_accepts_what_is_documented() -> None:
    text = '"""Laws."""\nclass Law:\n    """A law."""\n    def cdf(self): ...\ndef _helper(): ...'
    assert missing_docstrings([Source("sim/a.py", text)]) == []


def test_rejects_what_is_not() -> None:
    findings = missing_docstrings([Source("sim/a.py", "class Law: ...\ndef draw(): ...")])
    assert [(finding.line, finding.message.split(",")[0]) for finding in findings] == [
        (1, "module has no docstring"),
        (1, "Law has no docstring"),
        (2, "draw has no docstring"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '"""Nothing re-exported."""',
        '__version__ = "1"',
        "import numpy as np",
        "from sim.errors import SimError\ndef main(): ...",
        "from __future__ import annotations\nfrom typing import Final",
        "from sim.core.units import NEVER, Unit, parse\n__all__ = ['NEVER', 'Unit', 'parse']",
        "from .units import parse as parse\n__all__ = ('parse',)",
        "__all__ = ['Late']\ndef __getattr__(name): ...",
    ],
)
def test_accepts_exports(text: str) -> None:
    assert exports([Source("sim/core/__init__.py", text)]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from sim.core.units import parse", "re-exports parse silently"),
        ("from .units import Unit, parse\n__all__ = ['parse']", "Unit is re-exported but not"),
        ("from .units import parse\n__all__ = ['gone', 'parse']", "names gone, which does not"),
        ("from .units import a, b\n__all__ = ['b', 'a']", "not sorted"),
        ("from .units import Unit, a\n__all__ = ['a', 'Unit']", "not sorted"),
        ("from .units import a\n__all__ = ['a', 'a']", "not sorted"),
    ],
)
def test_rejects_exports(text: str, said: str) -> None:
    (finding,) = exports([Source("sim/core/__init__.py", text)])
    assert said in finding.message


def test_modules_need_no_list() -> None:
    assert exports([Source("sim/core/laws.py", "from sim.core.units import parse")]) == []
