"""Schemes in the code of somebody else: named by a scenario, and taken everywhere."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.analysis.rules.safety import proof
from sim.cli import main
from sim.errors import ScenarioError
from sim.model.world import simulate
from sim.report.tables import delays
from sim.scenario.dump import to_toml
from sim.scenario.load import build
from sim.scenario.schema import Scenario
from sim.study import authors
from sim.study.authors import authors_digest, files_of
from sim.study.finished import key_of
from tests.worlds import BASE

NIGHT = '''
from sim.schemes.own import US_PER_S, Deletes, Duration, Field, NoHold, OwnScheme, Primitive


class AtNight(Deletes):
    """What was retired for longer than a delay goes in the first hours of a day."""

    delay: Duration = Field("2h", description="How long a retired block is kept.")
    until: Duration = Field("6h", description="When the night ends.")

    @property
    def delay_us(self):
        return self.delay

    def made(self, scenario):
        return self

    def due(self, record, view, now_us):
        is_night = now_us % (86_400 * US_PER_S) < self.until
        return record.due(view, now_us - self.delay) if is_night else []


class Nightly(OwnScheme):
    """Blocks are marked, and go at night."""

    delete_delay: Duration = Field("2h", description="How long a marked block is kept.")

    @property
    def composed(self):
        night = AtNight(delay=self.said["delete_delay"], until="1d")
        hide = {"kind": "mark-age", "after": "1h"}
        return self.slots(record="mark", hide=hide, delete=night)


class AsThanos(OwnScheme):
    """What the built-in scheme is made of."""

    delete_delay: Duration = Field("2h", description="How long a marked block is kept.")

    @property
    def composed(self):
        hide = {"kind": "mark-age", "after": "1h", "compactor": "1h"}
        delete = {"kind": "after", "delay": self.said["delete_delay"]}
        return self.slots(record="mark", hide=hide, delete=delete)


class Trusting(Primitive):
    """Nothing is held, and it says that it stands in no proof's way."""

    def made(self, scenario):
        return NoHold()

    def obstacles(self, scenario):
        return iter(())


class Broken(Trusting):
    """Its holders have a bug."""

    def made(self, scenario):
        return [].nothing


class WithKind(Primitive):
    kind: int = 3


class Clumsy(OwnScheme):
    @property
    def composed(self):
        return self.slots(record="mark")
