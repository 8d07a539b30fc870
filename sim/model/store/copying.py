"""What of a bucket is copied to other buckets, and how long it waits (``SEMANTICS.md`` S10)."""

from typing import Final

from sim.core.units import US_PER_S
from sim.scenario.language.store import Replication

_MARK: Final = "/deletion-mark.json"
_CHUNKS: Final = "/chunks/"


class Copying:
    """The changes that are to be copied, one after the other."""

    def __init__(self, spec: Replication) -> None:
        self._leaves_out = spec.leaves_out
        self._bytes_per_s = spec.bandwidth_bytes
        self._now_us = 0
        self._free_us = 0
        self._work_us: dict[int, int] = {}

    def omits(self, key: str, kind: str) -> bool:
        """Whether a change of a key is never copied; ``kind`` as of `Visibility`."""
        if kind == "delete" and "deletes" in self._leaves_out:
            return True
        return "marks" in self._leaves_out and key.endswith(_MARK)

    def wait_us(self, key: str, kind: str, *, stream: int, now_us: int, chunk_bytes: int) -> int:
        """How long after now a change that is acknowledged now has been sent, in µs.

        Of changes of other streams that are acknowledged at the same instant it waits for none:
        they have no order.
        """
        if self._bytes_per_s is None:
            return 0
        if now_us > self._now_us:
            self._free_us = max(self._free_us, self._now_us) + sum(self._work_us.values())
            self._now_us = now_us
            self._work_us.clear()
        size_bytes = chunk_bytes if kind != "delete" and _CHUNKS in key else 0
        own_us = self._work_us.get(stream, 0) + size_bytes * US_PER_S // self._bytes_per_s
        self._work_us[stream] = own_us
        return max(0, self._free_us - now_us) + own_us
