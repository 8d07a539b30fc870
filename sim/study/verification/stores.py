"""Oracles of the store: stale reads, versions in flight, quorums that miss the newest version.

One key is written at random instants and read so seldom that reads are independent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.analysis.theory import closed_forms as theory
from sim.analysis.theory.oracle import Oracle, Sample, exactly, mean_of, share_of, variance_of
from sim.core.arrivals import arrivals, choose
from sim.core.kernel import Kernel
from sim.core.streams import Streams
from sim.core.units import US_PER_S
from sim.model.blocks.catalog import Block, Catalog
from sim.model.store.versions import Store
from sim.model.store.visibility import GET
from sim.scenario.schema import Store as StoreSpec
from sim.trace.recorder import Header, Recorder
from sim.trace.records import PutRecord

__all__ = ["bare_store", "in_flight_counts", "oracles"]

_WRITES_PER_S: Final = 1.0
_KEY_S: Final = 600
_WARM_S: Final = 60
"""Each key is written for so long, and not read before so long."""
# Many where shares of counts are told apart.
_READS: Final[Mapping[str, int]] = {
    "constant": 3_000,
    "exponential": 11_000,
    "Pareto, index 3": 12_000,
    "slow": 8_000,
}
_SEED: Final = 20_120_000
_CHUNK_FILES: Final = 1
_META: Final = _CHUNK_FILES + 1

# Of one mean; a Pareto law of index 3 has no third moment.
_MEAN_US: Final = 1_500_000
_LAGS: Final[Mapping[str, Any]] = {
    "constant": "1500ms",
    "exponential": {"law": "exponential", "mean": "1500ms"},
    "Pareto, index 3": {"law": "pareto", "minimum": "1s", "alpha": 3.0},
}
_SLOW: Final = {"law": "exponential", "mean": "4500ms"}
_SLOW_US: Final = 4_500_000


@dataclass(frozen=True, slots=True)
class BareStore:
    """A store with a clock, and nobody in it."""

    kernel: Kernel
    streams: Streams
    recorder: Recorder
    store: Store

    def block(self, number: int = 0) -> Block:
        """Return a new block that nobody has stored yet."""
        return self.store.catalog.create(
            stream=0,
            resolution=0,
            min_us=number,
            max_us=number + 1,
            level=1,
            sources=(number,),
            created_us=self.kernel.now_us,
            size_bytes=1,
        )

    def puts(self) -> list[PutRecord]:
        """Return what was put so far."""
        return [one for one in self.recorder.finish().records if isinstance(one, PutRecord)]


def bare_store(spec: Mapping[str, Any], seed: int) -> BareStore:
    """Return a store of a ``[store]`` table, with a seed."""
    parsed = StoreSpec.model_validate(spec)
    header = Header(
        scenario="verification",
        scenario_digest="",
        scheme="",
        trial=0,
        seed=seed,
        chunk_files=_CHUNK_FILES,
        gateways=1,
        replicas=parsed.replicas,
        warmup_us=0,
        horizon_us=0,
    )
    kernel, streams, recorder = Kernel(), Streams(seed), Recorder(header)
    catalog = Catalog(chunk_files=_CHUNK_FILES)
    store = Store(parsed, kernel=kernel, catalog=catalog, streams=streams, recorder=recorder)
    return BareStore(kernel, streams, recorder, store)


@dataclass(frozen=True, slots=True)
class _Reads:
    """What reads of one key found: how far behind they are, and how much is in flight."""

    behind: NDArray[np.int64]
    in_flight: NDArray[np.int64]


@lru_cache(maxsize=8)
def _reads(law: str, every_s: int) -> _Reads:
    """Write one key after another at random for ten minutes, and read it every so many seconds."""
    lag = {"get": _SLOW if law == "slow" else _LAGS[law], "list": "0s"}
    lags = {"lag": dict.fromkeys(("create", "overwrite", "delete"), lag)}
    read_us = np.arange(_WARM_S, _KEY_S, every_s, dtype=np.int64) * US_PER_S
    found = [
        _reads_of_key(lags, law, key, read_us) for key in range(-(-_READS[law] // read_us.size))
    ]
    return _Reads(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _reads_of_key(
    spec: Mapping[str, Any], law: str, key: int, read_us: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many versions reads of one key are behind, and how many are in flight."""
    bare = bare_store(spec, seed=_SEED + key)
    written = arrivals(bare.streams.stream("writes", law), _WRITES_PER_S, _KEY_S * US_PER_S)
    block = bare.block()
    for t_us in written.tolist():
        if t_us > bare.kernel.now_us:
            bare.kernel.run(t_us)
        bare.store.put(block, (_META,), stamp_us=t_us)
    shown = [bare.store.shown(block, _META, GET, 0, t_us) for t_us in read_us.tolist()]
    stamps = np.array([-1 if version is None else version.stamp_us for version in shown])
    begun = np.searchsorted(written, read_us, side="right")
    behind = begun - np.searchsorted(written, stamps, side="right")
    visible = np.sort([put.get[0] for put in bare.puts()])
    return behind, begun - np.searchsorted(visible, read_us, side="right")


def in_flight_counts() -> Mapping[str, NDArray[np.int64]]:
    """Return how many versions were in flight at each read, by the law of the lag."""
    return {name: _reads(name, 6).in_flight for name in _LAGS if name != "constant"}


