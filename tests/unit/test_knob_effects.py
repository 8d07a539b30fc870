"""Effects of knobs: settings, known indices, small worlds, and ``sim knobs``."""

from __future__ import annotations

import io
import json
import math
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np
import pytest
from matplotlib.patches import Rectangle

import sim
from sim.analysis.effects import Effect, KnobEffects, draw_shares, effects_of
from sim.cli import knobs as command_module
from sim.cli import main
from sim.report.effects import effect_lines, effects_figure
from sim.report.style import to_svg
from sim.scenario.dump import to_toml
from sim.scenario.ranges import parse_range
from sim.scenario.schema import Scenario
from sim.study.effects import MEASURES
from tests.worlds import AT_ONCE, world

RANGES = {"gateways.sync_interval": "5m..2h", "producers.block_bytes": "50B..200B"}
WORDS = [word for path, span in RANGES.items() for word in ("--vary", f"{path}={span}")]
FEW = ["--samples", "4", "--workers", "1", "--trials", "1"]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    late = {"name": "late", "kind": "deletion-mark", "delete_delay": "1h"}
    return world(horizon="12h", trials=1, schemes=[AT_ONCE, late])


def _named(effects: tuple[Effect, ...]) -> dict[str, Effect]:
    return {effect.knob: effect for effect in effects}


def _is_within(estimate: float, error: float, truth: float) -> bool:
    # Twice the half of a 95 % interval: the seed is one of many.
    return abs(estimate - truth) <= 2.0 * error


def _holds(effects: Mapping[str, Effect], truth: Mapping[str, tuple[float, float]]) -> bool:
    return all(
        _is_within(effects[knob].first, effects[knob].first_error, first)
        and _is_within(effects[knob].total, effects[knob].total_error, total)
        for knob, (first, total) in truth.items()
    )


def test_effects_are_those_of_ishigami_and_homma() -> None:
    shares = draw_shares(3, 512, 0)
    x, y, z = (2.0 * math.pi * shares - math.pi).T
    a, b = 7.0, 0.1
    values = np.sin(x) + a * np.sin(y) ** 2 + b * z**4 * np.sin(x)
    # Their closed form: the variance, and its parts of x, of y, and of x and z together.
    of_x = (1.0 + b * math.pi**4 / 5.0) ** 2 / 2.0
    of_y = a**2 / 8.0
    of_xz = b**2 * math.pi**8 * 8.0 / 225.0
    whole = of_x + of_y + of_xz
    truth = {
        "x": (of_x / whole, (of_x + of_xz) / whole),
        "y": (of_y / whole, of_y / whole),
        "z": (0.0, of_xz / whole),
    }
    found = _named(effects_of([(name, "0", "1") for name in "xyz"], list(values), 0))
    assert _holds(found, truth)
    assert max(effect.total_error for effect in found.values()) < 0.15
    assert not _holds(found, truth | {"z": (of_xz / whole, of_xz / whole)})


def test_the_largest_effect_comes_first_and_is_sure_only_if_its_interval_is_alone() -> None:
    shares = draw_shares(2, 64, 3)
    knobs = [("a", "0", "1"), ("b", "0", "1")]
    effects = effects_of(knobs, list(shares @ [1.0, 5.0]), 3)
    assert [effect.knob for effect in effects] == ["b", "a"]
    assert _shown(effects).strongest == "b"
    alike = effects_of(knobs, list(shares @ [1.0, 1.01]), 3)
    assert _shown(alike).strongest == ""
    assert any("not sure" in line for line in effect_lines(_shown(alike)))


def _shown(effects: tuple[Effect, ...]) -> KnobEffects:
    return KnobEffects(
        name="n",
        scheme="s",
        measure="query-error",
        seed=0,
        trials=1,
        samples=64,
        settings=256,
        mean=0.1,
        least=0.0,
        most=0.2,
        effects=effects,
    )


def test_settings_repeat_and_seed_0_is_a_seed() -> None:
    first, again = draw_shares(2, 8, 0), draw_shares(2, 8, 0)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, draw_shares(2, 8, 1))
    assert first.shape == (8 * 4, 2)
    values = list(first.sum(axis=1))
    knobs = [("a", "0", "1"), ("b", "0", "1")]
    assert effects_of(knobs, values, 0) == effects_of(knobs, values, 0)
    with pytest.raises(ValueError, match="samples=12 must be a power of two"):
        draw_shares(2, 12, 0)


def test_what_never_differs_or_is_unknown_has_no_effects() -> None:
    assert effects_of([("a", "0", "1")], [0.25] * 12, 0) == ()
    assert effects_of([("a", "0", "1")], [0.25] * 11 + [math.nan], 0) == ()
    assert effects_of([("a", "0", "1")], [0.25] * 11 + [0.5], 0) != ()


