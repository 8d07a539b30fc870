"""Draws of a law that is slow to invert, as the steps that whole microseconds make of it.

What a uniform draws rises with it, and is a whole number: to know between which two values of the
distribution function a uniform lies is to know the draw. The steps that draws have asked for are
kept, so that most draws of a law that has been drawn from often are found in a table; the others
are sought between the nearest two that are known. A law that goes on being drawn from gets all of
its steps but for those of the tail, where they are few enough.

Whatever is too near to a step for rounding to be beyond doubt is left to the law itself: so a draw
never depends on which steps are known, and is the law's own to the bit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import sqrt
from typing import Final

import numpy as np

from sim.core.law import Law

__all__ = ["Steps"]

_NEAR_0: Final = 2.0**-30
_NEAR_1: Final = 1.0 - 2.0**-30
_DOUBT: Final = 2.0**-44
"""Far more than what rounding does to a distribution function."""
_WIDTH_US: Final = 2.0**-18
_WIDTH_RATIO: Final = 2.0**-37
"""Several steps of the lattice of ``sim.core.lattice``, below and above a second."""
_FARTHEST_US: Final = 2**32
_MOST: Final = 2**16
"""Steps that are kept; what more would need is not."""
_MANY: Final = 2**9
"""Steps that were asked for one by one, before all of them are worked out together."""
_BODY: Final = 0.999
"""How much of a law these are for."""


class Steps:
    """The whole microseconds that a law draws.

    Parameters
    ----------
    law : Law
        Any; one that is quick to invert by itself gains nothing.
    """

    __slots__ = ("_above", "_below", "_has_tried_all", "_last", "_law", "_us")

    def __init__(self, law: Law) -> None:
        self._law = law
        self._has_tried_all = False
        # Uniforms in (above[i - 1], below[i]] draw more than us[i - 1], and no more than us[i].
        self._us = [-1]
        self._below = [-1.0]
        self._above = [0.0]
        last_us = min(law.draw_us(_NEAR_1) + 1, _FARTHEST_US)
        self._keep(1, last_us, *self._step(last_us))
        self._last = min(self._below[1], _NEAR_1)

    def draw_us(self, u: float) -> int:
        """Return the ``draw_us`` of the law; raises as it does."""
        if len(self._us) >= _MANY and not self._has_tried_all:
            self._has_tried_all = True
            self._keep_all()
        i = bisect_left(self._below, u)
        if _NEAR_0 < u <= self._last and self._above[i - 1] < u:
            us = self._us[i]
            return us if us - self._us[i - 1] == 1 else self._between(u, i)
        return self._law.draw_us(u)

    def draw_each_us(self, uniforms: Sequence[float]) -> list[int]:
        """Return `draw_us` of each of some uniforms."""
        us, below, above, last = self._us, self._below, self._above, self._last
        drawn_us = []
        for u in uniforms:
            i = bisect_left(below, u)
            # What most draws find, written out.
            if _NEAR_0 < u <= last and above[i - 1] < u and us[i] - us[i - 1] == 1:
                drawn_us.append(us[i])
            else:
                drawn_us.append(self.draw_us(u))
        return drawn_us

    def _between(self, u: float, i: int) -> int:
        """Return what a uniform draws between two known steps that are not neighbours."""
        low_us, high_us = self._us[i - 1], self._us[i]
        low, high = self._above[i - 1], self._below[i]
        turns = 0
        while high_us - low_us > 1:
            turns += 1
            if turns % 3:
                middle_us = low_us + int((u - low) / (high - low) * (high_us - low_us))
            else:
                # A chord crawls where the function is not nearly straight, as in heavy tails.
                middle_us = int(sqrt((low_us + 2) * high_us))
            middle_us = min(max(middle_us, low_us + 1), high_us - 1)
            below, above = self._step(middle_us)
            is_kept = len(self._us) < _MOST
            if is_kept:
                self._keep(i, middle_us, below, above)
            if u <= below:
                high_us, high = middle_us, below
            elif above < u:
                low_us, low = middle_us, above
                i += is_kept
            else:
                return self._law.draw_us(u)
        return high_us

    def _step(self, us: int) -> tuple[float, float]:
        """Return up to where uniforms surely draw `us` or less, and from where on surely more."""
        edge_us = us + 0.5
        width_us = max(_WIDTH_US, edge_us * _WIDTH_RATIO)
        cdf = self._law.cdf
        return cdf(edge_us - width_us) - _DOUBT, cdf(edge_us + width_us) + _DOUBT

    def _keep_all(self) -> None:
        """Work out every step below the tail, if that is not too many."""
        end_us = self._law.draw_us(_BODY)
        if not len(self._us) < end_us < _MOST - len(self._us):
            return
        edges_us = np.arange(end_us + 1) + 0.5
        widths_us = np.maximum(_WIDTH_US, edges_us * _WIDTH_RATIO)
        tail = bisect_right(self._us, end_us)
        below = self._law.cdf_many(edges_us - widths_us) - _DOUBT
        above = self._law.cdf_many(edges_us + widths_us) + _DOUBT
        self._us[1:tail] = range(end_us + 1)
        self._below[1:tail] = below.tolist()
        self._above[1:tail] = above.tolist()

    def _keep(self, i: int, us: int, below: float, above: float) -> None:
        self._us.insert(i, us)
        self._below.insert(i, below)
        self._above.insert(i, above)
