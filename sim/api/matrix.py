"""A scheme against every failure mode that a shipped scenario shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.api.shown import MatrixResult
from sim.scenario.presets import SchemePreset, scheme_presets
from sim.scenario.shipped import shipped
from sim.study.matrix import cells, rows

__all__ = ["matrix"]


def matrix(
    schemes: Mapping[str, Mapping[str, Any]],
    modes: Sequence[str] | None = None,
    *,
    trials: int = 2,
    workers: int | None = 1,
) -> MatrixResult:
    """Ask schemes what the shipped scenarios show of each failure mode, and see what of it is left.

    Parameters
    ----------
    schemes : Mapping
        Tables of ``[[schemes]]`` by name: ``{"night": {"kind": "night:Nightly"}}``, or of one that
        is shipped, ``{"S3": {"preset": "S3"}}``.
    modes : sequence of str or None
        Failure modes, such as ``"F-a1"``; None takes all, which takes minutes.
    trials : int
        Of each cell, at most as many as the scenario has.
    workers
        As for :func:`run`.

    Raises
    ------
    ValueError
        If there is no scenario of a mode.

    Examples
    --------
    >>> print(matrix({"S3": {"preset": "S3"}}, ["F-a1"], trials=1))
    f-a1-delete-at-once: S3 0
    """
    paths = [path for path in shipped().values() if path.parent.name == "thanos"]
    if modes is not None:
        known = {
            mode: [p for p in paths if p.stem.startswith(f"{mode.lower()}-")] for mode in modes
        }
        unknown = [mode for mode, found in known.items() if not found]
        if unknown:
            raise ValueError(f"no scenario shows {', '.join(unknown)}")
        paths = [path for found in known.values() for path in found]
    asked = [_preset(name, table) for name, table in schemes.items()]
    return MatrixResult(cells(rows(paths), asked, trials=trials, workers=workers))


def _preset(name: str, table: Mapping[str, Any]) -> SchemePreset:
    if table.keys() == {"preset"} and name == table["preset"]:
        return scheme_presets()[name]
    return SchemePreset(name=name, summary="", source="", weak_spots="", scheme=table)
