"""Which sizes are accepted and rejected."""

from __future__ import annotations

from tests.tidy.shape import long_functions, long_lines, long_modules
from tests.tidy.source import Source


def _function(lines: int, docstring_lines: int = 0) -> str:
    docstring = ['    """' + "\n" * (docstring_lines - 1) + '"""'] if docstring_lines else []
    return "\n".join(["def f() -> None:", *docstring, *["    pass"] * (lines - 1)])


def test_modules() -> None:
    assert long_modules([Source("sim/a.py", "\n" * 330), Source("tests/a.py", "\n" * 500)]) == []
    findings = long_modules([Source("sim/a.py", "\n" * 331), Source("tests/a.py", "\n" * 501)])
    assert [finding.message for finding in findings] == [
        "module has 331 lines of at most 330, use two modules",
        "module has 501 lines of at most 500, use two modules",
    ]


def test_functions() -> None:
    assert long_functions([Source("sim/a.py", _function(60))]) == []
    assert long_functions([Source("sim/a.py", _function(60, docstring_lines=30))]) == []
    (finding,) = long_functions([Source("sim/a.py", "x = 1\n" + _function(61))])
    assert finding.line == 2
    assert finding.message.startswith("f has 61 lines of at most 60")


def test_methods_are_functions() -> None:
    method = "\n".join("    " + line for line in _function(61).splitlines())
    assert len(long_functions([Source("sim/a.py", "class A:\n" + method)])) == 1


def test_lines() -> None:
    assert long_lines([Source("sim/a.py", "x" * 100)]) == []
    (finding,) = long_lines([Source("sim/a.py", "\n" + "x" * 101)])
    assert str(finding) == "sim/a.py:2: error: line has 101 columns, use at most 100"
