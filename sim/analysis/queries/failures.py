"""The rows of what fails the answers to queries, and of what queries meet."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import Ints

__all__ = ["Failures", "Met"]


class Met(NamedTuple):
    """Uses of loads that meet something; a row is one meeting.

    ``object`` is what is absent, -1 where the gateway goes down; ``replica`` is the one that a read
    would have to draw, -1 where all reads go to one. A query meets it if it arrives in [start,
    end) and reads on until ``absent_us``.
    """

    load: Ints
    object: Ints
    replica: Ints
    start_us: Ints
    end_us: Ints
    absent_us: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Rows (n,): a read of ``unit`` fails at ``gateway`` for queries of ``stream``.

    It does so for arrivals in [start_us, end_us) whose reading has not ended before
    ``absent_us``: t + takes >= absent_us. ``replica`` is the replica that must be read for it,
    -1 if the gateway reads only one; ``unit`` numbers (gateway, block, object). ``object`` is -1
    where the gateway goes down, or where no gateway has a block that the querier demands; its
    number comes after those of the gateways. ``lost`` is the gateway whose answer fails, or
    ``WARNING``, or ``SILENCE``.
    """

    stream: Ints
    gateway: Ints
    lost: Ints
    unit: Ints
    load: Ints
    block: Ints
    object: Ints
    replica: Ints
    start_us: Ints
    end_us: Ints
    absent_us: Ints

    def beside(self, others: "Failures") -> "Failures":
        """These rows and those of others."""
        columns = (f.name for f in fields(Failures))
        return Failures(
            **{c: np.concatenate([getattr(self, c), getattr(others, c)]) for c in columns}
        )

    def where(self, keep: npt.NDArray[np.bool_]) -> "Failures":
        """Some of the rows."""
        return Failures(**{f.name: getattr(self, f.name)[keep] for f in fields(Failures)})

    def during(self, takes_us: int) -> tuple[Ints, Ints]:
        """Per row, the arrivals [start, end) of queries that take ``takes_us``; may be empty."""
        return np.maximum(self.start_us, self.absent_us - takes_us), self.end_us