def _share(hits: NDArray[np.bool_]) -> Sample:
    return share_of(int(hits.sum()), hits.size)


def _behind(versions: int) -> Sample:
    return _share(_reads("slow", 9).behind >= versions)


def _mean_in_flight(name: str) -> Sample:
    return mean_of(_reads(name, 6).in_flight.astype(np.float64))


def _variance_in_flight(name: str, mean: float) -> Sample:
    return variance_of(_reads(name, 6).in_flight.astype(np.float64), mean)


def _share_in_flight(name: str, count: int) -> Sample:
    return _share(_reads(name, 6).in_flight == count)


def _stale_reads() -> Iterator[Oracle]:
    setting = "one key, 1 write/s, lag {}"
    yield Oracle(
        quantity="P(stale read)",
        setting=setting.format("exponential, mean 1.5 s"),
        value=theory.stale_fraction_exponential(_WRITES_PER_S, US_PER_S / _MEAN_US),
        source="w / (w + l)",
        sample=lambda: _share(_reads("exponential", 6).behind > 0),
    )
    yield Oracle(
        quantity="P(stale read)",
        setting=setting.format("constant, 1.5 s"),
        value=theory.stale_fraction_constant(_WRITES_PER_S, _MEAN_US),
        source="1 − exp(−w d)",
        sample=lambda: _share(_reads("constant", 6).behind > 0),
    )
    for versions in (1, 2, 3):
        yield Oracle(
            quantity=f"P(behind by {versions} or more)",
            setting=setting.format("exponential, mean 4.5 s"),
            value=theory.version_lag_exponential(_WRITES_PER_S, US_PER_S / _SLOW_US, versions),
            source="∏ w / (w + j l), j = 1 … k",
            sample=partial(_behind, versions),
        )


def _in_flight() -> Iterator[Oracle]:
    mean = theory.little(_WRITES_PER_S, _MEAN_US)
    for name in _LAGS:
        setting = f"1 write/s, lag {name}, mean 1.5 s"
        yield Oracle(
            quantity="versions in flight, mean",
            setting=setting,
            value=mean,
            source="Little 1961: L = λ W",
            sample=partial(_mean_in_flight, name),
        )
        if name == "constant":
            continue
        yield Oracle(
            quantity="versions in flight, variance",
            setting=setting,
            value=mean,
            source="M/G/∞ is Poisson: Takács 1962",
            sample=partial(_variance_in_flight, name, mean),
        )
        for count in (0, 1, 2):
            yield Oracle(
                quantity=f"P({count} versions in flight)",
                setting=setting,
                value=theory.in_flight_pmf(_WRITES_PER_S, _MEAN_US, count),
                source="M/G/∞ is Poisson: Takács 1962",
                sample=partial(_share_in_flight, name, count),
            )


def _missed(n: int, r: int, w: int, versions: int, samples: int) -> int:
    """How often none of the replicas that are read has one of the last versions.

    Those that acknowledge show a change at once, the others much later.
    """
    late = {"get": "1d", "list": "0s"}
    lag = {"create": late, "overwrite": late, "delete": late}
    bare = bare_store(
        {"replicas": n, "acks": w, "lag": lag}, seed=1000 * n + 100 * r + 10 * w + versions
    )
    asked = choose(bare.streams.stream("asked"), np.arange(samples), n, r)
    missed = 0
    for number, replicas in enumerate(asked.tolist()):
        block = bare.block(number)
        for _ in range(versions):
            bare.store.put(block, (_META,))
        found = [bare.store.shown(block, _META, GET, replica, 0) for replica in replicas]
        missed += all(version is None for version in found)
    return missed


def _share_missed(n: int, r: int, w: int, versions: int, samples: int) -> Sample:
    return share_of(_missed(n, r, w, versions, samples), samples)


def _quorums() -> Iterator[Oracle]:
    for n, r, w, k, samples in (
        (3, 1, 1, 1, 3_000),
        (3, 1, 1, 2, 8_000),
        (3, 1, 1, 3, 12_000),
        (3, 1, 2, 1, 12_000),
        (3, 2, 1, 1, 12_000),
        (5, 2, 2, 1, 14_000),
        (7, 2, 2, 2, 15_000),
    ):
        yield Oracle(
            quantity="P(all quorums miss)" if k > 1 else "P(quorum misses)",
            setting=f"N = {n}, R = {r}, W = {w}, "
            + (f"the last {k} versions" if k > 1 else "newest"),
            value=theory.quorum_miss(n, r, w, k),
            source="Bailis et al. 2012, section 3: (C(N−W, R) / C(N, R))^k",
            sample=partial(_share_missed, n, r, w, k, samples),
        )
    yield Oracle(
        quantity="P(quorum meets the newest)",
        setting="N = 3, R = 2, W = 2",
        value=1.0 - theory.quorum_miss(3, 2, 2),
        source="R + W > N",
        sample=lambda: exactly(1.0 - _missed(3, 2, 2, 1, 1_000) / 1_000),
    )


def oracles() -> Iterator[Oracle]:
    """Give the oracles of the store."""
    yield from _stale_reads()
    yield from _in_flight()
    yield from _quorums()
