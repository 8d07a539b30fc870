"""One decision, one draw: a law, and the name of what is decided."""

from collections.abc import Callable, Sequence
from functools import lru_cache

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


class Inverses(dict[Law, Callable[[float], int]]):
    """Ways to draw from laws often, made when they are first asked for."""

    def __missing__(self, law: Law) -> Callable[[float], int]:
        inner = law
        while isinstance(inner, Adjusted):
            inner = inner.law
        self[law] = Steps(law).draw_us if isinstance(inner, Mixture) else law.draw_us
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

    __slots__ = ("_all", "_drawn", "_endings", "_values_us")

    def __init__(
        self, laws: Sequence[Law], endings: Sequence[Identity], inverses: Inverses
    ) -> None:
        drawn = [i for i, law in enumerate(laws) if not law.is_constant]
        self._values_us = [_only_value_us(law) if law.is_constant else 0 for law in laws]
        self._drawn = [(i, inverses[laws[i]]) for i in drawn]
        self._endings = Endings(endings[i] for i in drawn)
        alike = len(drawn) == len(laws) and len(set(laws)) == 1
        self._all = inverses[laws[0]] if alike else None

    def draw_us(self, streams: Streams, *identity: str | int) -> list[int]:
        """The values for decisions whose names begin with ``identity``, each as of `draw_us`."""
        if self._all is not None:
            return list(map(self._all, streams.uniforms(identity, self._endings)))
        values_us = self._values_us.copy()
        if self._drawn:
            uniforms = streams.uniforms(identity, self._endings)
            for (i, draw), uniform in zip(self._drawn, uniforms, strict=True):
                values_us[i] = draw(uniform)
        return values_us
