"""What the page of a system says of writers that reference again what is being collected."""

import math
from typing import TYPE_CHECKING, Final

from sim.analysis.estimators import Interval

if TYPE_CHECKING:
    from sim.analysis.results import SchemeResult

__all__ = ["HEADS", "WHAT_DANGLES", "compared", "lost", "references", "share_of_lost"]

HEADS: Final = ("system", "dangling", "incident or limit", "dangling")

WHAT_DANGLES: Final = (
    "In stores of content it is writers that lose something: they find content, do not upload it, "
    "and commit a reference to it when it is gone. References that dangle, of all that were made "
    "to content that nothing else referenced any more:"
)


def compared(own: "SchemeResult", other: "SchemeResult") -> tuple[str, str, str]:
    """How many references dangle by default, and with other settings."""
    return references(own), other.name, references(other)


def references(scheme: "SchemeResult") -> str:
    """References that dangle, of all."""
    return f"{lost(scheme)} of {_made(scheme)}"


def lost(scheme: "SchemeResult") -> int:
    """References that dangle, of all trials."""
    return _counted(scheme, "dangling-reference")


def share_of_lost(scheme: "SchemeResult") -> Interval:
    """The share of references that dangle; how sure that is, nobody works out."""
    made = _made(scheme)
    share = lost(scheme) / made if made else math.nan
    return Interval(fraction=share, low=math.nan, high=math.nan, method="none")


def _made(scheme: "SchemeResult") -> int:
    return _counted(scheme, "re-references")


def _counted(scheme: "SchemeResult", name: str) -> int:
    return sum(int(trial.counts[name]) for trial in scheme.trials)
