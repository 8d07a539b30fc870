"""Sweeps: every cell as if it was run alone, nothing run twice, nothing that had ended lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sim.analysis.sweep import Sweep, lines_of, origin_of, pareto_front
from sim.errors import ScenarioError
from sim.report.document import to_json
from sim.report.sweepdocument import sweep_document
from sim.scenario.schema import Scenario
from sim.study import finished as finished_module
from sim.study import units as units_module
from sim.study.curve import DelayCurve
from sim.study.finished import FinishedTrials
from sim.study.refine import refinement
from sim.study.run import run_scenario, run_trial
from sim.study.sweep import run_sweep
from tests.short import SHORT
from tests.sweeps import DELAYS, SYNCS, made, numbers_alone, settings

ROOT = Path(__file__).parents[2]


class _Count:
    """Which jobs were run: (scheme, trial, number of delays)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[tuple[str, int, int]] = []
        work = units_module._work

        def counted(job: units_module._Job) -> units_module._Done:
            self.jobs.append((job.units[0].scenario.schemes[0].name, job.trial, len(job.units)))
            return work(job)

        monkeypatch.setattr(units_module, "_work", counted)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> _Count:
    return _Count(monkeypatch)


@pytest.fixture(scope="module")
def plain() -> Sweep:
    return run_sweep(settings(DELAYS, SYNCS))


def _text(sweep: Sweep) -> str:
    return to_json(sweep_document(sweep))


def _digest(sweep: Sweep) -> object:
    """Of the numbers, whichever delays were simulated for them."""
    return sweep_document(sweep)["digest"]


def test_every_cell_is_what_a_run_with_those_values_gives(plain: Sweep) -> None:
    assert [cell.setting for cell in plain.cells] == [(i, j) for i in range(3) for j in range(2)]
    for cell in plain.cells:
        alone = run_scenario(cell.result.scenario)
        for own, other in zip(cell.result.schemes, alone.schemes, strict=True):
            assert (own.index, own.name, own.kind) == (other.index, other.name, other.kind)
            assert list(map(numbers_alone, own.trials)) == list(map(numbers_alone, other.trials))


def test_a_digest_is_that_of_the_scheme_alone_in_its_scenario(plain: Sweep) -> None:
    scenario = plain.cells[0].result.scenario
    alone = scenario.model_copy(update={"schemes": scenario.schemes[:1], "expect": {}})
    found = plain.cells[0].result.schemes[0]
    assert origin_of(found) == "simulated"
    assert found.digest == run_scenario(alone).schemes[0].digest


def test_what_a_knob_does_not_touch_runs_once(count: _Count) -> None:
    run_sweep(settings(DELAYS, SYNCS))
    # Two intervals of syncs, two trials; all delays of one interval are one job.
    assert Counter(count.jobs) == {
        (name, trial, delays): 2
        for name, delays in (("at once", 1), ("later", 3))
        for trial in range(2)
    }


def test_schemes_that_were_not_asked_for_do_not_run(count: _Count) -> None:
    sweep = run_sweep(settings(DELAYS), schemes=[1])
    assert {name for name, *_ in count.jobs} == {"later"}
    assert [s.name for s in sweep.cells[0].result.schemes] == ["later"]


def test_knobs_in_step_are_one_line(count: _Count) -> None:
    sweep = run_sweep(
        settings(
            "schemes.1.delete_delay=1h,2h",
            "schemes.1.ignore_deletion_marks_delay=30m,1h",
            together=True,
        )
    )
    assert [cell.setting for cell in sweep.cells] == [(0, 0), (1, 1)]
    assert [(line.scheme, len(line.points)) for line in lines_of(sweep)] == [
        ("at once", 2),
        ("later", 2),
    ]
    assert Counter(name for name, *_ in count.jobs) == {"at once": 2, "later": 4}


def test_a_second_sweep_runs_nothing_and_gives_the_same(
    plain: Sweep, count: _Count, tmp_path: Path
) -> None:
    said: list[str] = []

    def sweep(*, fresh: bool = False) -> str:
        count.jobs.clear()
        said.clear()
        finished = FinishedTrials(tmp_path, say=said.append)
        return _text(
            run_sweep(settings(DELAYS, SYNCS), finished=finished, fresh=fresh, say=said.append)
        )

    first = sweep()
    assert first == _text(plain)
    assert len(count.jobs) == 8
    assert sweep() == first
    assert (count.jobs, said) == ([], ["16 of 16 trials were there already"])
    assert sweep(fresh=True) == first
    assert len(count.jobs) == 8


