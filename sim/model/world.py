"""The composition root: builds the world of one scenario, scheme and trial, and runs it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from sim.conventions.placement import Shards
from sim.core.collector import collector_paused
from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.pinned import AskedStreams
from sim.core.streams import Identity, Streams
from sim.model.actors.apart import act_apart
from sim.model.actors.gateway import Gateway, first_sync_us
from sim.model.actors.operator import Operator
from sim.model.actors.process import CompactorProcess
from sim.model.actors.producer import Producer
from sim.model.actors.referrer import Referrer
from sim.model.blocks.catalog import Catalog
from sim.model.computed.conditions import NotComputableError, is_computable
from sim.model.computed.world import computed_records
from sim.model.faults.happening import draw_faults
from sim.model.faults.lives import Begin, End, Watch, keep
from sim.model.faults.pace import PacedKernel
from sim.model.parts import Parts
from sim.model.rests import Rests
from sim.model.schemes import Scheme, compose
from sim.model.store.caching import Cache, CachingClient
from sim.model.store.client import Client
from sim.model.store.transfer import Steps
from sim.model.store.versions import Store
from sim.model.tally import Tally
from sim.model.views.view import Filters, View
from sim.scenario.schema import Scenario
from sim.trace.recorder import Header, Recorder, Trace


@collector_paused()
def simulate(
    scenario: Scenario,
    scheme_index: int,
    trial: int,
    *,
    shuffle: int | None = None,
    streams: Streams | None = None,
    step_by_step: bool = False,
) -> Trace:
    """Run one trial of one scheme over [0, horizon) and return its trace.

    Parameters
    ----------
    scheme_index : int
        Position in ``scenario.schemes``.
    trial : int
        Number of the trial, from 0; its seed is ``scenario.seed + trial``.
    shuffle : int or None
        Seed of a random order of simultaneous events inside one phase; a test mode.
    streams : Streams or None
        All draws; None are those of the trial.
    step_by_step : bool
        Whether every actor acts at every tick although arrays would do (`sim.model.computed`), or
        it would find nothing (`sim.model.rests`); a test mode. Arrays do not do with ``shuffle``
        and with ``streams`` of one's own.
    """
    drawn = scenario.streams(scenario.seed + trial) if streams is None else streams
    may_compute = shuffle is None and streams is None and not step_by_step
    if may_compute and is_computable(scenario, scheme_index):
        with suppress(NotComputableError):
            records = computed_records(scenario, scheme_index, drawn)
            name = scenario.schemes[scheme_index].name
            return Trace.of(_header(scenario, name, trial, drawn.seed), records)
    scheme = compose(scenario, scheme_index)
    world = _World(scenario, scheme, drawn, trial, shuffle, rests=not step_by_step)
    world.start()
    trace = world.run()
    world.dissolve()
    return trace


def asked(scenario: Scenario, scheme_index: int, trial: int) -> dict[Identity, float]:
    """Run one trial of one scheme, and return what it draws, by what each draw decides.

    Returns
    -------
    dict of Identity to float
        Uniforms in [0, 1), in the order in which they are first asked for. Constant laws draw
        nothing, and what queries draw is not of the world.
    """
    seed = scenario.seed + trial
    streams = AskedStreams(seed, scenario.decided(seed))
    simulate(scenario, scheme_index, trial, streams=streams)
    return streams.asked


def _header(scenario: Scenario, scheme: str, trial: int, seed: int) -> Header:
    return Header(
        scenario=scenario.name,
        scenario_digest=scenario.digest,
        scheme=scheme,
        trial=trial,
        seed=seed,
        chunk_files=scenario.producers.chunk_files,
        gateways=scenario.gateways.count,
        replicas=scenario.store.replicas,
        warmup_us=scenario.warmup_us,
        horizon_us=scenario.horizon_us,
    )


class _World:
    """All parts of one run and the wiring between them."""

    def __init__(
        self,
        scenario: Scenario,
        scheme: Scheme,
        streams: Streams,
        trial: int,
        shuffle: int | None,
        *,
        rests: bool,
    ) -> None:
        self.scenario = scenario
        self.scheme = scheme
        self.kernel = Kernel(shuffle=shuffle)
        self.streams = streams
        self.recorder = Recorder(_header(scenario, scheme.name, trial, streams.seed))
        self.tally = Tally(warmup_us=scenario.warmup_us)
        self.faults = draw_faults(scenario, self.streams)
        self.store = Store(
            scenario.store,
            kernel=self.kernel,
            catalog=Catalog(chunk_files=scenario.producers.chunk_files),
            streams=self.streams,
            recorder=self.recorder,
            lags=self.faults.lags(),
            deletion_order=scenario.compactor.deletion_order,
        )
        self.rests = Rests(self.kernel, are_allowed=rests, in_order=True)
        may_rest = rests and act_apart(scenario.gateways, scheme, self.faults, self.streams)
        self.gateways_rest = Rests(self.kernel, are_allowed=may_rest, in_order=False)
        self.store.watchers += [r for r in (self.rests, self.gateways_rest) if r.are_allowed]
        self.shards = Shards(scenario.gateways, self.streams)
        self.cache: Cache | None = None
        self.producers: list[Producer] = []
        self.compactors: list[CompactorProcess] = []

    def run(self) -> Trace:
        """Run to the horizon and close the record."""
        self.kernel.run(self.scenario.horizon_us)
        for producer in self.producers:
            producer.close()
        for rests in (self.rests, self.gateways_rest):
            rests.finish(self.scenario.horizon_us)
        self.recorder.record_all(self.tally.records(self.scenario.horizon_us))
        return self.recorder.finish()

    def dissolve(self) -> None:
        """Cut the circles between the parts, which the cycle collector would search for long."""
        self.kernel.close()
        self.store.on_change = None
        self.store.watchers.clear()
        self.producers.clear()
        while self.compactors:
            self.compactors.pop().dissolve()
        for block in self.store.catalog.blocks:
            block.dominates = block.dominated_by = ()

    def start(self) -> None:
        """Put every actor on its way."""
        for stream in range(self.scenario.producers.count):
            self._keep(f"producer/{stream}", self._producer(stream))
        self._start_compactors()
        if self.scenario.interventions:
            operator = Operator(self.scenario, self._parts("operator"), rests=self.rests)
            self.kernel.spawn(operator.run(), at_us=0, phase=Phase.OPERATOR)
        if self.scheme.beside is not None:
            self.scheme.beside.start(self._parts(self.scheme.beside.name), rests=self.rests)
        for number in range(self.scheme.n_referrers):
            Referrer(
                number, self.scenario, self.scheme, **self._parts(f"referrer/{number}")
            ).start()
        if self.scheme.miss is not None:
            self.store.on_change = self.scheme.miss.changed
        querier = self.scheme.querier
        if querier is not None:
            steps = querier.run(self._client("querier"), self.kernel, self.recorder)
            self.kernel.spawn(steps, at_us=querier.phase_us(self.streams), phase=Phase.GATEWAY)
        views: dict[int, View] = {}
        for number in range(self.scenario.gateways.count):
            begin = self._gateway(number, views)
            at_us = first_sync_us(number, self.scenario.gateways, self.streams)
            self._keep(f"gateway/{number}", begin, at_us=at_us)

    def _keep(self, name: str, begin: Begin, *, at_us: int = 0) -> None:
        keep(name, begin, kernel=self.kernel, faults=self.faults, at_us=at_us)

    def _kernel(self, name: str) -> Kernel:
        """The kernel as an actor meets it, at its pace."""
        pace = self.faults.pace(name)
        return self.kernel if pace.is_steady else PacedKernel(self.kernel, pace)

    def _client(
        self, name: str, *, gateway: int | None = None, kind: Callable[..., Client] | None = None
    ) -> Client:
        return (kind or Client)(
            name,
            gateway=gateway,
            store=self.store,
            streams=self.streams,
            faults=self.faults,
            tally=self.tally,
        )

    def _gateway_client(self, number: int) -> Client:
        """A gateway's access to the store; a cache of its own does not outlive an outage."""
        name, spec = f"gateway/{number}", self.scenario.gateways.cache
        if spec is None:
            return self._client(name, gateway=number)
        if self.cache is None or not spec.shared:
            self.cache = Cache(spec)
        return self._client(name, gateway=number, kind=partial(CachingClient, self.cache))

    def _parts(self, name: str) -> Parts:
        return {
            "kernel": self._kernel(name),
            "client": self._client(name),
            "streams": self.streams,
            "recorder": self.recorder,
        }

    def _producer(self, stream: int) -> Begin:
        """A producer keeps its disk over a crash, so it is the same one that goes on."""
        parts = self._parts(f"producer/{stream}")
        spec, commits = self.scenario.producers, self.scheme.commits
        producer, kernel = Producer(stream, spec, commits=commits, **parts), parts["kernel"]
        self.producers.append(producer)

        def begin(at_us: int, watch: Watch) -> End:
            process = kernel.spawn(watch(producer.run()), at_us=at_us, phase=producer.phase)
            return lambda: kernel.stop(process)

        return begin

    def _start_compactors(self) -> None:
        names = self.scenario.compactor.names
        by_hand = self.scenario.interventions or ()
        for number, name in enumerate(names):
            scheme = self.scheme
            if number:
                # Readers meet the one scheme; what a compactor remembers is its own.
                index = self.scenario.scheme_index(scheme.name)
                scheme = replace(scheme, record=compose(self.scenario, index).record)
            process = CompactorProcess(
                self.scenario.compactor,
                scheme,
                kernel=self._kernel(name),
                client=partial(self._client, name),
                streams=self.streams,
                recorder=self.recorder,
                rests=self.rests,
                number=number if len(names) > 1 else None,
                reads_no_compact=any(one.kind == "no-compact" for one in by_hand),
            )
            self._keep(name, process.begin)
            self.compactors.append(process)

    def _gateway(self, number: int, views: dict[int, View]) -> Begin:
        spec, kernel = self.scenario.gateways, self._kernel(f"gateway/{number}")

        def made() -> Gateway:
            return Gateway(
                number,
                spec,
                kernel=kernel,
                view=self._view(number, views),
                scheme=self.scheme,
                streams=self.streams,
                recorder=self.recorder,
                rests=self.gateways_rest,
            )

        def begin(at_us: int, watch: Watch) -> End:
            gateway = made()

            def lives() -> Steps:
                nonlocal gateway
                while True:
                    yield from gateway.run()
                    gateway.go_down()
                    identity = ("gateway", number, "restart-after", kernel.now_us)
                    restart_us = draw_us(spec.restart_after, self.streams, *identity)
                    yield kernel.sleep(restart_us, Phase.GATEWAY)
                    gateway = made()

            process = kernel.spawn(watch(lives()), at_us=at_us, phase=Phase.GATEWAY)

            def end() -> None:
                kernel.stop(process)
                gateway.go_down()

            return end

        return begin

    def _view(self, number: int, views: dict[int, View]) -> View:
        """A view for a gateway; one for all of its shard where all would see the same."""
        spec = self.scenario.gateways
        shard = self.shards.of_gateway(number)
        client = self._gateway_client(number)
        may_share = client.sees_what_all_see and spec.sync_stages.marks == 0.0
        if may_share and shard in views:
            return views[shard]
        source_of, own = self.scheme.learn.source_of, self.shards.shard(shard)
        view = View(
            source_of(client, shard=own, is_shared=may_share),
            Filters(
                consistency_delay_us=spec.consistency_delay_us,
                mark_delay_us=self.scheme.hide.gateways_us,
                data_age_us=self.scheme.hide.data_age_us,
                deduplicates=not self.scheme.hide.keeps_superseded,
            ),
        )
        if view.source.is_shared:
            views[shard] = view
        return view
