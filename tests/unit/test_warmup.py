"""Is the warm-up long enough: what it must hold, when garbage has not settled, who says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.analysis.checkers import garbage_byte_seconds
from sim.analysis.results import Result, collect
from sim.analysis.warmup import Needed, garbage_parts, needed_warmup, unsettled
from sim.cli import main
from sim.report.document import document, to_json
from sim.report.reading import Document, read_as
from sim.report.tables import warning_lines
from sim.scenario.load import load
from sim.study.run import replay, run_scenario
from tests import made_results
from tests.short import SHORT

H = 3_600_000_000


def test_everything_that_happens_again_must_have_happened_once() -> None:
    scenario = load(SHORT)
    assert needed_warmup(scenario, 0) == Needed(8 * H, "range 8h")
    assert needed_warmup(scenario, 1) == Needed(14 * H, "range 8h + delete delay 6h")
    kept = {"compactor.retention.raw": "1d"}
    assert needed_warmup(load(SHORT, kept), 1) == Needed(30 * H, "retention 1d + delete delay 6h")
    # What comes after the horizon comes too late to matter.
    late = {"compactor.retention.raw": "3d", "compactor.ranges": ["2h", "8h", "3d"]}
    assert needed_warmup(load(SHORT, late), 0) == Needed(8 * H, "range 8h")


def test_what_is_never_deleted_fills_no_warm_up() -> None:
    kept = SHORT.replace('kind = "immediate"', 'kind = "composed"\ndelete = "never"')
    scenario = load(kept, {"warmup": "0s"})
    assert needed_warmup(scenario, 0) == Needed(8 * H, "range 8h")
    result = run_scenario(scenario, workers=1)
    parts = np.mean([trial.garbage_parts for trial in result.schemes[0].trials], axis=0)
    assert parts[-1] > 1.5 * parts[30] > 0
    assert unsettled(scenario, result.schemes[0]) is None
    assert not any("at once: garbage" in line.plain for line in warning_lines(result))


@pytest.mark.parametrize("index", [0, 1])
def test_the_parts_are_all_of_the_garbage(index: int) -> None:
    timelines = replay(load(SHORT), index, 0)
    parts = garbage_parts(timelines)
    span_s = (timelines.horizon_us - timelines.warmup_us) / 1e6
    assert sum(parts) / len(parts) * span_s == pytest.approx(garbage_byte_seconds(timelines))
    assert any(parts) == (index == 1)


def made(parts: Sequence[float], warmup: str) -> Result:
    scenario = load(SHORT, {"warmup": warmup})
    trials = [
        replace(
            made_results.trial(scheme, number, [made_results.outcome("day", 10.0)]),
            garbage_parts=tuple(parts),
        )
        for scheme in (0, 1)
        for number in (0, 1)
    ]
    return collect(scenario, "exact", trials)


FILLING = [*(float(i) for i in range(20)), *(20.0 + i % 2 for i in range(40))]
CYCLES = [float(i % 5) for i in range(60)]


def test_garbage_that_fills_up_after_a_short_warm_up_is_unsettled() -> None:
    result = made(FILLING, "6h")
    found = unsettled(result.scenario, result.schemes[1])
    assert found is not None
    assert found.settled_mean == pytest.approx(20.5, rel=0.01)
    assert found.settled_us == pytest.approx(6 * H + 22 * H, abs=2 * H)
    assert (found.needed_us, found.because) == (14 * H, "range 8h + delete delay 6h")
    lines = [line.plain for line in warning_lines(result)]
    assert any("later: garbage-bytes had not settled" in line for line in lines)
    assert any("14h is long enough" in line for line in lines)
    read = read_as(Document, to_json(document(result, ())))
    assert read.schemes[1].unsettled is not None
    assert read.schemes[1].unsettled.needed_us == 14 * H


@pytest.mark.parametrize(
    ("parts", "warmup"),
    [(FILLING, "14h"), (CYCLES, "6h"), ([0.0] * 60, "6h"), ([5.0] * 60, "6h"), ([], "6h")],
)
def test_a_warm_up_that_is_long_enough_or_does_no_harm_is_not_complained_of(
    parts: list[float], warmup: str
) -> None:
    result = made(parts, warmup)
    assert unsettled(result.scenario, result.schemes[1]) is None
    assert warning_lines(result) == []
    assert all("unsettled" not in scheme for scheme in document(result, ())["schemes"])


def test_check_says_what_a_warm_up_must_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "short.toml"
    path.write_text(SHORT, encoding="utf-8")
    assert main(["check", str(path), "--set", "warmup=6h"]) == 0
    words = "warmup 6h, settled for certain after 14h = range 8h + delete delay 6h"
    assert words in capsys.readouterr().out
    assert main(["check", str(path), "--set", "warmup=14h"]) == 0
    assert "settled" not in capsys.readouterr().out
