"""Finished trials on disk: read back equal, used only where they belong, never when damaged."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.analysis.results import Result, TrialResult
from sim.core.laws import Constant
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.study import finished as finished_module
from sim.study import run as run_module
from sim.study.finished import FinishedTrials, decoded, encoded, key_of
from sim.study.run import run_scenario
from tests import made_results
from tests.short import SHORT

SCENARIO = SHORT


class _Desk:
    """A folder of finished trials, what was said about it, and which trials were simulated."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.ran: list[tuple[int, int]] = []
        run_trial = run_module.run_trial

        def counted(
            scenario: Scenario, scheme: int, trial: int, mode: run_module.Mode, *, check: bool
        ) -> TrialResult:
            self.ran.append((scheme, trial))
            return run_trial(scenario, scheme, trial, mode, check=check)

        monkeypatch.setattr(run_module, "run_trial", counted)

    def run(
        self, scenario: Scenario, mode: run_module.Mode = "exact", *, check: bool = False
    ) -> Result:
        self.said.clear()
        self.ran.clear()
        finished = FinishedTrials(self.folder, say=self.said.append)
        return run_scenario(scenario, mode=mode, check=check, finished=finished)

    def files(self) -> list[Path]:
        return sorted(self.folder.rglob("*.json"))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Desk:
    return _Desk(tmp_path / "trials", monkeypatch)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(SCENARIO)


def test_what_is_finished_is_not_run_again_and_gives_the_same(
    desk: _Desk, scenario: Scenario
) -> None:
    plain = run_scenario(scenario)
    assert desk.run(scenario) == plain
    assert (len(desk.ran), desk.said, len(desk.files())) == (4, [], 4)
    assert desk.run(scenario) == plain
    assert (desk.ran, desk.said) == ([], ["4 of 4 trials were there already"])


def test_an_interrupted_run_goes_on(desk: _Desk, scenario: Scenario) -> None:
    def stop(result: TrialResult) -> None:
        if result.trial == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_scenario(scenario, on_result=stop, finished=FinishedTrials(desk.folder))
    assert desk.run(scenario) == run_scenario(scenario)
    assert desk.said == ["3 of 4 trials were there already"]
    assert desk.ran[:1] == [(1, 1)]


def test_a_part_of_the_schemes_is_a_part_of_the_work(desk: _Desk, scenario: Scenario) -> None:
    run_scenario(scenario, schemes=[1], finished=FinishedTrials(desk.folder))
    desk.run(scenario)
    assert desk.ran == [(0, 0), (0, 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"name": "other"},
        {"gateways.count": 2},
        {"schemes.1.delete_delay": "7h"},
        {"trials": 3},
    ],
    ids=str,
)
def test_another_scenario_uses_none_of_it_and_destroys_none(
    desk: _Desk, scenario: Scenario, change: dict[str, object]
) -> None:
    other = load(SCENARIO, change)
    desk.run(scenario)
    assert desk.run(other) == run_scenario(other)
    assert desk.said == []
    desk.run(scenario)
    assert desk.ran == []


def test_every_room_of_the_program_is_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [Path(finished_module.__file__).parents[1] / room for room in ("model", "study")]
    assert all(any(room.glob("*.py")) for room in rooms)
    for room in ("model", "study"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "part.py").write_text("1")
    monkeypatch.setattr(finished_module, "__file__", str(tmp_path / "study" / "finished.py"))
    digest = finished_module.program_digest.__wrapped__
    before = digest()
    (tmp_path / "model" / "part.py").write_text("2")
    assert digest() != before
    (tmp_path / "model" / "part.py").write_text("1")
    assert digest() == before


