"""When replicas show changes while lags are others or replicas are cut off (F7, F8)."""

from collections.abc import Sequence

from sim.core.laws import Law
from sim.model.faults.effect import Effect


class Lags:
    """What the effects of a run say about lags.

    Parameters
    ----------
    effects : sequence of Effect
        Those that say anything.

    Attributes
    ----------
    are_none : bool
        Whether the store's own lags hold all the time.
    """

    def __init__(self, effects: Sequence[Effect] = ()) -> None:
        self._effects = tuple(effects)
        self.are_none = not effects

    def laws(self, t_us: int, change: str, plane: str, replica: int) -> list[Law]:
        """Laws that a change acknowledged at ``t_us`` has instead of the store's own."""
        found = (e.lag(change, plane, replica) for e in self._effects if e.holds(t_us))
        return [law for law in found if law is not None]

    def cut_off(self, t_us: int, replica: int) -> bool:
        """Whether no change reaches a replica at ``t_us``."""
        return any(e.holds(t_us) and e.cuts_off(replica) for e in self._effects)

    def arrives_us(self, t_us: int, replica: int) -> int:
        """When a replica shows what it would show from ``t_us`` on if it were never cut off."""
        while ends_us := [e.end_us for e in self._effects if e.holds(t_us) and e.cuts_off(replica)]:
            t_us = max(ends_us)
        return t_us
