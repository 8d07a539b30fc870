"""The few numbers of a scenario that decide what a run of it takes."""

from dataclasses import dataclass

from sim.core.laws import Adjusted, Law
from sim.scenario.schema import Scenario

__all__ = ["Sizes", "sizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The numbers of a scenario that decide what it takes; times in µs, all finite and >= 0.

    Attributes
    ----------
    sync_us, pass_us, cleanup_us : float
        Mean time from one sync of a gateway, pass of the compactor, run of the cleaner to the
        next; 0 where there is none.
    compactors, rivals : float
        How many there are, and how many of them work on one stream.
    hands : float
        How many compactions go on at a time at most.
    upload_us, work_us : float
        Mean duration of a producer's upload, and of one compaction with its upload.
    is_spread : bool
        Whether producers upload at instants of their own.
    fault_attempts : float
        Attempts of each producer to upload that fail by faults.
    failing : float
        Share of requests that fail without faults.
    drawn : float
        Largest number of streams that a query draws; 0 where nothing about queries is drawn.
    rate_per_s : float
        Arrivals of all classes.
    fills : bool
        Whether queries fill caches, so that they are drawn in any mode.
    """

    horizon_us: float
    trials: float
    schemes: float
    producers: float
    compactors: float
    rivals: float
    hands: float
    chunk_files: float
    block_length_us: float
    upload_after_us: float
    upload_us: float
    retry_us: float
    is_spread: bool
    ranges_us: tuple[float, ...]
    work_us: float
    pass_us: float
    cleanup_us: float
    retention_us: float
    downsampling: bool
    marks: bool
    gateways: float
    shards: float
    sync_us: float
    replicas: float
    legs: float
    has_lags: bool
    failing: float
    fault_attempts: float
    faults: float
    classes: float
    rate_per_s: float
    drawn: float
    fills: bool


def sizes(scenario: Scenario, *, schemes: int | None = None) -> Sizes:
    """Return them; `schemes` is how many of the schemes are run, None for all."""
    producers, compactor, gateways = scenario.producers, scenario.compactor, scenario.gateways
    store, horizon_us = scenario.store, float(scenario.horizon_us)

    def mean_us(law: Law) -> float:
        # A mean may be infinite; what is beyond the horizon does not happen.
        return Adjusted(law=law, at_most_us=horizon_us).mean

    spans_us = [mean_us(fault.lasts) * fault.failing for fault in scenario.faults]
    laws = (store.lag.create, store.lag.overwrite, store.lag.delete)
    lags = [law for planes in laws for law in (planes.get, planes.list)]
    drawn = [
        1.0 if query.streams == "all" else float(query.streams)
        for query in scenario.queries
        if query.streams != "all" or not query.takes.is_constant or store.replicas > 1
    ]
    return Sizes(
        horizon_us=horizon_us,
        trials=float(scenario.trials),
        schemes=float(len(scenario.schemes) if schemes is None else schemes),
        producers=float(producers.count),
        compactors=float(len(compactor.names)),
        rivals=float(len(compactor.of_stream(0))),
        hands=float(min(compactor.n_shards * compactor.n_workers, producers.count)),
        chunk_files=float(producers.chunk_files),
        block_length_us=float(producers.block_length_us),
        upload_after_us=mean_us(producers.upload_after),
        upload_us=mean_us(producers.upload_takes),
        retry_us=float(producers.retry_after_us),
        is_spread=not (producers.upload_after.is_constant and producers.upload_takes.is_constant),
        ranges_us=tuple(float(range_us) for range_us in compactor.ranges_us[1:]),
        work_us=mean_us(compactor.download_takes)
        + mean_us(compactor.compaction_takes)
        + mean_us(compactor.upload_takes),
        pass_us=max(mean_us(compactor.wait_interval), mean_us(compactor.sync_takes)),
        cleanup_us=float(max(scenario.cleanup(i).every_us for i in range(len(scenario.schemes)))),
        retention_us=float(compactor.retention_us[0]),
        downsampling=compactor.downsampling,
        marks=any(scheme.hide_delay_us is not None for scheme in scenario.schemes),
        gateways=float(gateways.count),
        shards=float(gateways.shards),
        sync_us=max(mean_us(gateways.sync_interval), mean_us(gateways.sync_takes)),
        replicas=float(store.replicas),
        legs=0.0 if store.quorum is None else 4.0 * store.quorum.n,
        has_lags=store.order == "log"
        or any(fault.lags for fault in scenario.faults)
        or any(not law.is_constant or law.mean for law in lags),
        failing=min(1.0, store.error_rate + store.lost_answer_rate),
        fault_attempts=sum(spans_us) / producers.retry_after_us,
        faults=float(len(scenario.faults)),
        classes=float(len(scenario.queries)),
        rate_per_s=sum(query.rate_per_s for query in scenario.queries),
        drawn=max(drawn, default=0.0),
        fills=gateways.cache is not None and bool(gateways.cache.chunks_us),
    )
