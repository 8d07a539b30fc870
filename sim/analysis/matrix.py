"""What is seen of a failure mode under a scheme: rows, cells and prices of the matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sim.analysis.expect import Verdict

__all__ = ["Cell", "Price", "Row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One failure mode in one setting.

    Attributes
    ----------
    path : Path
        The scenario.
    mode : str
        Name of the failure mode, such as ``"F-a1"``.
    summary : str
        What the scenario shows.
    symptoms : tuple of str
        Outcomes, observations and measures by which one sees it.
    least : mapping
        By measure, from where on one sees it, as in ``at_least``.
    """

    path: Path
    mode: str
    summary: str
    symptoms: tuple[str, ...]
    least: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is seen of a failure mode under a scheme.

    Attributes
    ----------
    row : Row
    scheme : str
        Name of the preset.
    verdict : Verdict
        Of *never* (of a measure: of less than ``least``): valid, invalid, or unknown where nothing
        was tried that could have shown it.
    amount : float
        Of what was seen most of: the fraction of queries, how often in a trial, or the measure; 0
        if nothing was; nan if unknown.
    symptom : str
        What ``amount`` is of.
    high : float
        Upper end of the interval of a fraction or measure, nan of a count.
    is_proven : bool
        Whether rules prove that nothing is seen, rather than trials.
    reason : str
        What was tried, or why it is unknown.
    """

    row: Row
    scheme: str
    verdict: Verdict
    amount: float
    symptom: str
    high: float
    is_proven: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a scheme costs in a world where nothing goes wrong, mean over trials."""

    scheme: str
    garbage_bytes: float
    requests_per_day: float
