"""Scenario files as tests: ``pytest scenarios/`` runs each scheme of each, and judges its [expect].

Installed with the package, and of no cost where there is no scenario file: it imports nothing until
it finds one, and needs no Hypothesis. A file counts as one if it is TOML with ``schema = 1`` and
``[[schemes]]``. ``--no-scenarios`` leaves them out, ``-p no:sim.pytest_plugin`` all of this, and
``--scenario-trials N`` looks at the first trials only. A test fails if an expectation is broken, if
nothing can be concluded, or if the scenario is wrong; it says seed, digest, and the line that
repeats the run.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from sim.analysis.expect import Judgement
    from sim.analysis.results import Result
    from sim.scenario.schema import Scenario

__all__ = ["Broken", "ScenarioFile", "SchemeItem"]

_SCHEMA: Final = re.compile(r"^schema\s*=\s*1\b", re.MULTILINE)
_SCHEMES: Final = re.compile(r"^\[\[schemes\]\]|^schemes\s*=", re.MULTILINE)


@pytest.hookimpl
def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plugin."""
    group = parser.getgroup("scenarios", "scenario files of consistency-sim")
    group.addoption("--no-scenarios", action="store_true", help="collect no scenario files")
    group.addoption(
        "--scenario-trials",
        type=int,
        metavar="N",
        help="run at most N trials of each scheme; by default as many as the file says",
    )


@pytest.hookimpl
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file that is a scenario."""
    if file_path.suffix != ".toml" or parent.config.getoption("no_scenarios"):
        return None
    try:
        text = file_path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    is_scenario = _SCHEMA.search(text) and _SCHEMES.search(text)
    return ScenarioFile.from_parent(parent, path=file_path) if is_scenario else None


class ScenarioFile(pytest.File):
    """A scenario: a test for each of its schemes."""

    def collect(self) -> Iterator["SchemeItem"]:
        """Read it, and give its schemes."""
        from sim.errors import ScenarioError
        from sim.scenario.load import load

        try:
            scenario = load(self.path)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        most = self.config.getoption("scenario_trials")
        if most is not None:
            trials = max(1, min(most, scenario.trials))
            scenario = scenario.model_copy(update={"trials": trials})
        for scheme in scenario.schemes:
            yield SchemeItem.from_parent(self, name=scheme.name, scenario=scenario)


class Broken(Exception):
    """What was expected of a scheme is not so, or nothing can be concluded."""

    def __init__(self, result: "Result", judgements: "tuple[Judgement, ...]") -> None:
        super().__init__(result, judgements)
        self.result = result
        self.judgements = judgements


class SchemeItem(pytest.Item):
    """One scheme of a scenario in all of its trials."""

    def __init__(self, *, scenario: "Scenario", **others: Any) -> None:
        super().__init__(**others)
        self.scenario = scenario

    def runtest(self) -> None:
        """Run and judge it."""
        from sim.analysis.expect import exit_code_of, judge
        from sim.analysis.queries.evaluate import inexact
        from sim.errors import EXIT_HOLDS
        from sim.study.run import Mode, run_scenario

        index = self.scenario.scheme_index(self.name)
        mode: Mode = "sampled" if inexact(self.scenario) else "exact"
        result = run_scenario(self.scenario, schemes=[index], mode=mode)
        judgements = judge(result)
        if exit_code_of(judgements) != EXIT_HOLDS:
            raise Broken(result, judgements)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Say what was not so, and how to see it again; for what else goes wrong, the traceback."""
        if not isinstance(excinfo.value, Broken):
            return super().repr_failure(excinfo, style)
        return "\n".join(self._told(excinfo.value))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Give the file and what the test is called in reports."""
        return self.path, None, f"{self.path.name}: {self.name}"

    def _told(self, broken: Broken) -> Iterator[str]:
        from sim.report.tables import judgement_lines

        result, scenario = broken.result, self.scenario
        yield from (line.plain for line in judgement_lines(broken.judgements))
        yield ""
        yield f"seed    {scenario.seed}, trials {scenario.trials}"
        yield f"digest  {result.digest}"
        try:
            path = self.path.relative_to(Path.cwd())
        except ValueError:
            path = self.path
        words = ["sim", "run", str(path), "--scheme", self.name]
        words += ["--seed", str(scenario.seed), "--trials", str(scenario.trials)]
        words += ["--mode", "sampled"] if result.mode == "sampled" else []
        yield f"again   {shlex.join(words)}"
