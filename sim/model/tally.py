"""Notes what would be too many records: requests to the store, syncs, passes of the deleter."""

from collections.abc import Sequence
from operator import itemgetter

from sim.trace.records import REQUEST_KINDS, PassesRecord, RequestsRecord, SyncsRecord

LIST_PAGE = 1000
"""Keys per page of a LIST (Amazon S3 ListObjectsV2, max-keys)."""


class Tally:
    """Requests by kind, from the end of the warm-up on; syncs and passes, from the start."""

    def __init__(self, *, warmup_us: int) -> None:
        self._warmup_us = warmup_us
        self._counts = dict.fromkeys(REQUEST_KINDS, 0)
        self._syncs: list[tuple[int, int, str, int, int]] = []
        self._passes: list[tuple[int, int, int]] = []
        self._learnt: list[tuple[int, int]] = []

    def count(self, kind: str, t_us: int, n: int = 1) -> None:
        """Add ``n`` requests of ``kind`` sent at ``t_us``."""
        if t_us >= self._warmup_us:
            self._counts[kind] += n

    def list(self, t_us: int, n_entries: int) -> None:
        """Add the pages of one listing of ``n_entries`` (an empty listing is one page)."""
        self.count("list", t_us, 1 + n_entries // LIST_PAGE)

    def sync(
        self, actor: str, t_us: int, list_us: int, n_blocks: int, *, gateway: int = -1
    ) -> None:
        """A sync that takes its view at ``t_us`` has listed ``n_blocks`` blocks at ``list_us``."""
        self._syncs.append((t_us, gateway, actor, list_us, n_blocks))

    def look(self, t_us: int, learnt: Sequence[tuple[int, int]]) -> None:
        """Whoever deletes looks for what is due; ``learnt``: blocks and stamps that are new."""
        self._learnt += learnt
        self._passes.append((t_us, len(self._syncs), len(self._learnt)))

    def records(self, t_us: int) -> tuple[SyncsRecord, PassesRecord, RequestsRecord]:
        """The records of all that was noted."""
        # Gateways at one instant have no order, and come after those who delete.
        syncs = sorted(self._syncs, key=itemgetter(0, 1))
        actors = tuple(dict.fromkeys(sync[2] for sync in syncs))
        number = {actor: i for i, actor in enumerate(actors)}
        at_us, before, known = zip(*self._passes, strict=True) if self._passes else ((), (), ())
        learnt, stamps_us = zip(*self._learnt, strict=True) if self._learnt else ((), ())
        return (
            SyncsRecord(
                t_us,
                actors,
                tuple(number[sync[2]] for sync in syncs),
                tuple(sync[3] for sync in syncs),
                tuple(sync[4] for sync in syncs),
            ),
            PassesRecord(t_us, at_us, before, known, learnt, stamps_us),
            RequestsRecord(t_us, tuple(self._counts[kind] for kind in REQUEST_KINDS)),
        )
