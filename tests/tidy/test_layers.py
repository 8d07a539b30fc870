"""Which imports the architecture accepts and rejects."""

from __future__ import annotations

import pytest

from tests.tidy.layers import arrows, declared, idle_extras
from tests.tidy.source import Source


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("sim/model/store/versions.py", "from sim.core.units import US_PER_S"),
        ("sim/model/store/versions.py", "from sim.model.block import Block"),
        ("sim/model/store/versions.py", "from . import block"),
        ("sim/model/store/versions.py", "from sim.errors import ModelError"),
        ("sim/model/__init__.py", "from .store import Store"),
        ("sim/core/kernel.py", "import simpy"),
        ("sim/report/figures.py", "from matplotlib.figure import Figure"),
        ("sim/cli.py", "from sim import study, __version__"),
        ("sim/cli/show.py", "import sim.report.page"),
        ("sim/study/run.py", "from sim import __version__"),
        ("sim/study/run.py", "from sim.study.executors import run_jobs"),
        ("sim/analysis/theory/closed_forms.py", "from scipy import special"),
        ("sim/__init__.py", "from sim.study.run import run_trial"),
        ("sim/__main__.py", "from sim.cli import main"),
    ],
)
def test_accepts(path: str, text: str) -> None:
    assert arrows([Source(path, text)]) == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("sim/core/laws.py", "from sim.scenario.schema import Store", "(level 2): up"),
        ("sim/errors.py", "import sim.core.units", "(level 1): up"),
        ("sim/model/store/versions.py", "from sim.analysis import queries", "(level 4): sideways"),
        (
            "sim/analysis/queries/evaluate.py",
            "from sim.model.world import build",
            "(level 4): sideways",
        ),
        ("sim/trace/records.py", "from ..scenario import schema", "(level 2): sideways"),
        ("sim/report/page.py", "def f():\n    from sim.study.run import run_trial", "sideways"),
        (
            "sim/study/run.py",
            "from importlib import import_module as import_module\nimport_module('sim.cli')",
            "(level 7): up",
        ),
        ("sim/model/store/versions.py", "from sim import run_trial", "(level 8): up"),
        ("sim/study/run.py", "import sim", "(level 8): up"),
        ("sim/model/world.py", "import simpy.events", "use sim.core.kernel"),
        ("sim/analysis/plots.py", "import matplotlib", "known only to sim/report/"),
        ("sim/study/run.py", "from hypothesis import given", "use sim.testing, or a test"),
        ("sim/model/store/versions.py", "from click import ClickException", "sim.errors"),
        ("sim/extras/new.py", "", "room 'extras' has no level"),
    ],
)
def test_rejects(path: str, text: str, said: str) -> None:
    (finding,) = arrows([Source(path, text)])
    assert said in finding.message


def test_an_arrow_is_reported_where_it_is() -> None:
    source = Source("sim/core/laws.py", '"""Laws."""\n\nfrom sim.study.run import run_trial\n')
    assert [str(finding) for finding in arrows([source])] == [
        "sim/core/laws.py:3: error: core (level 1) imports sim.study.run.run_trial (level 5): up, "
        "use a room below, or pass the value in"
    ]


PYPROJECT = """
[project]
dependencies = ["numpy>=1.26", "tree-sitter>=0.23"]
[project.optional-dependencies]
data = ["pyarrow>=15"]
"""


def test_accepts_what_is_declared() -> None:
    text = "import ast, numpy.typing, tree_sitter, sim.core\ndef f():\n    import pyarrow.parquet"
    assert declared([Source("sim/a.py", text)], PYPROJECT) == []


def test_accepts_an_extra_that_is_imported() -> None:
    assert idle_extras([Source("tests/a.py", "import pyarrow.parquet")], PYPROJECT) == []
    assert idle_extras([], "[project]\ndependencies = []") == []


def test_rejects_an_extra_that_nothing_imports() -> None:
    (finding,) = idle_extras([Source("sim/a.py", "import numpy")], PYPROJECT)
    assert finding.message.startswith("extra data is imported nowhere")


def test_rejects_what_is_not_declared() -> None:
    (finding,) = declared([Source("sim/a.py", "def f():\n    import pandas")], PYPROJECT)
    assert finding.line == 2
    assert finding.message.startswith("pandas is not declared")
