"""What others found, found again by the simulator: every oracle, as data that judges share."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from sim.analysis.theory.oracle import Oracle
from sim.study.verification import compactions, quorums, readers, stores

__all__ = ["CHAPTERS"]

CHAPTERS: Final[Mapping[str, Callable[[], Iterator[Oracle]]]] = MappingProxyType(
    {
        "The store": stores.oracles,
        "Readers": readers.oracles,
        "The steady state": compactions.oracles,
        "Partial quorums": quorums.oracles,
    }
)
"""Oracles by what they are of."""
