"""Draws of a trial in which requests of readers are set apart: none fails, or some are made to."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sim.core.streams import Identity, Streams

__all__ = ["CalmStreams", "ForcedStreams", "Request"]


class Request(NamedTuple):
    """A request of a gateway that may fail: who sends it, what decides that, when, how likely."""

    client: str
    decides: Identity
    t_us: int
    chance: float


class _Apart(Streams):
    """Draws of others, but for those that decide whether requests of gateways fail."""

    __slots__ = ("_base", "_pinned")

    def __init__(self, base: Streams, pinned: Mapping[Identity, float]) -> None:
        super().__init__(base.seed)
        self._base = base
        self._pinned = pinned

    def uniform(self, *identity: str | int) -> float:
        """Return what the others do."""
        return self._base.uniform(*identity)

    def happens(self, chance: float, *identity: str | int) -> bool:
        """Whether it happens; of a gateway's request, whether it is said to fail."""
        kind, *about = identity
        client = str(about[0]) if about else ""
        if kind != "error" or not client.startswith("gateway/") or identity in self._pinned:
            return self._base.happens(chance, *identity)
        return chance >= 1.0 or self._fails(Request(client, identity, int(identity[-1]), chance))

    def _fails(self, request: Request) -> bool:
        raise NotImplementedError


class CalmStreams(_Apart):
    """Draws of others, but no request of a gateway fails that might succeed.

    Parameters
    ----------
    base : Streams
        Those others.
    pinned : mapping of Identity to float
        Draws that are decided, and stay what they are.

    Attributes
    ----------
    requests : dict of str to list of Request
        By client, those that might have failed, in the order in which they were sent.
    """

    __slots__ = ("requests",)

    def __init__(self, base: Streams, pinned: Mapping[Identity, float]) -> None:
        super().__init__(base, pinned)
        self.requests: dict[str, list[Request]] = {}

    def _fails(self, request: Request) -> bool:
        self.requests.setdefault(request.client, []).append(request)
        return False


class ForcedStreams(_Apart):
    """Draws of others, but values that decide whether a gateway's request fails are given.

    Parameters
    ----------
    base, pinned
        As for :class:`CalmStreams`.
    given : callable
        The value for a request and the uniform of the others; it fails if that is below its
        chance.

    Attributes
    ----------
    values : dict of Identity to float
        Those given.
    """

    __slots__ = ("_given", "values")

    def __init__(
        self,
        base: Streams,
        pinned: Mapping[Identity, float],
        given: Callable[[Request, float], float],
    ) -> None:
        super().__init__(base, pinned)
        self._given = given
        self.values: dict[Identity, float] = {}

    def _fails(self, request: Request) -> bool:
        value = self.values.get(request.decides)
        if value is None:
            value = self._given(request, self._base.uniform(*request.decides))
            self.values[request.decides] = value
        return value < request.chance