def _read_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer all delays but the first as if they had been read off its trace."""

    def answer(
        scenario: Scenario, index: int, trial: int, delays_us: Sequence[int], **_: object
    ) -> DelayCurve:
        results = []
        for delay_us in delays_us:
            spec = scenario.schemes[index].model_copy(update={"delete_delay_us": delay_us})
            changed = scenario.model_copy(update={"schemes": (spec,)})
            results.append(run_trial(changed, index, trial))
        first, *rest = results
        unmade = [replace(result, digest="", story=None) for result in rest]
        origins = ("simulated", *["curve"] * len(rest))
        return DelayCurve(
            delays_us=tuple(delays_us),
            results=(first, *unmade),
            origins=origins,
            reason="for a reason",
        )

    monkeypatch.setattr(units_module, "trials_over_delays", answer)


def test_what_was_read_off_a_curve_is_kept_as_that(
    plain: Sweep, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _read_off(monkeypatch)
    said: list[str] = []

    def sweep() -> Sweep:
        said.clear()
        return run_sweep(
            settings(DELAYS, SYNCS), finished=FinishedTrials(tmp_path), say=said.append
        )

    first = sweep()
    assert said == ["later: for a reason"]
    later = [cell.result.schemes[1] for cell in first.cells]
    assert [origin_of(scheme) for scheme in later] == ["simulated"] * 2 + ["curve"] * 4
    assert _text(sweep()) == _text(first)
    assert said == ["16 of 16 trials were there already"]
    assert _digest(first) == _digest(plain)


def test_a_run_takes_no_trial_without_a_trace_for_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _read_off(monkeypatch)
    sweep = run_sweep(settings(DELAYS), finished=FinishedTrials(tmp_path))
    scenario = sweep.cells[1].result.scenario
    alone = scenario.model_copy(update={"schemes": scenario.schemes[1:], "expect": {}})
    assert run_scenario(alone, finished=FinishedTrials(tmp_path)) == run_scenario(alone)


def test_another_sweep_takes_what_it_shares(count: _Count, tmp_path: Path) -> None:
    run_sweep(settings(DELAYS), finished=FinishedTrials(tmp_path))
    count.jobs.clear()
    more = DELAYS.replace("10m", "10m,20m")
    run_sweep(settings(more), finished=FinishedTrials(tmp_path))
    assert count.jobs == [("later", 0, 1), ("later", 1, 1)]


def test_a_damaged_file_is_told_of_and_run_again(count: _Count, tmp_path: Path) -> None:
    first = _digest(run_sweep(settings(DELAYS), finished=FinishedTrials(tmp_path)))
    count.jobs.clear()
    damaged = next(tmp_path.rglob("*.json"))
    damaged.write_text("{}")
    said: list[str] = []
    finished = FinishedTrials(tmp_path, say=said.append)
    assert _digest(run_sweep(settings(DELAYS), finished=finished)) == first
    assert said == [f"{damaged}: is damaged; this trial runs again"]
    assert [number for *_, number in count.jobs] == [1]


def test_the_number_of_workers_changes_nothing(plain: Sweep) -> None:
    assert _text(run_sweep(settings(DELAYS, SYNCS), workers=2)) == _text(plain)


def test_progress_counts_every_trial(tmp_path: Path) -> None:
    told: list[int] = []

    @contextmanager
    def progress(trials: int) -> Iterator[object]:
        told.append(trials)
        yield lambda: told.append(1)

    for _ in range(2):
        told.clear()
        finished = FinishedTrials(tmp_path)
        run_sweep(settings(DELAYS), finished=finished, progress=progress)  # type: ignore[arg-type]
        assert told == [8, *[1] * 8]


def test_problems_of_all_settings_are_told_together() -> None:
    with pytest.raises(ScenarioError) as caught:
        settings("gateways.count=0,1,-1", "schemes.later.delete_delay=1h,x")
    said = str(caught.value)
    assert len(caught.value.problems) == 3
    assert all(part in said for part in ("gateways.count=0", "gateways.count=-1", "'x'"))


@pytest.fixture(scope="module")
def refined() -> Sweep:
    return run_sweep(settings("schemes.later.delete_delay=1h,0s", SYNCS), refine=5)


def test_refining_adds_values_where_failures_change_most(refined: Sweep) -> None:
    knob = refined.knobs[0]
    assert knob.numbers is not None
    assert list(knob.numbers) == sorted(knob.numbers)
    assert len(knob) == 7
    assert len(refined.cells) == 14
    # With syncs every 15 minutes failures end at some delay: the new values close in on it.
    line = lines_of(refined)[3]
    fractions = [point.failing.interval.fraction for point in line.points]
    steps = [b - a for a, b in zip(knob.numbers, knob.numbers[1:], strict=False)]
    last = max(i for i, fraction in enumerate(fractions) if fraction > 0)
    assert fractions[last + 1] == 0
    assert steps[last] == min(steps)


def test_refining_gives_the_same_whatever_was_there(refined: Sweep, tmp_path: Path) -> None:
    wanted = settings("schemes.later.delete_delay=1h,0s", SYNCS)
    run_sweep(wanted, finished=FinishedTrials(tmp_path))
    for _ in range(2):
        again = run_sweep(wanted, refine=5, finished=FinishedTrials(tmp_path))
        assert _text(again) == _text(refined)


def test_nothing_is_added_where_nothing_changes() -> None:
    flat = made([DELAYS], {(0,): 0.3, (1,): 0.3, (2,): 0.3})
    assert refinement(flat, 9) == []
    step = made([DELAYS], {(0,): 0.3, (1,): 0.03, (2,): 0.025})
    assert [text for _, text in refinement(step, 9)] == ["5m"]
    assert refinement(step, 0) == []
    # A zero stands a power of ten below what was seen.
    both = made([DELAYS], {(0,): 0.3, (1,): 0.1, (2,): 0.0})
    assert [text for _, text in refinement(both, 9)] == ["65m", "5m"]


def test_lines_say_what_touches_a_scheme(plain: Sweep) -> None:
    lines = lines_of(plain)
    assert [(line.scheme, line.others, line.is_flat) for line in lines] == [
        ("at once", (0,), True),
        ("at once", (1,), True),
        ("later", (0,), False),
        ("later", (1,), False),
    ]
    assert [plain.touching(position) for position in range(2)] == [(1,), (0, 1)]
    assert plain.text_of((1, 0)) == "10m, 3m"
    assert plain.text_of((1, 0), (1,)) == "3m"


@pytest.mark.parametrize(
    ("pairs", "front"),
    [
        ([], []),
        ([(1.0, 1.0)], [0]),
        ([(1.0, 1.0), (1.0, 1.0)], [0]),
        ([(0.0, 3.0), (1.0, 2.0), (1.0, 1.0), (2.0, 1.0)], [0, 2]),
        ([(float("nan"), 0.0), (1.0, 1.0)], [1]),
    ],
)
def test_the_front_is_what_nothing_beats(
    pairs: list[tuple[float, float]], front: list[int]
) -> None:
    assert pareto_front(pairs) == front


def test_the_key_of_a_trial_counts_every_room_of_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[Path] = []
    read_bytes = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    finished_module.program_digest.__wrapped__()
    rooms = {path.relative_to(ROOT).parts[1] for path in read}
    assert rooms >= {"core", "scenario", "model", "trace", "analysis", "study"}


SLOW = [
    *("sweep", "short.toml", "--vary", "schemes.later.ignore_deletion_marks_delay=1h,2h,3h"),
    *("--set", "horizon=12d", "--trials", "4", "--workers", "1", "--json", "sweep.json", "-q"),
]
# A busy machine is no failure; what has not ended by then never will.
HANGS_S = 900


@pytest.mark.nightly
@pytest.mark.usefixtures("signals_as_usual")
def test_a_kill_loses_nothing_that_had_ended(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(SHORT)

    def start(*more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sim.cli", *SLOW, *more],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kept() -> dict[str, int]:
        files = (tmp_path / ".sim-cells").rglob("scheme-*.json")
        return {str(file): file.stat().st_ino for file in files}

    process = start()
    until_s = time.monotonic() + HANGS_S
    while len(kept()) < 3 and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=HANGS_S)
    before = kept()
    assert 3 <= len(before) < 16
    assert not (tmp_path / "sweep.json").exists()
    process = start()
    _, errors = process.communicate(timeout=HANGS_S)
    assert (process.returncode, errors) == (0, "")
    after = kept()
    assert len(after) == 16
    # A file that was written again would have another number.
    assert before.items() <= after.items()
    resumed = (tmp_path / "sweep.json").read_bytes()
    process = start("--fresh")
    process.communicate(timeout=HANGS_S)
    assert (tmp_path / "sweep.json").read_bytes() == resumed