'''
MARKED = {"record": "mark", "hide": {"kind": "mark-age", "after": "1h"}}


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of somebody else; the name is the test's alone."""
    (tmp_path / "night.py").write_text(NIGHT, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def composed(**slots: Any) -> dict[str, Any]:
    return {"name": "part", "kind": "composed", **MARKED, "delete": "at-once", **slots}


def named(kind: str, **keys: Any) -> dict[str, Any]:
    return {"name": "mine", "kind": kind, **keys}


def small(*schemes: dict[str, Any], **tables: Any) -> Scenario:
    return build({**BASE, "horizon": "28h", "schemes": list(schemes), **tables})


@pytest.mark.usefixtures("night")
def test_a_scheme_of_somebody_else_is_what_it_is_made_of() -> None:
    mine = small(named("night:AsThanos"))
    built_in = {"kind": "deletion-mark", "delete_delay": "2h", "ignore_deletion_marks_delay": "1h"}
    theirs = small({"name": "mine", **built_in})
    assert simulate(mine, 0, 0).records == simulate(theirs, 0, 0).records
    assert proof(mine, 0, "query-error") == proof(theirs, 0, "query-error") != ""
    assert delays(mine.schemes[0]) == {"delete_delay": 2 * 3_600 * 10**6}
    assert mine.schemes[0].delete_key == "delete_delay"
    changed = mine.schemes[0].with_delay("delete_delay", 60_000_000)
    assert changed.delete_delay_us == 60_000_000


@pytest.mark.usefixtures("night")
def test_it_is_said_in_files_and_digests_and_goes_to_other_processes() -> None:
    part = composed(delete={"kind": "night:AtNight", "delay": "3h"}, hold="night:Trusting")
    scenario = small(named("night:Nightly", delete_delay="5h"), part)
    assert sim.load(to_toml(scenario)) == scenario
    assert 'delete = { kind = "night:AtNight", delay = "3h", until = "6h" }' in to_toml(scenario)
    assert 'hold   = "night:Trusting"' in to_toml(scenario)
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    other = small(named("night:Nightly", delete_delay="6h"), part)
    other_class = small(named("night:AsThanos", delete_delay="5h"), part)
    assert len({scenario.digest, other.digest, other_class.digest}) == 3


@pytest.mark.usefixtures("night")
def test_it_is_made_in_python_too() -> None:
    small(named("night:Nightly"))
    night = import_module("night")
    made = composed(delete=night.AtNight(delay="3h"))
    assert small(made) == small(composed(delete={"kind": "night:AtNight", "delay": "3h"}))
    own = night.Nightly(name="mine", delete_delay="5h")
    assert small(own) == small(named("night:Nightly", delete_delay="5h"))


@pytest.mark.usefixtures("night")
def test_rules_prove_nothing_that_its_author_does_not_vouch_for() -> None:
    after = {"kind": "after", "delay": "6h"}
    vouched = small(composed(delete=after, hold="night:Trusting"))
    unknown = small(composed(delete={"kind": "night:AtNight", "delay": "6h"}))
    assert proof(vouched, 0, "query-error")
    assert not proof(unknown, 0, "query-error")
    assert list(unknown.schemes[0].obstacles(unknown)) == [
        "what night:AtNight does is not known to rules"
    ]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nigth:Nightly", 'must name a class that can be imported, as "module:Name"; looked for'),
        ("night:Nightli", 'must name a class that can be imported.*did you mean "Nightly"'),
        ("night:", "night has no empty name"),
        ("night:AtNight", r"derived from sim\.scenario\.language\.ownscheme\.OwnScheme"),
        ("night:Field", "derived from"),
        ("night.Nightly", 'a class is named with a colon: "night:Nightly"'),
        ("imediate", 'did you mean "immediate"'),
        ("broken:Any", r"SyntaxError: .*broken\.py, line 1"),
        ("buggy:Any", r"NameError: name 'nothing' is not defined \(.*buggy\.py, line 2\)"),
        ("needy:Any", "needy imports not_there, which is not there"),
    ],
)
def test_what_cannot_be_had_is_a_problem_with_a_place(night: Path, kind: str, told: str) -> None:
    (night / "broken.py").write_text("class")
    (night / "buggy.py").write_text("import os\nnothing()\n")
    (night / "needy.py").write_text("import not_there\n")
    with pytest.raises(ScenarioError, match=told) as caught:
        small(named(kind))
    assert [getattr(problem, "path", "") for problem in caught.value.problems] == [
        "schemes[0].kind"
    ]


@pytest.mark.usefixtures("night")
def test_a_primitive_that_cannot_be_had_is_told_at_its_slot() -> None:
    for slot, kind, told in (
        ("hold", "night:WithKind", "without a field kind of its own"),
        ("delete", "night:Trusting", r"derived from sim\.scenario\.language\.primitives\.Deletes"),
    ):
        with pytest.raises(ScenarioError, match=rf"schemes\[0\]\.{slot}.*{told}"):
            small(composed(**{slot: kind}))
    wrong = {"kind": "night:AtNight", "dealy": "3h"}
    with pytest.raises(ScenarioError, match='dealy.*be a known key; did you mean "delay"'):
        small(composed(delete=wrong))
    with pytest.raises(ScenarioError, match=r"delete\.delay='3' must be a duration"):
        small(composed(delete={"kind": "night:AtNight", "delay": "3"}))


@pytest.mark.usefixtures("night")
def test_slots_that_do_not_go_together_are_told_at_the_name() -> None:
    # A mark that nobody looks at.
    with pytest.raises(
        ScenarioError, match='kind=.night:Clumsy. must have a record, "mark", to go'
    ):
        small(named("night:Clumsy"))


def install(night: Path, points: str) -> None:
    """Install what a package says that gives classes short names."""
    info = night / "nightly-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[consistency_sim.schemes]\n{points}")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nightly\nVersion: 1\n")
    sys.path.insert(0, str(night))


def test_what_packages_bring_is_listed_and_not_imported(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["presets"]) == 0
    before = capsys.readouterr().out
    install(night, "nightly = night:Nightly\nS3 = night:Nightly\n")
    assert main(["presets"]) == 0
    # What is shipped keeps its name.
    listed = capsys.readouterr().out
    assert listed.startswith(before)
    line = listed.removeprefix(before).split(maxsplit=1)
    assert line == ["nightly", "night:Nightly, of the installed package nightly 1\n"]
    assert main(["presets", "nightly"]) == 0
    assert 'kind = "nightly"\n' in capsys.readouterr().out
    assert main(["presets", "nightly", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "nightly",
        "place": "night:Nightly",
        "package": "nightly 1",
    }
    assert "night" not in sys.modules


def test_an_installed_package_gives_it_a_short_name(night: Path) -> None:
    install(night, "nightly = night:Nightly\nat-night = night:AtNight\n")
    scenario = small(named("nightly"), composed(delete="at-night"))
    assert [s.kind for s in scenario.schemes] == ["nightly", "composed"]
    assert simulate(scenario, 0, 0).records == simulate(small(named("night:Nightly")), 0, 0).records
    assert sim.load(to_toml(scenario)) == scenario
    with pytest.raises(ScenarioError, match='did you mean "nightly"'):
        small(named("nightli"))


def test_nothing_is_found_beside_the_scenario_unless_one_is_there(
    night: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (night / "s.toml").write_text(to_toml(small(named("night:Nightly"))))
    assert sim.load(night / "s.toml").schemes[0].kind == "night:Nightly"
    (night / "elsewhere").mkdir()
    monkeypatch.chdir(night / "elsewhere")
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(night)])
    del sys.modules["night"]
    with pytest.raises(ScenarioError, match="in PYTHONPATH and in the current folder"):
        sim.load(night / "s.toml")


def test_finished_trials_depend_on_the_code(night: Path) -> None:
    scenario = small(named("night:Nightly"))
    assert authors_digest(small(named("immediate"))) == ""
    (night / "helper.py").write_text("X = 1\n")
    (night / "nobody.py").write_text("X = 1\n")
    (night / "night.py").write_text(f"import helper\n{NIGHT}")
    assert [path.name for path in files_of("night")] == ["helper.py", "night.py"]

    def key() -> str:
        authors._digest.cache_clear()
        return key_of(scenario, mode="exact", check=False)

    first = key()
    (night / "nobody.py").write_text("X = 2\n")
    assert key() == first
    (night / "helper.py").write_text("X = 2\n")
    assert key() != first


def test_all_of_a_package_counts(night: Path) -> None:
    package = night / "pack" / "inner"
    package.mkdir(parents=True)
    (night / "pack" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("from night import AtNight\n")
    (package / "aside.py").write_text("")
    scenario = small(composed(delete="pack.inner:AtNight"))
    assert scenario.schemes[0].composed.delete.kind == "pack.inner:AtNight"
    assert {os.path.relpath(path, night) for path in files_of("pack.inner")} == {
        "night.py",
        *(f"pack/{name}" for name in ("__init__.py", "inner/__init__.py", "inner/aside.py")),
    }


def test_commands_take_it(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = {"name": "own", "trials": 1}
    scenario = small(named("night:Nightly", delete_delay="5h"), **tables)
    (night / "own.toml").write_text(to_toml(scenario))
    run = ["run", "own.toml", "--workers", "1", "--resume", "kept"]
    assert main(run) in (0, 3)
    said = capsys.readouterr()
    assert "again   sim run own.toml" in said.out
    assert main(run) in (0, 3)
    again = capsys.readouterr()
    assert "1 of 1 trials were there already" in again.err
    assert [line for line in said.out.splitlines() if "digest" in line] == [
        line for line in again.out.splitlines() if "digest" in line
    ]
    knob = "schemes.mine.delete_delay=1m,5h"
    sweep = ["sweep", "own.toml", "--vary", knob, "--workers", "1", "--cells", "cells"]
    assert main(sweep) in (0, 3)
    assert "1m" in capsys.readouterr().out
    assert main(["check", "own.toml", "--rules"]) == 1
    assert "what night:AtNight does is not known to rules" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_bug_of_the_author_is_told_as_theirs(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (night / "own.toml").write_text(to_toml(small(composed(hold="night:Broken"), trials=1)))
    assert main(["run", "own.toml", "--workers", "1"]) == 3
    said = capsys.readouterr().err
    assert "AttributeError: 'list' object has no attribute 'nothing'" in said
    assert f"this is a fault of {night / 'night.py'}" in said


@pytest.mark.usefixtures("night")
def test_the_matrix_takes_it() -> None:
    schemes = {"mine": {"kind": "night:AsThanos", "delete_delay": "48h"}}
    found = sim.matrix(schemes, ["F-a1"], trials=1)
    assert repr(found) == "f-a1-delete-at-once: mine 0"
    assert found.value[0].is_proven
    assert found.to_frame()["mode"].tolist() == ["F-a1"]
    with pytest.raises(ValueError, match="no scenario shows F-z9"):
        sim.matrix(schemes, ["F-z9"])
