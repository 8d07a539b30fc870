"""What the clients of a history do: how many there are, and how often they do what.

They stand in no scenario file, for they take no part in any run: `sim history` lets them loose on
the store of a scenario (``SEMANTICS.md`` H1-H4).
"""

import math
from dataclasses import dataclass
from typing import Final

from sim.core.units import LONGEST_US, US_PER_S

__all__ = ["OPERATIONS_MAX", "Probing"]

OPERATIONS_MAX: Final = 1_000_000
"""Operations beyond which a history is refused, in the mean."""

_LISTED_MAX: Final = 2_000_000
_CLIENTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """Clients of a store, and what they do for `lasts_us`.

    Attributes
    ----------
    lasts_us : int
        Operations begin in [0, lasts_us).
    keys : int
        Registers: keys that are created, overwritten and deleted again and again.
    writers, readers : int
        Clients that change and read, and that only read.
    writes_per_s, reads_per_s : float
        Of each writer, and of each client.
    deletes : float
        Share of the changes of a register that is there that delete it.
    adds : float
        Share of the changes that add a key of its own, which stays as it is.
    lists : float
        Share of the reads that are LISTs.
    heads : float
        Share of the others that are HEADs; what is left are GETs.
    back_us : int or None
        A writer GETs and LISTs what it has changed so much later; None: only by chance.
    takes_us : int
        From the call of an operation to its return.
    rest_us : int
        Nothing is changed so long before the end, only read.

    Raises
    ------
    ValueError
        If they cannot be, or would do too much; names the attribute.
    """

    lasts_us: int = 60 * US_PER_S
    keys: int = 4
    writers: int = 2
    readers: int = 3
    writes_per_s: float = 1.0
    reads_per_s: float = 10.0
    deletes: float = 0.2
    adds: float = 0.2
    lists: float = 0.1
    heads: float = 0.1
    back_us: int | None = None
    takes_us: int = 0
    rest_us: int = 0

    def __post_init__(self) -> None:
        for name in ("keys", "writers"):
            self._require(name, 1, _CLIENTS_MAX)
        self._require("readers", 0, _CLIENTS_MAX)
        self._require("lasts_us", 1, LONGEST_US)
        self._require("takes_us", 0, LONGEST_US)
        self._require("rest_us", 0, self.lasts_us)
        if self.back_us is not None:
            self._require("back_us", 0, LONGEST_US)
        for name in ("writes_per_s", "reads_per_s"):
            self._require(name, 0, OPERATIONS_MAX)
        for name in ("deletes", "adds", "heads", "lists"):
            self._require(name, 0, 1)
        self._require_little()

    @property
    def changes_end_us(self) -> int:
        """From when on nothing is changed."""
        return self.lasts_us - self.rest_us

    @property
    def clients(self) -> int:
        """How many there are; writers have the smaller numbers."""
        return self.writers + self.readers

    def _require(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"{name}={value} must be in [{low}, {high}]")

    def _require_little(self) -> None:
        """Refuse what would not fit a memory."""
        lasts_s = self.lasts_us / US_PER_S
        changes = self.writers * self.writes_per_s * lasts_s
        reads = self.clients * self.reads_per_s * lasts_s
        backs = 0.0 if self.back_us is None else changes
        most = changes + reads + 2.0 * backs
        if most > OPERATIONS_MAX:
            message = f"about {most:.3g} operations must be at most {OPERATIONS_MAX}"
            raise ValueError(f"{message}; lower lasts, rates or clients")
        listed = (reads * self.lists + backs) * (self.keys + changes * self.adds)
        if listed > _LISTED_MAX:
            message = f"listings of about {listed:.3g} keys must have at most {_LISTED_MAX}"
            raise ValueError(f"{message} in all; lower lasts, lists, adds or keys")
