"""Counts the requests that components send to the store."""

from sim.trace.records import REQUEST_KINDS, RequestsRecord

LIST_PAGE = 1000
"""Keys per page of a LIST (Amazon S3 ListObjectsV2, max-keys)."""


class Tally:
    """Requests by kind, from the end of the warm-up on."""

    def __init__(self, *, warmup_us: int) -> None:
        self._warmup_us = warmup_us
        self._counts = dict.fromkeys(REQUEST_KINDS, 0)

    def count(self, kind: str, t_us: int, n: int = 1) -> None:
        """Add ``n`` requests of ``kind`` sent at ``t_us``."""
        if t_us >= self._warmup_us:
            self._counts[kind] += n

    def list(self, t_us: int, n_entries: int) -> None:
        """Add the pages of one listing of ``n_entries`` (an empty listing is one page)."""
        self.count("list", t_us, 1 + n_entries // LIST_PAGE)

    def record(self, t_us: int) -> RequestsRecord:
        """The record of all counts."""
        return RequestsRecord(t_us, tuple(self._counts[kind] for kind in REQUEST_KINDS))
