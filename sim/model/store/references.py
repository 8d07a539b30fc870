"""What referrers have committed and begun, as the store tells it (``SEMANTICS.md`` R3, R4, R8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sim.model.store.bucket_objects import BucketObject
from sim.model.store.client import Client

__all__ = ["Begun", "Committed", "begun", "begun_of", "committed", "object_of"]

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Begun:
    """What a session tells of itself when it begins, where it does.

    Attributes
    ----------
    begun_us : int
        When that was.
    touched_us : Mapping
        By ordinal of a block, when a session of this referrer last found it.
    """

    begun_us: int
    touched_us: Mapping[int, int]


def object_of(client: Client, number: int) -> BucketObject[Committed]:
    """The object of the bucket in which a referrer, from 0, commits."""
    return client.store.own(f"references-{number}.json")


def committed(client: Client, n_referrers: int, t_us: int) -> dict[int, Committed]:
    """What GETs of the objects of all referrers find at ``t_us``; may raise RequestFailed."""
    return _told(client, [object_of(client, n) for n in range(n_referrers)], t_us)


def begun_of(client: Client, number: int) -> BucketObject[Begun]:
    """The object of the bucket in which a referrer, from 0, tells of sessions that begin."""
    return client.store.own(f"session-{number}.json")


def begun(client: Client, n_referrers: int, t_us: int) -> dict[int, Begun]:
    """What GETs of these objects find at ``t_us``, by number; may raise RequestFailed."""
    return _told(client, [begun_of(client, n) for n in range(n_referrers)], t_us)


def _told(client: Client, objects: Sequence[BucketObject[T]], t_us: int) -> dict[int, T]:
    """What is in those of the objects that GETs find, by their position."""
    found = {}
    for number, own in enumerate(objects):
        client.tally.count("get", t_us)
        content = client.get_own(own, t_us)
        if content is not None:
            found[number] = content
    return found
