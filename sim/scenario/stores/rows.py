"""The named stores, as rows to print: each value with where it comes from.

>>> [row.value for row in table(["hadoop-injector"]) if row.key == "lag.create.list"]
['5s']
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.store import Store
from sim.scenario.stores.profiles import PROFILES
from sim.scenario.stores.provenance import Profile, Provenance

__all__ = ["PROFILES", "PROFILE_NAMES", "Profile", "Provenance", "StoreRow", "resolved", "table"]

PROFILE_NAMES: Final = tuple(PROFILES)


class StoreRow(NamedTuple):
    """One value of one named store.

    Attributes
    ----------
    profile : str
        Name of the store.
    key : str
        Below ``[store]``; in parentheses for a fact that is not simulated.
    value : str
    provenance : str
        ``documented``, ``sla``, ``measured (year, n=…)`` or ``assumed``.
    source, note : str
        Who says so, and what to know about it; empty where there is nothing.
    """

    profile: str
    key: str
    value: str
    provenance: str
    source: str
    note: str


def table(names: Iterable[str] | None = None) -> tuple[StoreRow, ...]:
    """Return the values of named stores with their provenance.

    Parameters
    ----------
    names : iterable of str or None
        Which stores; None is all of them.

    Returns
    -------
    tuple of StoreRow
        In the order of `names` and of the profiles; empty if `names` is.

    Raises
    ------
    ValueError
        If there is no store of a name.
    """
    return tuple(
        StoreRow(name, row.key, row.value, row.label, row.source, row.note)
        for name in (PROFILE_NAMES if names is None else names)
        for row in _profile(name).provenance
    )


def resolved(name: str) -> Store:
    """Return a named store with all of its values; raises ValueError if there is none."""
    return Store.model_validate({"profile": _profile(name).name})


def _profile(name: str) -> Profile:
    """Return a profile by name."""
    if name not in PROFILES:
        hint = did_you_mean(name, PROFILES)
        raise ValueError(f"store={name!r} must {one_of(PROFILES)}" + (f"; {hint}" if hint else ""))
    return PROFILES[name]
