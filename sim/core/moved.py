"""Draws near other draws: the step of a chain that walks through all that chance may decide.

Every uniform is seen as a normal number z and becomes c z + √(1 - c²) z', with a new z' of its own;
or only some of them are drawn anew, by lot or from some draw on, and the others stay. That leaves
the law of all draws what it was, whatever their number, and asks for none of them before somebody
does.

Source
------
The preconditioned Crank-Nicolson step: S. L. Cotter, G. O. Roberts, A. M. Stuart, D. White, "MCMC
methods for functions: modifying old algorithms to make them faster", Statistical Science 28, 2013.
"""

import itertools
import math
from collections.abc import Mapping
from statistics import NormalDist
from types import MappingProxyType
from typing import Final

from sim.core.pinned import AskedStreams
from sim.core.streams import Identity

__all__ = ["MovedStreams"]

_NORMAL: Final = NormalDist()
_LEAST: Final = 2.0**-53
_LOTS: Final = 5
_WIDTHS: Final = 4


class MovedStreams(AskedStreams):
    """All draws of one trial, each near that of others.

    Parameters
    ----------
    seed : int
        Of what is new, in [0, 2^128).
    before : MovedStreams or None
        What they are near to; None: nothing, all are new.
    kept : float
        Correlation with those before, as normal numbers, in [0, 1].
    share : float
        Which share of the draws is moved at all, in [0, 1]; the lot of each falls on its own.
    stay : int
        So many of the draws that were asked for first stay as they were.
    pinned : mapping of Identity to float
        Draws that have these values, and those near them as well.
    """

    __slots__ = ("_before", "_count", "_kept", "_new", "_share", "_stay")

    def __init__(
        self,
        seed: int,
        before: "MovedStreams | None" = None,
        kept: float = 0.0,
        share: float = 1.0,
        stay: int = 0,
        *,
        pinned: Mapping[Identity, float] = MappingProxyType({}),
    ) -> None:
        if not (0.0 <= kept <= 1.0 and 0.0 <= share <= 1.0):
            raise ValueError(f"kept={kept!r}, share={share!r} must be in [0, 1]")
        super().__init__(seed, pinned)
        self._before = before
        self._kept = kept
        self._share = share
        self._count: int | None = None
        self._stay = frozenset[Identity]()
        if before is not None and stay:
            self._stay = frozenset(itertools.islice(before.asked, stay))
        self._new = math.sqrt(1.0 - kept * kept)

    @property
    def own_count(self) -> int:
        """How many draws its own run asked for; what others near it ask for comes after that."""
        if self._count is None:
            self._count = len(self.asked)
        return self._count

    def _drawn(self, identity: Identity) -> float:
        before = self._before
        if before is None:
            return super()._drawn(identity)
        if identity in self._stay:
            return before.uniform(*identity)
        if self._share < 1.0 and super()._drawn(("lot", *identity)) >= self._share:
            return before.uniform(*identity)
        own = super()._drawn(identity)
        if not self._kept:
            return own
        return _uniform(self._kept * _normal(before.uniform(*identity)) + self._new * _normal(own))

    def near(self, seed: int, kept: float | None, reach: int) -> "MovedStreams":
        """Return others near these: each draw a little elsewhere, or some further if None is kept.

        Which of them, and how far, is up to the seed: some by lot, or all but the first of at most
        `reach`.
        """
        own = self.own_count
        if kept is not None:
            return MovedStreams(seed, self, kept, pinned=self._pinned)
        rest, lot = divmod(seed, _LOTS)
        rest, halvings = divmod(rest, _WIDTHS)
        kept = math.sqrt(1.0 - 0.25**halvings)
        if lot:
            return MovedStreams(seed, self, kept, 0.25 ** (lot - 1), pinned=self._pinned)
        stay = min(own, rest % (reach + 1))
        return MovedStreams(seed, self, kept, stay=stay, pinned=self._pinned)


def _normal(uniform: float) -> float:
    return _NORMAL.inv_cdf(min(max(uniform, _LEAST), 1.0 - _LEAST))


def _uniform(normal: float) -> float:
    return min(0.5 * math.erfc(-normal / math.sqrt(2.0)), 1.0 - _LEAST)
