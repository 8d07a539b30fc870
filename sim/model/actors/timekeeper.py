"""Whether a job's clock is that of the store, as kopia finds out (``SEMANTICS.md`` C19)."""

from sim.core.units import format_duration
from sim.model.store.bucket_objects import BucketObject
from sim.model.store.client import Client


class SkewSeen(Exception):
    """The store's clock seems to be another; ``args`` are "clock" and how far they are apart."""


def check_clock(client: Client, guard_us: int, t_us: int) -> None:
    """Write an object, ask when it was last modified, and compare that with one's own clock.

    Parameters
    ----------
    client : Client
        Of the job.
    guard_us : int
        How far the clocks may be apart.
    t_us : int
        Now.

    Raises
    ------
    SkewSeen
        If they seem to be further apart, or nothing is found.
    RequestFailed
        If a request failed.
    """
    own: BucketObject[int] = client.store.own(f"clock.{client.name.replace('/', '.')}")
    client.put_own(own, t_us, t_us)
    client.tally.count("head", t_us)
    modified_us = client.get_own(own, t_us, kind="head")
    if modified_us is None:
        raise SkewSeen("clock", "unknown")
    apart_us = abs(client.clock_us(t_us) - modified_us)
    if apart_us > guard_us:
        raise SkewSeen("clock", format_duration(apart_us))
