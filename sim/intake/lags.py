"""Lags that somebody measured, as a law of a scenario, and how sure they are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sim.core.productlimit import ProductLimit, QuantileBand, product_limit
from sim.core.units import format_duration
from sim.errors import Problem
from sim.intake.facts import Fact
from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.inputs import Reading
from sim.scenario.laws.observed import read_durations

__all__ = ["DEFAULT_KEY", "LAG_KEYS", "MeasuredLags", "read_lags"]

LAG_KEYS: Final = (
    *(
        f"store.lag.{kind}.{plane}"
        for kind in ("create", "overwrite", "delete")
        for plane in ("get", "list")
    ),
    "gateways.sync_takes",
    "compactor.sync_takes",
    "producers.upload_takes",
)
"""Keys that measured durations may be of."""

DEFAULT_KEY: Final = "store.lag.create.list"
"""What lags are of if nobody says: from an upload until a listing shows it."""

_SHARES: Final = (0.5, 0.9, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class MeasuredLags:
    """The durations of one file.

    Attributes
    ----------
    fact : Fact
        The key, and the law that reads the file.
    lines : tuple of str
        How many they are, and their quantiles with intervals of 95 %.
    """

    fact: Fact
    lines: tuple[str, ...]


def read_lags(
    texts: Sequence[str], folder: Path, at_most_us: int | None, *, allow_outside: bool
) -> tuple[list[MeasuredLags], list[Problem]]:
    """Read files of measured durations.

    Parameters
    ----------
    texts : sequence of str
        Each is a file, or a key of `LAG_KEYS`, an equals sign and a file; files as seen from the
        current directory.
    folder : Path
        Where the scenario will stand.
    at_most_us : int or None
        How long the longest are at most, µs, where nobody has seen them end.
    allow_outside : bool
        Whether files may be outside of the folder.

    Returns
    -------
    list of MeasuredLags, list of Problem
        As many as files, less those that are wrong; and all that is wrong.
    """
    found: list[MeasuredLags] = []
    problems: list[Problem] = []
    for text in texts:
        key, equals, file = text.partition("=")
        key, file = (key, file) if equals else (DEFAULT_KEY, text)
        wrong = _wrong_key(key, [lags.fact.key for lags in found])
        if wrong is not None:
            problems.append(wrong)
            continue
        try:
            found.append(_measured(key, file, folder, at_most_us, allow_outside=allow_outside))
        except ValueError as error:
            problems.append(Problem("--lags", file, str(error)))
    return found, problems


def _wrong_key(key: str, earlier: Sequence[str]) -> Problem | None:
    if key not in LAG_KEYS:
        return Problem("--lags", key, one_of(LAG_KEYS), hint=did_you_mean(key, LAG_KEYS))
    return Problem("--lags", key, "be given once") if key in earlier else None


def _measured(
    key: str, file: str, folder: Path, at_most_us: int | None, *, allow_outside: bool
) -> MeasuredLags:
    """Read one file; raises ValueError with the rule that it breaks."""
    # Where the scenario will look for it.
    path = os.path.relpath(file, folder)
    observed = read_durations(path, Reading(folder=folder, allow_outside=allow_outside))
    limit = product_limit(observed.durations_us, observed.is_censored)
    n_censored = sum(observed.is_censored)
    law: dict[str, Any] = {"law": "empirical", "file": path}
    said = f"{len(observed.durations_us)} measured, {n_censored} of them were not over"
    if limit.beyond:
        last_us = limit.values_us[-1] if limit.values_us else 0
        longer = f"{100 * limit.beyond:.3g} % are longer than {format_duration(last_us)}"
        if at_most_us is None:
            raise ValueError(
                f"have a longest duration that is over, or go with --at-most: {longer}, nobody "
                "knows by how much"
            )
        law["at_most"] = format_duration(at_most_us)
        said += f"; {longer}, nobody knows by how much: at most {law['at_most']}, assumed"
    lines = tuple(_line(share, limit) for share in _SHARES)
    return MeasuredLags(Fact(key, law, f"{file}: {said}"), lines)


def _line(share: float, limit: ProductLimit) -> str:
    band: QuantileBand = limit.quantile(share)
    value, low, high = (
        "not known" if us is None else format_duration(us)
        for us in (band.value_us, band.low_us, band.high_us)
    )
    return f"{100 * share:g} % are up to {value} (95 % interval: {low} to {high})"
