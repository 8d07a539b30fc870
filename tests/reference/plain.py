"""The whole reference: build the world of one trial and scheme, run it, tell what happened."""

from __future__ import annotations

from dataclasses import dataclass

from sim.core.units import NEVER
from sim.faults import CompactorCrash, Crash, GatewayOutage, ProducerCrash
from sim.scenario.schema import Scenario
from tests.reference.actors import Faults, Producer
from tests.reference.beside import begin_beside
from tests.reference.cache import Cache
from tests.reference.cleaner import CLEANING, PROGRESS, Cleaner, Process, Progress, Sweeper
from tests.reference.compactor import Compactor
from tests.reference.faults import is_befallen
from tests.reference.gateway import Gateway
from tests.reference.operator import Operator
from tests.reference.querier import Querier
from tests.reference.queries import QueryClassProcess
from tests.reference.referrer import Referrer
from tests.reference.store import Store
from tests.reference.sweeps import left_behind, sweeps
from tests.reference.world import Crashable, World

__all__ = ["NEVER", "Plain", "simulate"]


@dataclass(frozen=True)
class Plain:
    """What happened in one run; every time is in microseconds.

    Attributes
    ----------
    outcomes : dict[str, list[tuple[int, str]]]
        By query class: (arrival, outcome) of every arrival in [0, horizon), in order, so that
        the index is the query's ordinal.
    loads : list[tuple[int, str, int, int]]
        (gateway, block id, load, drop or NEVER), sorted.
    blocks : dict[str, tuple[int, int, tuple[int, ...]]]
        By id: (committed or NEVER, retired or NEVER, its data in order).
    objects : dict[str, list[tuple[int, bool]]]
        By key: (acknowledged, is a put) of every version, in order.
    downs : list[tuple[int, int]]
        (gateway, instant) whenever a serving gateway goes down, sorted.
    due : dict[str, tuple[int, int]]
        By block id: since when it is to be deleted, and when it is gone, or NEVER.
    left : dict[tuple[str, int], int]
        By block id and copy of the bucket: chunks that the copy keeps of a block that is gone.
    references : list[tuple[int, str]]
        (committed, block id) of each that a session references again.
    counts : dict[str, int]
        Over the whole run.
    """

    outcomes: dict[str, list[tuple[int, str]]]
    loads: list[tuple[int, str, int, int]]
    blocks: dict[str, tuple[int, int, tuple[int, ...]]]
    objects: dict[str, list[tuple[int, bool]]]
    downs: list[tuple[int, int]]
    due: dict[str, tuple[int, int]]
    left: dict[tuple[str, int], int]
    references: list[tuple[int, str]]
    counts: dict[str, int]


def _compactors(world: World, store: Store) -> list[Process]:
    """The process of each compactor, with its jobs (C2, C16)."""
    spec, count = world.scenario.compactor, world.scenario.compactor.count or 1
    numbers = [None] if count == 1 else list(range(count))
    processes = [Process(world, store, number=number) for number in numbers]
    for process in processes:
        Compactor(process)
        if spec.progress_interval_us:
            Progress(process, PROGRESS)
        if process.way.cleanup.startswith("every"):
            Cleaner(process, CLEANING)
        elif spec.cleanup_interval_us:
            Sweeper(process, CLEANING)
    return processes


def _count_references(world: World, store: Store) -> None:
    """How many there are, and how many are to what is gone (R7)."""
    for _, block_id in world.references:
        keys = world.blocks[block_id].data_keys()
        world.counts.add("re-references")
        world.counts.add("dangling-reference", int(not any(map(store.newest_is_put, keys))))


def simulate(scenario: Scenario, scheme_index: int, trial: int) -> Plain:
    """Run one trial of one scheme to the end.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    scheme_index : int
        Index in ``scenario.schemes``.
    trial : int
        From 0; the seed is ``scenario.seed + trial`` (T5).

    Returns
    -------
    Plain
        What happened; the outcomes of queries without arrivals are empty lists.
    """
    world = World(scenario, scenario.schemes[scheme_index], scenario.seed + trial)
    store = Store(world)
    producers = [Producer(world, store, s) for s in range(scenario.producers.count)]
    for producer in producers:
        producer.start(0)
    processes = _compactors(world, store)
    way = processes[0].way
    for producer in producers:
        producer.way = way
    for process in processes:
        # What readers hold, they hold against everybody.
        process.way.leases_us = way.leases_us
        process.way.held = way.held
        process.start()
    Operator(world, store)
    begin_beside(world, store, way)
    for number in range(0 if scenario.referrers is None else scenario.referrers.count):
        Referrer(world, store, way, number)
    spec = scenario.gateways.cache
    shared = Cache(world, spec) if spec is not None and spec.shared else None
    gateways = [Gateway(world, store, way, g, shared) for g in range(scenario.gateways.count)]
    for gateway in gateways:
        gateway.start(gateway.phase_us())
    actors: dict[str, Crashable | Process] = {
        **{f"producer/{s}": producer for s, producer in enumerate(producers)},
        **{process.name: process for process in processes},
        **{f"gateway/{g}": gateway for g, gateway in enumerate(gateways)},
    }
    for number, fault in enumerate(scenario.faults):
        victims: list[Crashable | Process] = []
        is_crash = isinstance(fault, Crash) and fault.at_request is None
        if is_crash or isinstance(fault, GatewayOutage | ProducerCrash | CompactorCrash):
            victims = [actor for name, actor in actors.items() if is_befallen(fault, name)]
        Faults(world, number, victims)
    querier = Querier(world, store, way)
    classes = [
        QueryClassProcess(world, store, way, querier, gateways, spec, number)
        for number, spec in enumerate(scenario.queries)
    ]
    world.run()
    _count_references(world, store)
    return Plain(
        outcomes={c.spec.name: list(zip(c.arrivals_us, c.outcomes, strict=True)) for c in classes},
        loads=sorted(load for gateway in gateways for load in gateway.all_loads()),
        blocks={
            b.id: (b.committed_us, b.retired_us, tuple(sorted(b.data)))
            for b in world.blocks.values()
        },
        objects={
            key: [(v.acknowledged_us, v.is_put) for v in versions]
            for key, versions in store.versions.items()
        },
        downs=sorted((g.number, at_us) for g in gateways for at_us in g.went_down_us),
        due=sweeps(world, store),
        left=left_behind(world, store) if store.spec.replication is not None else {},
        references=world.references,
        counts=dict(world.counts.events),
    )
