"""What referrers have committed, as the store tells it (``SEMANTICS.md`` R3, R4)."""

from dataclasses import dataclass

from sim.model.store.bucket_objects import BucketObject
from sim.model.store.client import Client

__all__ = ["Committed", "committed", "object_of"]


@dataclass(frozen=True, slots=True)
class Committed:
    """The object of one referrer.

    Attributes
    ----------
    blocks : frozenset of int
        Ordinals of all blocks that its sessions referenced again.
    begun_us : int
        When the last session began of those that it has committed.
    """

    blocks: frozenset[int]
    begun_us: int


def object_of(client: Client, number: int) -> BucketObject[Committed]:
    """The object of the bucket in which a referrer, from 0, commits."""
    return client.store.own(f"references-{number}.json")


def committed(client: Client, n_referrers: int, t_us: int) -> list[Committed]:
    """What GETs of the objects of all referrers find at ``t_us``; may raise RequestFailed."""
    found = []
    for number in range(n_referrers):
        client.tally.count("get", t_us)
        told = client.get_own(object_of(client, number), t_us)
        if told is not None:
            found.append(told)
    return found
