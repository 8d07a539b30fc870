"""Which names and handlers are accepted and rejected."""

from __future__ import annotations

import pytest

from tests.tidy.bans import banned_names, broad_handlers, left_out_tests
from tests.tidy.source import Source


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("sim/study/run.py", "from time import perf_counter\nperf_counter()"),
        ("sim/cli.py", "print('done')"),
        ("sim/cli/show.py", "import sys\nsys.stdout.write('')"),
        ("sim/core/kernel.py", '"""Never time.time() nor print()."""'),
        ("sim/core/streams.py", "import hashlib\nhashlib.blake2b(b'')"),
        ("sim/model/block.py", "class Block:\n    id: str\n    hash: str\nBlock().id"),
        ("sim/model/block.py", "def key(id: str) -> str:\n    return id + 'x'"),
        ("sim/core/a.py", "import numpy as np\nnp.sort([])"),
        ("sim/core/a.py", "def f(datetime):\n    return datetime.year"),
    ],
)
def test_accepts(path: str, text: str) -> None:
    assert banned_names([Source(path, text)]) == []


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("import random", "sim.core.streams"),
        ("from random import choice", "sim.core.streams"),
        ("def f():\n    import secrets", "sim.core.streams"),
        ("import numpy as np\nnp.random.default_rng(0)", "sim.core.streams"),
        ("from numpy.random import default_rng", "sim.core.streams"),
        ("import time\ntime.time()", "the kernel's now"),
        ("import time as t\nt.perf_counter_ns()", "the kernel's now"),
        ("from datetime import datetime\ndatetime.now()", "the kernel's now"),
        ("import os\nos.environ['HOME']", "an argument"),
        ("print('x')", "a return value or a record"),
        ("import sys\nsys.stderr.write('x')", "a return value or a record"),
        ("import logging", "a record of sim.trace"),
        ("import uuid", "an id that the world counts"),
        ("hash('x')", "hashlib"),
        ("sorted([], key=id)", "an id that the world counts"),
        ("class A:\n    id: int\nid(A())", "an id that the world counts"),
        ("import matplotlib.pyplot as plt", "matplotlib.figure.Figure"),
    ],
)
def test_rejects(text: str, instead: str) -> None:
    findings = banned_names([Source("sim/model/a.py", text)])
    assert findings
    assert all(f"is banned here, use {instead}" in finding.message for finding in findings)


def test_names_the_line_and_the_name_in_full() -> None:
    (finding,) = banned_names([Source("sim/a.py", "import numpy as np\nx = np.random.rand()")])
    assert str(finding) == (
        "sim/a.py:2: error: numpy.random.rand is banned here, use sim.core.streams"
    )


@pytest.mark.parametrize(
    ("path", "handler"),
    [
        ("sim/model/a.py", "except ValueError:"),
        ("sim/model/a.py", "except (KeyError, ValueError) as error:"),
        ("sim/study/run.py", "except Exception:"),
    ],
)
def test_accepts_a_handler(path: str, handler: str) -> None:
    assert broad_handlers([Source(path, f"try:\n    pass\n{handler}\n    pass")]) == []


@pytest.mark.parametrize(
    "handler", ["except:", "except Exception:", "except (ValueError, BaseException) as error:"]
)
def test_rejects_a_handler(handler: str) -> None:
    source = Source("sim/analysis/a.py", f"try:\n    pass\n{handler}\n    pass")
    assert [finding.line for finding in broad_handlers([source])] == [3]


def test_accepts_a_test_that_runs() -> None:
    text = "import pytest\n@pytest.mark.nightly\ndef test_a():\n    pytest.fail('no')"
    assert left_out_tests([Source("tests/unit/test_a.py", text)]) == []


@pytest.mark.parametrize("name", ["skip", "xfail", "importorskip", "mark.skipif", "mark.xfail"])
def test_rejects_a_test_left_out(name: str) -> None:
    source = Source("tests/unit/test_a.py", f"import pytest\npytest.{name}('later')")
    assert [finding.line for finding in left_out_tests([source])] == [2]
