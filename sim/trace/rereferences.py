"""What is recorded of sessions that reference again (`sim.trace.records`)."""

from typing import NamedTuple


class ReferenceRecord(NamedTuple):
    """``referrer`` committed a session that references the block, which it found there.

    ``begun_us``: when the session began, and looked.
    """

    t_us: int
    block: int
    referrer: int
    begun_us: int
