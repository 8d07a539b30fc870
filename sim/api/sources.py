"""Where scenarios come from: paths, texts, mappings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.scenario.dump import to_toml
from sim.scenario.load import build
from sim.scenario.load import load as load_file
from sim.scenario.schema import Scenario

__all__ = ["Source", "load"]

Source = Scenario | Mapping[str, Any] | Path | str
"""A scenario, a mapping with the keys of a file, the path of one, or its text (several lines)."""


def load(source: Source, overrides: Mapping[str, Any] | None = None) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        A string with more than one line is the text of a file, another one its path.
    overrides : Mapping or None
        Values that replace those of the source, by key path.

    Raises
    ------
    ScenarioError
        With every problem at once.
    OSError
        If a file cannot be read.

    Examples
    --------
    >>> load("scenarios/thanos-2022.toml", {"schemes.1.delete_delay": "1h"}).schemes[1].name
    'mark, 48h'
    """
    if isinstance(source, Scenario):
        return load_file(to_toml(source), overrides) if overrides else source
    if isinstance(source, Mapping):
        return build(source, overrides)
    return load_file(source, overrides)
