"""One decision, one draw: a law, and the name of what is decided."""

from sim.core.law import Law
from sim.core.streams import Streams


def draw_us(law: Law, streams: Streams, *identity: str | int) -> int:
    """The value of ``law`` for the decision called ``identity``, in whole microseconds.

    A constant law needs no draw, and as draws are named and not counted, it makes none.
    """
    if law.is_constant:
        return law.draw_us(0.5)
    return law.draw_us(streams.uniform(*identity))
