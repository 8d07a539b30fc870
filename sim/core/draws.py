"""One decision, one draw: a law, and the name of what is decided."""

from functools import lru_cache

from sim.core.law import Law
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
