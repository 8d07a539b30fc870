"""Draws with values that the seed has no say in, and a record of what is drawn."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sim.core.streams import Identity, Streams

__all__ = ["AskedStreams", "PinnedStreams"]


class PinnedStreams(Streams):
    """All draws of one trial, of which some have values that the seed has no say in.

    Parameters
    ----------
    seed : int
        In [0, 2^128).
    pinned : mapping of Identity to float
        Uniforms in [0, 1) by identity. Those of a `Stream` cannot be pinned.

    Raises
    ------
    ValueError
        If `seed` is outside its interval.
    """

    __slots__ = ("_pinned",)

    def __init__(self, seed: int, pinned: Mapping[Identity, float]) -> None:
        super().__init__(seed)
        self._pinned = dict(pinned)

    def __reduce__(self) -> tuple[type[Streams], tuple[Any, ...]]:
        """Pickle as what it is made of: a hash object cannot be pickled."""
        return (PinnedStreams, (self.seed, self._pinned))

    def uniform(self, *identity: str | int) -> float:
        """Return the uniform of an identity, as pinned or else as drawn; raises as `word`."""
        pinned = self._pinned.get(identity)
        return super().uniform(*identity) if pinned is None else pinned


class AskedStreams(Streams):
    """All draws of one trial, each made once, and a record of them.

    Parameters
    ----------
    seed, pinned
        As for :class:`PinnedStreams`.

    Attributes
    ----------
    asked : dict of Identity to float
        Uniforms by identity, in the order in which they were first asked for.
    """

    __slots__ = ("_pinned", "asked")

    def __init__(self, seed: int, pinned: Mapping[Identity, float] = MappingProxyType({})) -> None:
        super().__init__(seed)
        self._pinned = pinned
        self.asked: dict[Identity, float] = {}

    def __reduce__(self) -> tuple[type[Streams], tuple[Any, ...]]:
        """Pickle as those that were asked for, and others of the same seed."""
        return (PinnedStreams, (self.seed, self.asked))

    def uniform(self, *identity: str | int) -> float:
        """Return the uniform of an identity, and remember that it was asked for."""
        found = self.asked.get(identity)
        if found is None:
            found = self._pinned.get(identity)
            found = self.asked[identity] = self._drawn(identity) if found is None else found
        return found

    def _drawn(self, identity: Identity) -> float:
        """Make a draw that is not pinned; raises as `word`."""
        return super().uniform(*identity)