def test_ranges_are_read_and_values_stay_within_them() -> None:
    knob = parse_range("gateways.sync_interval=log:1m..1h")
    assert knob.texts == ("1m", "1h")
    assert knob.along([0.0, 0.5, 1.0]).texts == ("1m", "7m45s", "1h")
    assert parse_range("a=90s..91m").along([0.0, 0.001]).texts == ("90s", "95s")
    assert parse_range("a=0.5..1.5").along([0.0, 0.5, 1.0]).values == (0.5, 1.0, 1.5)
    for wrong in ("a", "a=1", "a=1m,2m", "a=0s..1h/5", "a=3..2", "a=1m..2", 'a="x..y"'):
        with pytest.raises(ValueError, match=r"LOW\.\.HIGH|PATH=VALUES|rise|one kind"):
            parse_range(wrong)


def test_whole_numbers_are_equally_likely() -> None:
    shares = [(i + 0.5) / 300 for i in range(300)]
    counts = Counter(parse_range("gateways.count=1..3").along(shares).values)
    assert counts == {1: 100, 2: 100, 3: 100}


def test_readers_decide_how_often_queries_fail_and_sizes_decide_garbage(
    scenario: Scenario,
) -> None:
    errors = sim.knobs(scenario, RANGES, samples=8)
    found = _named(errors.value.effects)
    sync, size = (found[path] for path in RANGES)
    assert errors.value.strongest == "gateways.sync_interval"
    assert _is_within(sync.first, sync.first_error, 1.0)
    assert (size.first, size.total) == (0.0, 0.0)
    assert list(errors.to_frame()["knob"]) == list(RANGES)
    assert str(errors).endswith("gateways.sync_interval matters most")


@pytest.fixture
def folder(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(to_toml(scenario), encoding="utf-8")
    return tmp_path


def test_the_command_shows_a_table_and_writes_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["knobs", "s.toml", *WORDS, *FEW, "--outcome", "garbage-bytes", "--scheme", "late"]
    assert main([*words, "--out", "out"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 80
    assert shown[3].startswith("producers.block_bytes")
    written = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert set(written) == {"knobs.json", "knobs.csv", "knobs.svg", "knobs.png"}
    made = json.loads(written["knobs.json"])
    assert made["settings"] == 4 * 4
    assert made["effects"][0]["knob"] == "producers.block_bytes"
    given = io.BytesIO((folder / "s.toml").read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given, encoding="utf-8"))
    assert main(["knobs", "-", *words[2:], "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == made


def test_where_nothing_differs_it_is_unknown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["knobs", "s.toml", *WORDS[2:], *FEW, "--out", "out"]) == 3
    assert "unknown: no setting differs" in capsys.readouterr().out
    assert {path.name for path in (folder / "out").iterdir()} == {"knobs.json", "knobs.csv"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--vary", "gateways.sync_interval=5m,1h"], "a range is LOW..HIGH"),
        (["--vary", "trials=1..4"], "must be common to all cells"),
        (["--vary", "gateways.sync_intervall=5m..1h"], "sync_interval"),
        ([*WORDS, "--samples", "12"], "12 is no power of two"),
        ([*WORDS, "--scheme", "nobody"], "has no scheme 'nobody'"),
        ([*WORDS, "--max-events", "1"], "--yes runs it all the same"),
        (["--vary", "gateways.sync_interval=-5m..1h"], "no numbers of one kind"),
    ],
)
def test_what_cannot_be_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["knobs", "s.toml", *FEW, *words]) == 2
    assert told in capsys.readouterr().err


def test_without_the_library_it_is_refused_before_anything_runs(
    scenario: Scenario,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "SALib", None)
    assert main(["knobs", "s.toml", *WORDS, "--out", "out"]) == 2
    assert 'pip install "consistency-sim[search]"' in capsys.readouterr().err
    assert {path.name for path in folder.iterdir()} == {"s.toml"}
    with pytest.raises(ImportError, match=r"consistency-sim\[search\]"):
        sim.knobs(scenario, RANGES)


def test_the_command_knows_every_outcome(scenario: Scenario) -> None:
    (kind,) = (o.type for o in command_module.command.params if o.name == "outcome")
    assert isinstance(kind, click.Choice)
    assert set(kind.choices) == set(MEASURES)
    with pytest.raises(ValueError, match="outcome='lost' must be one of"):
        sim.knobs(scenario, {"gateways.sync_interval": "5m..2h"}, outcome="lost", samples=2)


def test_bars_show_both_effects_and_repeat_to_the_byte() -> None:
    effects = effects_of([("a", "0", "1"), ("b", "0", "1")], _additive(), 0)
    found = _shown(effects)
    figure = effects_figure(found)
    bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    widths = [bar.get_width() for bar in bars]
    assert widths == [x for effect in effects for x in (effect.first, effect.total)]
    assert to_svg(figure) == to_svg(effects_figure(found))


def _additive() -> list[float]:
    return list(draw_shares(2, 16, 0) @ [1.0, 2.0])
