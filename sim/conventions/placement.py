"""Which replica of the store a client reads (``SEMANTICS.md`` S4)."""

from sim.core.streams import Streams
from sim.scenario.schema import Store


def candidates(store: Store, *, gateway: int | None) -> range:
    """Replicas that a gateway, or with ``None`` a writer, may read."""
    if not store.primary:
        return range(store.replicas)
    return range(1) if gateway is None else range(1, store.replicas)


def fixed_replica(store: Store, name: str, streams: Streams, *, gateway: int | None) -> int | None:
    """The replica that answers every read of client ``name``; ``None`` if each read draws one."""
    replicas = candidates(store, gateway=gateway)
    n = len(replicas)
    if n == 1:
        return replicas[0]
    if store.read_from == "nearest":
        return replicas[0 if gateway is None else gateway % n]
    if store.read_from == "sticky":
        return replicas[int(streams.uniform("replica", name) * n)]
    return None
