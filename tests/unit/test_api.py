"""``import sim``: every function gives what the command gives, as a table and as a picture."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

import sim
from sim import api
from sim.analysis.evidence.tale import Explained
from sim.errors import ScenarioError
from sim.report.comparison import comparison_csv
from sim.report.csvtable import to_csv
from sim.report.sweepdocument import sweep_csv
from sim.report.sweeptable import sweep_caption
from sim.report.tables import scheme_table
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario
from tests.short import SHORT

mpl.use("agg")
DELAY = "schemes.later.delete_delay"


@pytest.fixture(scope="module")
def short() -> Scenario:
    return sim.load(SHORT, {"gateways.sync_interval": "7m"})


@pytest.fixture(scope="module")
def found(short: Scenario) -> api.RunResult:
    return sim.run(short)


def same_table(frame: Any, text: str) -> None:
    """A frame has the rows and the columns of a CSV, but for columns that are empty."""
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(frame) == len(rows)
    for name in frame.columns:
        for own, other in zip(frame[name].tolist(), (row[name] for row in rows), strict=True):
            is_empty = own is None or own != own
            assert (other == "") if is_empty else (str(own) == other or float(own) == float(other))
    assert all(row[name] == "" for name in rows[0].keys() - set(frame.columns) for row in rows)


def test_a_scenario_is_loaded_from_anything(short: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text(SHORT, encoding="utf-8")
    overrides = {"gateways.sync_interval": "7m"}
    for source in (SHORT, path, str(path), tomllib.loads(SHORT)):
        assert sim.load(source, overrides) == short
    assert sim.load(short) is short
    assert sim.load(short, {"trials": 5}).trials == 5
    with pytest.raises(ScenarioError):
        sim.load(short, {"trials": -1})


def test_a_run_is_what_the_study_gives(short: Scenario, found: api.RunResult) -> None:
    assert found.value == run_scenario(short)
    assert repr(found) == repr(found.value)
    one = sim.run(short, schemes=["later"])
    assert [scheme.name for scheme in one.value.schemes] == ["later"]
    with pytest.raises(ValueError, match="nobody"):
        sim.run(short, schemes=["nobody"])


def test_frames_are_the_tables_of_the_commands(short: Scenario, found: api.RunResult) -> None:
    same_table(found.to_frame(), to_csv(found.value))
    swept = sim.sweep(short, {DELAY: ["0s", "1h"], "gateways.sync_interval": "3m,9m"})
    assert len(swept.value.cells) == 4
    same_table(swept.to_frame(), sweep_csv(swept.value))
    compared = sim.compare(found, sim.load(short, {DELAY: "0s"}))
    same_table(compared.to_frame(), comparison_csv(compared.value))


def test_a_notebook_shows_the_tables_of_the_screen(short: Scenario, found: api.RunResult) -> None:
    shown = found._repr_html_()
    table = scheme_table(found.value)
    for text in (*table.names, *(number for row in table.rows for number, _ in row)):
        assert f">{text}<" in shown
    swept = sim.sweep(short, {DELAY: "1h,2h"})
    assert f">{sweep_caption(swept.value)}<" in swept._repr_html_()
    assert repr(swept) == f"<Sweep of 'short' over {DELAY} (2 values), 2 cells>"


def test_pictures_are_drawn_where_they_are_wanted(short: Scenario, found: api.RunResult) -> None:
    swept = sim.sweep(short, {DELAY: "0s,5m,1h"})
    compared = sim.compare(found, sim.load(short, {DELAY: "0s"}))
    for result in (found, swept, compared):
        ax = Figure().add_subplot()
        assert result.plot(ax) is ax
        assert ax.get_title(loc="left").endswith("?") or ax.get_title(loc="left")
        assert result.plot() is not ax


def test_a_curve_says_where_it_came_from_and_what_had_been_enough(short: Scenario) -> None:
    curve = sim.curve(short, delays="0s..1h/7")
    assert curve.origins == ("simulated", *["curve"] * 6)
    largest_us = curve.critical_us["day"]
    assert 0 < largest_us < 3600 * 1_000_000
    for cell in curve.value.cells:
        (scheme,) = cell.result.schemes
        delay_us = cell.result.scenario.schemes[1].delete_delay_us
        fails = any(t.classes[0].fractions["query-error"] > 0 for t in scheme.trials)
        assert fails == (delay_us < largest_us)
    with pytest.raises(ValueError, match="no delete delay"):
        sim.curve(short, "at once")


def test_comparing_with_itself_gives_no_difference(found: api.RunResult) -> None:
    rows = [row for pair in sim.compare(found, found).value.schemes for row in pair.rows]
    assert rows
    assert all(row.difference.difference in (0.0,) or row.is_outcome is False for row in rows)
    with pytest.raises(ValueError, match="name pairs"):
        sim.compare(sim.load(SHORT.replace('"at once"', '"x"').replace('"later"', '"y"')), found)


def test_advice_and_stories_take_the_same_sources(short: Scenario) -> None:
    advice = sim.advise(SHORT, {"day.query-error": 0.0})
    assert advice.recommended is not None
    told = sim.explain(short, "at once", "query-error")
    assert isinstance(told, Explained)
    with pytest.raises(ValueError, match="did you mean"):
        sim.advise(short, {"query-eror": 0.0})


def test_without_pandas_the_extra_is_named(
    found: api.RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"consistency-sim\[data\]"):
        found.to_frame()


def test_what_is_offered_is_there_and_documented() -> None:
    assert set(sim.__all__) <= set(api.__all__)
    assert set(sim.__all__) <= set(dir(sim))
    for name in sim.__all__:
        assert getattr(sim, name) is getattr(api, name)
        assert "Parameters" in getattr(sim, name).__doc__
    with pytest.raises(AttributeError, match="nonsense"):
        sim.nonsense  # noqa: B018
    names: dict[str, Any] = {}
    exec("from sim import *", names)
    assert names.keys() >= set(sim.__all__)


def test_importing_it_loads_nothing() -> None:
    text = "import sys, sim; print([m for m in sys.modules if m[:4] in ('sim.', 'nump')])"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
