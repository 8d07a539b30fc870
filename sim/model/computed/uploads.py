"""When producers cut and upload their blocks (``SEMANTICS.md`` P1, P2)."""

from dataclasses import dataclass

import numpy as np

from sim.core.draws import Inverses, Row
from sim.core.streams import Streams
from sim.model.computed.conditions import NotComputableError
from sim.scenario.schema import Producers
from sim.trace.timelines import Ints

__all__ = ["Uploads", "uploads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """Level-1 blocks in the order of their uploads; columns of shape (n_uploads,).

    Attributes
    ----------
    at_us : int64 array
        When each is cut and uploaded, ascending.
    stream, ordinal : int64 arrays
        Which block of which stream it is.
    """

    at_us: Ints
    stream: Ints
    ordinal: Ints

    def at(self, rows: Ints) -> "Uploads":
        """Those at the rows given."""
        return Uploads(at_us=self.at_us[rows], stream=self.stream[rows], ordinal=self.ordinal[rows])


def uploads(spec: Producers, streams: Streams, horizon_us: int) -> Uploads:
    """The uploads of all producers before ``horizon_us``.

    Raises
    ------
    NotComputableError
        If a block is ready before the one before it is uploaded, or the order of two producers at
        one instant depends on more than the instant before.
    """
    length_us, law = spec.block_length_us, spec.upload_after
    n_ends = max(0, -(-horizon_us // length_us) - 1)
    end_us = (1 + np.arange(n_ends)) * length_us
    if law.is_constant:
        ready_us = np.broadcast_to(end_us + law.draw_us(0.5), (spec.count, n_ends))
    else:
        row = Row([law] * n_ends, [(j,) for j in range(n_ends)], Inverses())
        drawn = [row.draw_us(streams, "producer", s, "upload-after") for s in range(spec.count)]
        ready_us = end_us + np.array(drawn, np.int64).reshape(spec.count, n_ends)
    if (np.diff(ready_us, axis=1) <= 0).any():
        raise NotComputableError("a block waits for the one before it")
    before_us = np.concatenate([np.zeros((spec.count, 1), np.int64), ready_us[:, :-1]], axis=1)
    stream, ordinal = np.nonzero(ready_us < horizon_us)
    at_us, since_us = ready_us[stream, ordinal], before_us[stream, ordinal]
    # Producers that act at one instant do so in the order in which they went to sleep.
    order = np.lexsort((stream, since_us, at_us))
    if not law.is_constant and _is_tied(at_us[order], since_us[order]):
        raise NotComputableError("producers act together twice")
    return Uploads(at_us=at_us[order], stream=stream[order], ordinal=ordinal[order])


def _is_tied(at_us: Ints, since_us: Ints) -> bool:
    """Whether two neighbours act at one instant and did so before."""
    alike = (np.diff(at_us) == 0) & (np.diff(since_us) == 0) & (since_us[1:] > 0)
    return bool(alike.any())
