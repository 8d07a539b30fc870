"""Bugs planted in the store, and what of a history shows them: exactly the measures named here.

On a strong store none shows anything; each bug has a prediction of what must, and nothing else may.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest

from sim.analysis.consistency.measures import measures
from sim.analysis.consistency.reads import Plane
from sim.core.units import NEVER, US_PER_S
from sim.model.blocks.catalog import Block, Version
from sim.model.probe import probe
from sim.model.store.client import Client
from sim.model.store.versions import Store
from sim.model.store.visibility import GET, LIST, Columns, Visibility
from sim.scenario.probing import Probing
from sim.trace.history import History
from tests.worlds import lag, world

Patch = pytest.MonkeyPatch

CALM = Probing(lasts_us=60 * US_PER_S, keys=2, writes_per_s=0.5, reads_per_s=4.0, lists=0.2)


def history(probing: Probing = CALM, **store: Any) -> History:
    return probe(world(store=store), probing, 0).history


def shown(past: History) -> set[str]:
    """Names of what is not as on a strong store."""
    found = measures(past)
    names = {f"set-full {element.outcome}" for element in found.set_full.elements}
    names -= {"set-full stable"}
    names |= {"set-full stale"} if found.set_full.stale else set()
    for plane, one in found.planes.items():
        names |= {f"{plane} {kind}" for kind, after in one.after.items() if after.stale.hits}
        names |= {f"{plane} {name}" for name, kept in one.guarantees.items() if kept.broken}
        names |= {f"{plane} impossible"} if one.impossible else set()
    return names


def patched(
    monkeypatch: Patch, wrong: Callable[[Any, Store, Block, int, int, int], Version | None]
) -> None:
    """A store of which ``wrong`` says what a replica shows, given what it should show."""
    right = Store.shown

    def planted(
        self: Store, block: Block, object_index: int, plane: int, replica: int, t_us: int
    ) -> Version | None:
        version = right(self, block, object_index, plane, replica, t_us)
        return wrong(version, self, block, object_index, plane, t_us)

    monkeypatch.setattr(Store, "shown", planted)
    # Without a shortcut past what replicas show.
    monkeypatch.setattr(Client, "get", lambda self, *where: self.lookup("get", *where))
    monkeypatch.setattr(
        Client, "head", lambda self, *where: self.lookup("head", *where) is not None
    )


def test_a_strong_store_shows_nothing() -> None:
    past = history()
    assert shown(past) == set()
    assert len(past.adds) >= 10


def test_a_version_that_never_shows_is_stale_to_its_writer_too(monkeypatch: Patch) -> None:
    """GET never shows the seventh version of a register: stale until the eighth comes."""
    right = Visibility.of_each

    def dropped(
        self: Visibility, changes: list[tuple[str, int]], kind: str, **more: Any
    ) -> list[Columns]:
        seen = zip(changes, right(self, changes, kind, **more), strict=True)
        return [((NEVER,) if v == 6 else get, listed) for (_, v), (get, listed) in seen]

    monkeypatch.setattr(Visibility, "of_each", dropped)
    past = history(replace(CALM, deletes=0.0), lag=lag(delete_list="1us"))
    assert shown(past) == {"get overwrite", "get read-your-writes"}


def test_a_replica_that_goes_back_breaks_monotonic_reads(monkeypatch: Patch) -> None:
    """In each second second a GET finds what was there before the newest version."""

    def wrong(
        version: Version | None, store: Store, block: Block, i: int, plane: int, t_us: int
    ) -> Version | None:
        past = block.history[i]
        if plane == GET and t_us // US_PER_S % 2 and len(past) > 1:
            return past[-2] if past[-2].is_put else None
        return version

    patched(monkeypatch, wrong)
    found = shown(history(replace(CALM, deletes=0.0)))
    assert {"get overwrite", "get read-your-writes", "get monotonic-reads"} <= found
    assert found <= {
        "get overwrite",
        "get read-your-writes",
        "get monotonic-reads",
        "get monotonic-writes",
        "get writes-follow-reads",
    }


def test_a_listing_that_forgets_what_it_showed_loses_elements(monkeypatch: Patch) -> None:
    """After half a minute LIST shows nothing any more that was put in the first ten seconds."""

    def wrong(
        version: Version | None, store: Store, block: Block, i: int, plane: int, t_us: int
    ) -> Version | None:
        is_old = version is not None and version.ack_us < 10 * US_PER_S
        return None if plane == LIST and is_old and t_us > 30 * US_PER_S else version

    patched(monkeypatch, wrong)
    found = shown(history(replace(CALM, adds=1.0, rest_us=5 * US_PER_S)))
    assert found == {
        "set-full lost",
        "list create",
        "list read-your-writes",
        "list monotonic-reads",
        "list monotonic-writes",
        "list writes-follow-reads",
    }


def test_a_listing_that_keeps_what_is_deleted_is_stale_after_deletes(monkeypatch: Patch) -> None:
    def wrong(
        version: Version | None, store: Store, block: Block, i: int, plane: int, t_us: int
    ) -> Version | None:
        puts = [v for v in block.history[i] if v.is_put]
        return puts[-1] if plane == LIST and puts else version

    patched(monkeypatch, wrong)
    found = shown(history())
    assert {"list delete", "list read-your-writes"} <= found
    assert not {name for name in found if name.startswith(("get", "set-full"))}
    assert "list create" not in found


def test_what_nobody_has_written_is_impossible(monkeypatch: Patch) -> None:
    """A GET finds the value of the put after the newest one."""

    def wrong(
        version: Version | None, store: Store, block: Block, i: int, plane: int, t_us: int
    ) -> Version | None:
        if version is None or plane == LIST:
            return version
        return Version(version.ack_us, True, version.stamp_us + 1_000_000, None, None)

    patched(monkeypatch, wrong)
    assert shown(history()) == {"get impossible"}


def test_replicas_without_an_order_break_monotonic_writes() -> None:
    """One that follows in the order of the log does not; a reader sees it in one LIST."""
    late = {"law": "uniform", "low": "0s", "high": "20s"}
    follower = {"replicas": 2, "primary": True, "read_from": "nearest"}
    table = {**follower, "lag": lag(create_list=late, create_get=late, overwrite_get=late)}
    probing = replace(CALM, adds=0.8, deletes=0.0)
    plane: Plane
    for order, breaks in (("log", False), ("independent", True)):
        found = measures(history(probing, order=order, **table))
        for plane in get_args(Plane):
            kept = found.planes[plane].guarantees
            assert kept["monotonic-writes"].asked
            assert not kept["monotonic-reads"].broken
        assert bool(found.planes["list"].guarantees["monotonic-writes"].broken) == breaks
