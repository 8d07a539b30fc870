"""A failing example as a scenario file, in the report of the failure and on disk."""

from pathlib import Path
from typing import Final

from hypothesis import note

from sim.atomic import whole_file
from sim.scenario.dump import brief_toml
from sim.scenario.schema import Scenario

__all__ = ["KEPT", "keep", "noted"]

KEPT: Final = Path(".hypothesis", "scenarios")
"""Where failing examples are kept, below the current folder."""


def keep(scenario: Scenario, folder: Path = KEPT) -> Path:
    """Write a scenario as a file that ``sim run`` takes, and return its path.

    Equal scenarios have one file. What is as by default is left out.
    """
    path = folder / f"{scenario.digest[:12]}.toml"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(brief_toml(scenario))
    return path


def noted(scenario: Scenario) -> Scenario:
    """Have the report of a failing example show a scenario, and where it is kept; return it."""
    note(_Kept(scenario))
    return scenario


class _Kept:
    """Is only written out when Hypothesis shows it, which it does for the smallest example."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def __repr__(self) -> str:
        text = brief_toml(self._scenario)
        try:
            path = keep(self._scenario)
        except OSError as error:
            return f"{text}# not kept: {error}"
        return f"{text}# sim run {path.as_posix()}"