def test_mode_check_and_program_are_part_of_the_key(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {key_of(scenario, mode=m, check=c) for m in ("exact", "sampled") for c in (True, False)}
    for name in ("STREAM_VERSION", "TRACE_VERSION", "__version__"):
        with monkeypatch.context() as patch:
            patch.setattr(finished_module, name, "other")
            keys.add(key_of(scenario, mode="exact", check=False))
    monkeypatch.setattr(finished_module, "program_digest", lambda: "other")
    keys.add(key_of(scenario, mode="exact", check=False))
    assert len(keys) == 8


def test_texts_that_change_nothing_leave_the_key(scenario: Scenario) -> None:
    said = load(SCENARIO, {"summary": "words", "expect.later": {"never": ["query-error"]}})
    key = key_of(scenario, mode="exact", check=False)
    assert key_of(said, mode="exact", check=False) == key


def _cut(text: str) -> str:
    return text[: len(text) // 2]


def _changed(text: str) -> str:
    document = json.loads(text)
    next(iter(document["result"].values()))["records"] += 1
    return json.dumps(document)


def _of_another_key(text: str) -> str:
    return json.dumps({**json.loads(text), "key": "0" * 64})


def _of_nothing(text: str) -> str:
    document = json.loads(text)
    content = {"os:system": {"command": "true"}}
    return json.dumps({**document, "result": content, "sha256": finished_module._digest(content)})


@pytest.mark.parametrize(
    "damage", [_cut, _changed, _of_another_key, _of_nothing, lambda _: "", lambda _: "[" * 10**5]
)
def test_a_damaged_file_is_told_of_and_made_anew(
    desk: _Desk, scenario: Scenario, damage: Callable[[str], str]
) -> None:
    plain = desk.run(scenario)
    path = desk.files()[0]
    whole = path.read_text()
    path.write_text(damage(whole))
    assert desk.run(scenario) == plain
    told = f"{path}: is damaged; this trial runs again"
    assert desk.said == [told, "3 of 4 trials were there already"]
    assert desk.ran == [(0, 0)]
    assert path.read_text() == whole


def test_a_file_under_the_name_of_another_trial_is_not_taken_for_it(
    desk: _Desk, scenario: Scenario
) -> None:
    plain = desk.run(scenario)
    first, second, *_ = desk.files()
    second.write_bytes(first.read_bytes())
    assert desk.run(scenario) == plain
    assert desk.ran == [(0, 1)]


def test_a_leftover_of_a_killed_writer_goes(desk: _Desk, scenario: Scenario) -> None:
    desk.run(scenario)
    leftover = desk.files()[0].with_name(".scheme-0.trial-0.json.abcd1234.sim-partial")
    leftover.write_text("half")
    desk.run(scenario)
    assert not leftover.exists()


def test_a_full_disk_loses_only_the_trial_in_flight(
    desk: _Desk, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    replace = os.replace

    def full_at_third(source: Path, target: Path) -> None:
        written.append(target)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full_at_third)
        with pytest.raises(OSError, match="No space left") as caught:
            desk.run(scenario)
    assert str(caught.value.filename).endswith("scheme-0.trial-1.json")
    assert len(desk.files()) == 2
    assert {path.suffix for path in desk.folder.rglob("*.*")} == {".json"}
    assert desk.run(scenario) == run_scenario(scenario)
    assert desk.said == ["2 of 4 trials were there already"]


def test_it_is_a_mapping(tmp_path: Path, scenario: Scenario) -> None:
    files = FinishedTrials(tmp_path / "new").of(scenario, mode="exact", check=False)
    assert (len(files), list(files)) == (0, [])
    assert not (tmp_path / "new").exists()
    result = made_results.trial(1, 2, [made_results.outcome("fast", 3.0, query_error=0.25)])
    files[1, 2] = result
    assert dict(files) == {(1, 2): result}
    del files[1, 2]
    with pytest.raises(KeyError):
        del files[1, 2]
    with pytest.raises(KeyError):
        files[1, 2]


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j, TrialResult])
def test_what_cannot_be_kept_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        encoded((value,))


def test_a_new_field_of_a_result_needs_nothing_here() -> None:
    law = Constant(value_us=5.0)
    assert decoded(json.loads(json.dumps(encoded({(0, "a"): [law, None]})))) == {
        (0, "a"): [law, None]
    }
