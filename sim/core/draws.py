"""One decision, one draw: a law, and the name of what is decided."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import groupby

from sim.core.composite import Adjusted, Mixture
from sim.core.identities import Endings, Identity
from sim.core.law import Law
from sim.core.steps import Steps
from sim.core.streams import Streams


def draw_us(law: Law, streams: Streams, *identity: str | int) -> int:
    """The value of ``law`` for the decision called ``identity``, in whole microseconds.

    A constant law needs no draw, and as draws are named and not counted, it makes none.
    """
    if law.is_constant:
        return _only_value_us(law)
    return law.draw_us(streams.uniform(*identity))


@lru_cache
def _only_value_us(law: Law) -> int:
    return law.draw_us(0.5)


class Inverses(dict[Law, Callable[[Sequence[float]], list[int]]]):
    """Ways to draw from laws often, made when they are first asked for."""

    def __missing__(self, law: Law) -> Callable[[Sequence[float]], list[int]]:
        inner = law
        while isinstance(inner, Adjusted):
            inner = inner.law
        is_slow = isinstance(inner, Mixture)
        self[law] = Steps(law).draw_each_us if is_slow else law.draw_each_us
        return self[law]


class Row:
    """Decisions whose names begin alike, taken together, and again and again.

    Parameters
    ----------
    laws : sequence of Law
        The law of each.
    endings : sequence of Identity, as many
        How the name of each ends.
    inverses : Inverses
        Shared with other rows of the same laws.
    """

    __slots__ = ("_endings", "_places", "_runs", "_values_us")

    def __init__(
        self, laws: Sequence[Law], endings: Sequence[Identity], inverses: Inverses
    ) -> None:
        self._values_us = [_only_value_us(law) if law.is_constant else 0 for law in laws]
        self._places = [i for i, law in enumerate(laws) if not law.is_constant]
        self._endings = Endings(endings[i] for i in self._places)
        # Neighbours of one law are drawn in one go.
        self._runs = []
        start = 0
        for law, run in groupby(laws[i] for i in self._places):
            stop = start + len(list(run))
            self._runs.append((start, stop, inverses[law]))
            start = stop

    def draw_us(self, streams: Streams, *identity: str | int) -> list[int]:
        """The values for decisions whose names begin with ``identity``, each as of `draw_us`."""
        return self.draw_each_us(streams, (identity,))[0]

    def draw_each_us(self, streams: Streams, identities: Sequence[Identity]) -> list[list[int]]:
        """`draw_us` for each of some identities, in one go."""
        n, values_us = len(self._places), self._values_us
        if not n:
            return [values_us.copy() for _ in identities]
        uniforms: list[float] = []
        for identity in identities:
            uniforms += streams.uniforms(identity, self._endings)
        starts = range(0, n * len(identities), n)
        if len(self._runs) == 1:
            drawn_us = self._runs[0][2](uniforms)
            rows_us = [drawn_us[i : i + n] for i in starts]
        else:
            rows_us = [[] for _ in identities]
            for start, stop, draw_each_us in self._runs:
                size = stop - start
                drawn_us = draw_each_us([u for i in starts for u in uniforms[i + start : i + stop]])
                for k, row_us in enumerate(rows_us):
                    row_us += drawn_us[k * size : (k + 1) * size]
        if n == len(values_us):
            return rows_us
        return [self._among_constants(row_us) for row_us in rows_us]

    def _among_constants(self, drawn_us: list[int]) -> list[int]:
        values_us = self._values_us.copy()
        for i, value_us in zip(self._places, drawn_us, strict=True):
            values_us[i] = value_us
        return values_us
