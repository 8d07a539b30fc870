"""Instants, and in which order those of one instant come (``SEMANTICS.md`` T2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from sim.trace.tables import Ragged
from sim.trace.timelines import Ints

__all__ = ["Acts", "Moments", "Turn"]

_PLACES: Final = 1 << 16
"""How many may have an order inside one turn."""


class Turn(IntEnum):
    """Who acts first at one instant, among those of such a world."""

    PRODUCER = 0 * _PLACES
    COMPACTOR = 1 * _PLACES
    PROGRESS = 2 * _PLACES
    CLEANER = 3 * _PLACES
    GATEWAY = 4 * _PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When things of one kind happen; columns of one length.

    ``at_us``: instants (µs). ``turn``: whose turn it is, the number of a process added to what is
    in :class:`Turn`. ``place``: the place among the acts of whoever it is.
    """

    at_us: Ints
    turn: Ints
    place: Ints

    @classmethod
    def of(cls, rows: Ints, turn: int) -> "Moments":
        """Instants and places of one actor, shape (2, n)."""
        at_us, place = rows
        return cls(at_us=at_us, turn=np.full(at_us.size, turn), place=place)

    @classmethod
    def ticks(cls, every_us: int, horizon_us: int, turn: int, *, place: int = 0) -> "Moments":
        """Every ``every_us`` from 0 on; none if that is 0."""
        at_us = np.arange(0, horizon_us if every_us else 0, every_us or 1)
        # A tick may have more than one act.
        return cls(
            at_us=at_us, turn=np.full(at_us.size, turn), place=2 * np.arange(at_us.size) + place
        )

    def then(self, *others: "Moments") -> "Moments":
        """These and others, in no order."""
        every = (self, *others)
        return Moments(
            at_us=np.concatenate([one.at_us for one in every]),
            turn=np.concatenate([one.turn for one in every]),
            place=np.concatenate([one.place for one in every]),
        )

    def at(self, rows: Ints) -> "Moments":
        """Those at the rows given."""
        return Moments(at_us=self.at_us[rows], turn=self.turn[rows], place=self.place[rows])

    @property
    def order(self) -> Ints:
        """Rows in the order in which they happen; those of one place keep theirs."""
        return np.lexsort((self.place, self.turn, self.at_us))

    @property
    def number(self) -> Ints:
        """Which of several processes it is, from 0."""
        return self.turn % _PLACES


class Acts:
    """What several processes did of one kind, put in order.

    Parameters
    ----------
    each : sequence of Moments
        Of every process, in its own order.

    Attributes
    ----------
    moments : Moments
        Of all of them, in order.
    """

    def __init__(self, each: Sequence[Moments]) -> None:
        every = each[0].then(*each[1:])
        self._order = every.order
        self.moments = every.at(self._order)
        self._row = np.empty_like(self._order)
        self._row[self._order] = np.arange(self._order.size)
        self._starts = np.cumsum([0, *(one.at_us.size for one in each)])

    def rows(self, number: int) -> Ints:
        """Where among all of them those of one process are."""
        return self._row[self._starts[number] : self._starts[number + 1]]

    def column(self, each: Sequence[Ints]) -> Ints:
        """What belongs to them, given for every process in its own order."""
        return np.concatenate(each)[self._order]

    def ragged(self, each: Sequence[Ragged]) -> Ragged:
        """As :meth:`column`, of tuples."""
        return Ragged.joined(each).take(self._order)
