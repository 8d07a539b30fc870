"""Notes what would be too many records: requests to the store, syncs, passes of the deleter."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import TypeVar

from sim.core.arrays import Ints
from sim.trace.records import REQUEST_KINDS, PassesRecord, RequestsRecord, SyncsRecord

LIST_PAGE = 1000
"""Keys per page of a LIST (Amazon S3 ListObjectsV2, max-keys)."""

N = TypeVar("N", int, Ints)

_Sync = tuple[int, int, str, int, int]
"""When a view was taken, by which gateway (-1: none) and who, when it was listed, how much."""


def pages(n_entries: N) -> N:
    """How many pages a listing has (an empty one is one page); of many, pages of each."""
    return 1 + n_entries // LIST_PAGE


class Tally:
    """Requests by kind, from the end of the warm-up on; syncs and passes, from the start."""

    def __init__(self, *, warmup_us: int) -> None:
        self._warmup_us = warmup_us
        self._counts = dict.fromkeys(REQUEST_KINDS, 0)
        self._of_writers: list[_Sync] = []
        self._of_gateways: list[_Sync] = []
        self._passes: list[tuple[int, int, int]] = []
        self._learnt: list[tuple[int, int]] = []

    def count(self, kind: str, t_us: int, n: int = 1) -> None:
        """Add ``n`` requests of ``kind`` sent at ``t_us``."""
        if t_us >= self._warmup_us:
            self._counts[kind] += n

    def count_each(self, kind: str, ticks: range, n: int) -> None:
        """Add ``n`` requests of ``kind`` sent at each of some instants."""
        before = len(range(ticks.start, min(self._warmup_us, ticks.stop), ticks.step))
        self._counts[kind] += n * (len(ticks) - before)

    def list(self, t_us: int, n_entries: int) -> None:
        """Add the pages of one listing of ``n_entries``."""
        self.count("list", t_us, pages(n_entries))

    def sync(
        self, actor: str, t_us: int, list_us: int, n_blocks: int, *, gateway: int = -1
    ) -> None:
        """A sync that takes its view at ``t_us`` has listed ``n_blocks`` blocks at ``list_us``."""
        noted = self._of_writers if gateway < 0 else self._of_gateways
        noted.append((t_us, gateway, actor, list_us, n_blocks))

    def look(self, t_us: int, learnt: Sequence[tuple[int, int]]) -> None:
        """Whoever deletes looks for what is due; ``learnt``: blocks and stamps that are new."""
        self._learnt += learnt
        self._passes.append((t_us, len(self._of_writers), len(self._learnt)))

    def sync_each(self, actor: str, ticks: range, n_blocks: int, *, gateway: int) -> None:
        """Add syncs of a gateway that list the same, each at once."""
        self._of_gateways += [(t_us, gateway, actor, t_us, n_blocks) for t_us in ticks]

    def pass_each(
        self, actor: str, ticks: range, n_blocks: int, *, syncs: int, looks: bool
    ) -> None:
        """Add passes that take no time and learn nothing: so many syncs, a look after the first."""
        if looks:
            first, known = len(self._of_writers) + 1, len(self._learnt)
            self._passes += [(t, first + i * syncs, known) for i, t in enumerate(ticks)]
        for t_us in ticks:
            self._of_writers += [(t_us, -1, actor, t_us, n_blocks)] * syncs

    def records(self, t_us: int) -> tuple[SyncsRecord, PassesRecord, RequestsRecord]:
        """The records of all that was noted."""
        # Gateways at one instant have no order, and come after those who delete.
        syncs = sorted((*self._of_writers, *self._of_gateways), key=itemgetter(0, 1))
        of_gateways_us = sorted(map(itemgetter(0), self._of_gateways))
        actors = tuple(dict.fromkeys(sync[2] for sync in syncs))
        number = {actor: i for i, actor in enumerate(actors)}
        passes = [(t, n + bisect_left(of_gateways_us, t), m) for t, n, m in self._passes]
        at_us, before, known = zip(*passes, strict=True) if passes else ((), (), ())
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
