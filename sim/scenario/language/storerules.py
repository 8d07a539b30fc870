"""What the tables of the store must fulfil together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.scenario.language.faultrules import too_likely
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Path

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario, Store

__all__ = ["store_rules"]


def store_rules(scenario: "Scenario") -> Iterator[Finding]:
    """Yield the rules that the tables of the store break."""
    store = scenario.store
    if store.acks > store.replicas:
        yield Finding(("store", "acks"), "be at most replicas", (("store", "replicas"),))
    if store.primary and store.replicas < 2:
        yield Finding(
            ("store", "primary"),
            "be false unless replicas is at least 2",
            (("store", "replicas"),),
            "gateways read the replicas beside the primary",
        )
    if store.error_rate + store.lost_answer_rate > 1.0:
        yield too_likely(("store",))
    if store.quorum is not None:
        yield from _quorum(scenario)
    if store.replication is not None:
        yield from _replication(store)


def _quorum(scenario: "Scenario") -> Iterator[Finding]:
    store, place = scenario.store, ("store", "quorum")
    if store.quorum is None:
        return
    for key, size in (("r", store.quorum.r), ("w", store.quorum.w)):
        if size > store.quorum.n:
            yield Finding((*place, key), "be at most n", ((*place, "n"),))
    for key, value, rule in (
        ("replicas", store.replicas != 1, "be 1 with a quorum, which has replicas of its own"),
        ("acks", store.acks > 0, "be 0 with a quorum, which has acknowledgements of its own"),
    ):
        if value:
            yield Finding(("store", key), rule, (place,))
    for kind, planes in (
        ("create", store.lag.create),
        ("overwrite", store.lag.overwrite),
        ("delete", store.lag.delete),
    ):
        for plane, law in (("get", planes.get), ("list", planes.list)):
            if not law.is_constant or law.mean:
                rule = 'be "0s" with a quorum, whose delays make the lag'
                yield Finding(("store", "lag", kind, plane), rule, (place,))


def _replication(store: "Store") -> Iterator[Finding]:
    """Copies are made of a primary, after the acknowledgement, and show in both planes at once."""
    place: Path = ("store", "replication")
    if not store.primary:
        yield Finding(("store", "primary"), "be true with replication, which copies it", (place,))
    if store.acks:
        yield Finding(("store", "acks"), "be 0 with replication, which comes later", (place,))
    if store.replication is not None and store.replication.bandwidth_bytes == 0:
        yield Finding((*place, "bandwidth"), "be above 0B")
    lags = {
        "create": store.lag.create,
        "overwrite": store.lag.overwrite,
        "delete": store.lag.delete,
    }
    for kind, planes in lags.items():
        if not planes.list.is_constant or planes.list.mean:
            rule, hint = 'be "0s" with replication', "a copy is listed as soon as it can be read"
            yield Finding(("store", "lag", kind, "list"), rule, (place,), hint)
