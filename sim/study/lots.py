"""Numbers for a search, and phases by lot: just before and after what happened, or anywhere."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from sim.core.streams import Streams

if TYPE_CHECKING:
    from sim.core.streams import Identity
    from sim.scenario.schema import Scenario
    from sim.study.steering import Played

__all__ = ["LAST", "Lots", "is_phase", "phase_at"]

LAST: Final = 1.0 - 2.0**-53
"""The largest uniform there is."""

_Some = TypeVar("_Some")
_GOLDEN: Final = 0.6180339887498949
_ASIDE_US: Final = (-1, 1)
_ANYWHERE: Final = 3


class Lots:
    """Numbers for the search itself, in a row."""

    def __init__(self, number: int = 0) -> None:
        self._stream = Streams(number).stream("attack")
        self._drawn = 0

    def share(self) -> float:
        """The next number in [0, 1)."""
        self._drawn += 1
        return self._stream.at(self._drawn)

    def of(self, some: Sequence[_Some]) -> _Some:
        """One of some."""
        return some[int(self.share() * len(some))]


def is_phase(name: Sequence[str | int]) -> bool:
    """Whether a draw, or a group of them, decides when somebody begins what recurs."""
    return name[-1:] == ("phase",)


def phase_at(
    scenario: "Scenario", name: "Identity", played: "Played", lots: Lots, sequence: int
) -> float:
    """A phase just before or after what happened, or anywhere.

    Parameters
    ----------
    scenario : Scenario
    name : tuple of (str or int)
        Of the draw.
    played : Played
        What happened.
    lots : Lots
    sequence : int
        Which phase of a row it is; those of one in three lie anywhere, evenly.
    """
    spec = scenario.gateways
    interval_us = int(spec.sync_interval.mean) if spec.phase == "uniform" else 0
    if (
        name[0] != "gateway"
        or not interval_us
        or not played.times_us
        or sequence % _ANYWHERE == _ANYWHERE - 1
    ):
        return (sequence * _GOLDEN + lots.share()) % 1.0
    at_us = (lots.of(played.times_us) + lots.of(_ASIDE_US)) % interval_us
    return min((at_us + 0.5) / interval_us, LAST)
