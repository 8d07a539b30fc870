"""Oracles of partial quorums: what was published with the model WARS, and its exact values.

The sampler answers all of them, the store's own quorums those that fewer draws can tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from sim.analysis.theory import pbs
from sim.analysis.theory.oracle import Oracle, Sample, exactly, quantile_of, share_of
from sim.analysis.theory.wars import Fit, wars_draws
from sim.core.laws import Exponential, Floats, Law, Mixture
from sim.core.streams import Streams
from sim.study.verification.stores import bare_store

__all__ = ["FITS", "fresh_from_ms", "oracles"]

FITS: Final = MappingProxyType(
    {
        fit.name: fit
        for fit in (
            *(pbs.LNKD_SSD, pbs.LNKD_DISK, pbs.YMMR, pbs.WAN),
            *(pbs.slow_writes(rate) for rate in (4.0, 0.1)),
        )
    }
)
_SAMPLES: Final = 2_000_000
_PIECE: Final = 250_000
_FRESH: Final = 0.999
_PUBLISHED_LATENCIES: Final = 1_000_000
_NOISY: Final = frozenset(
    {("LNKD-DISK", "W", 3), ("YMMR", "R", 2), ("WAN", "W", 1), ("YMMR", "t", 2)}
)
"""Fits and quorums of a tail so thin that a million samples cannot tell 10 % apart: 20 %."""
_TABLE: Final = "Bailis et al. 2012, table 4"
_TEXT: Final = "Bailis et al. 2012, text"


@dataclass(frozen=True, slots=True)
class _Columns:
    """Samples in ms: thresholds by (R, W), latencies by the size of a quorum."""

    thresholds: dict[tuple[int, int], Floats]
    reads: dict[int, Floats]
    writes: dict[int, Floats]


@lru_cache(maxsize=1)
def _columns(name: str) -> _Columns:
    quorums = [(r, w) for fit, r, w in pbs.PUBLISHED if fit == name]
    stream = Streams(2012).stream("wars", name)
    pieces = []
    for start in range(0, _SAMPLES, _PIECE):
        draws = wars_draws(stream, start, _PIECE, 3, FITS[name])
        pieces.append(
            _Columns(
                {(r, w): draws.thresholds_us(r, w) / 1e3 for r, w in quorums},
                {k: draws.read_latency_us(k) / 1e3 for k in (1, 2, 3)},
                {k: draws.write_latency_us(k) / 1e3 for k in (1, 2, 3)},
            )
        )
    return _Columns(
        {q: np.concatenate([piece.thresholds[q] for piece in pieces]) for q in quorums},
        {k: np.concatenate([piece.reads[k] for piece in pieces]) for k in (1, 2, 3)},
        {k: np.concatenate([piece.writes[k] for piece in pieces]) for k in (1, 2, 3)},
    )


def _thresholds_ms(fit: str, read: int, write: int) -> Floats:
    return _columns(fit).thresholds[read, write]


@lru_cache(maxsize=12)
def fresh_from_ms(fit: str, replicas: int = 3) -> Floats:
    """Return from which t on each of many reads of a published fit is fresh, R = W = 1, ms."""
    stream = Streams(2012).stream("wars of", fit, replicas)
    return wars_draws(stream, 0, 200_000, replicas, FITS[fit]).thresholds_us(1, 1) / 1e3


def _share(is_fresh: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Sample:
    return share_of(int(is_fresh.sum()), is_fresh.size)


def _latency(values: Floats) -> Sample:
    """The 99.9th percentile, whose published value has an error as large as a million give."""
    ours = quantile_of(values, _FRESH)
    theirs = ours.error * np.sqrt(values.size / _PUBLISHED_LATENCIES)
    return Sample(found=ours.found, error=float(np.hypot(ours.error, theirs)), size=ours.size)


def _sweep(fit: str, read: int, write: int) -> Sample:
    """Where a sweep stops; a published t is one such stop."""
    mean, spread = pbs.first_passage(_thresholds_ms(fit, read, write), pbs.SWEEP_STEP_MS[fit])
    return Sample(found=mean, error=spread, size=pbs.SWEEP_READS, limit=3.0)


def _wrong(fit: str, what: str, quorum: int) -> float:
    return 0.2 if (fit, what, quorum) in _NOISY else 0.1


def _published(fit: str, read: int, write: int) -> Iterator[Oracle]:
    row = pbs.PUBLISHED[fit, read, write]
    setting = f"{fit}, N = 3, R = {read}, W = {write}"
    yield Oracle(
        quantity="read latency, 99.9 %",
        setting=setting,
        value=row.read_ms,
        unit="ms",
        source=_TABLE,
        rounding=0.05 if row.read_ms in {32.6, 3.4, 151.3} else 0.005,
        wrong=_wrong(fit, "R", read),
        sample=lambda: _latency(_columns(fit).reads[read]),
    )
    yield Oracle(
        quantity="write latency, 99.9 %",
        setting=setting,
        value=row.write_ms,
        unit="ms",
        source=_TABLE,
        rounding=0.05 if row.write_ms == 10.9 else 0.005,
        wrong=_wrong(fit, "W", write),
        sample=lambda: _latency(_columns(fit).writes[write]),
    )
    if row.t_ms:
        yield Oracle(
            quantity="t at which a sweep sees 99.9 % fresh",
            setting=setting,
            value=row.t_ms,
            unit="ms",
            source=f"{_TABLE}: one sweep, errors are its own",
            wrong=0.35 if fit == "YMMR" else 0.2,
            sample=lambda: _sweep(fit, read, write),
        )
    elif read + write > 3:
        yield Oracle(
            quantity="P(fresh) at once",
            setting=setting,
            value=1.0,
            source=f"{_TABLE}: t = 0, and R + W > N",
            sample=lambda: exactly(float((_thresholds_ms(fit, read, write) == 0.0).mean())),
        )


def _exact(fit: str, read: int, write: int) -> Iterator[Oracle]:
    row = pbs.EXACT[fit, read, write]
    setting = f"{fit}, N = 3, R = {read}, W = {write}"
    yield Oracle(
        quantity="P(fresh) at once",
        setting=setting,
        value=row.fresh_at_once,
        source="20 million samples of another program",
        rounding=1.5e-4,
        sample=lambda: _share(_thresholds_ms(fit, read, write) == 0.0),
    )
    if row.t_ms:
        yield Oracle(
            quantity="t for 99.9 % fresh",
            setting=setting,
            value=row.t_ms,
            unit="ms",
            source="20 million samples of another program",
            rounding=(row.high_ms - row.low_ms) / 2,
            wrong=_wrong(fit, "t", read),
            sample=lambda: quantile_of(_thresholds_ms(fit, read, write), _FRESH),
        )


def _in_the_text(fit: str, replicas: int, after_ms: float) -> Oracle:
    value, rounding = pbs.PUBLISHED_FRESH[fit, replicas, after_ms]
    # Theirs is a share of a sweep's reads.
    noise = 3.0 * float(np.sqrt(value * (1.0 - value) / pbs.SWEEP_READS))
    return Oracle(
        quantity=f"P(fresh) {after_ms:g} ms after" if after_ms else "P(fresh) at once",
        setting=f"{fit}, N = {replicas}, R = W = 1, as published",
        value=value,
        source=_TEXT,
        rounding=rounding + noise,
        sample=lambda: _share(fresh_from_ms(fit, replicas) <= after_ms),
    )


def _whole(law: Law) -> Law:
    """A published fit as the scenario language can say it: means in whole microseconds."""
    if isinstance(law, Exponential):
        return replace(law, mean_us=float(round(law.mean_us)))
    return replace(law, parts=tuple(map(_whole, law.parts))) if isinstance(law, Mixture) else law


def _store_lags_ms(fit: Fit, read: int, write: int, puts: int) -> Floats:
    """After which age a read finds what was put in the store: two objects, in two planes."""
    legs = {leg: _whole(getattr(fit, leg)) for leg in ("write", "ack", "read", "response")}
    bare = bare_store({"quorum": {"n": 3, "r": read, "w": write, **legs}}, seed=2012)
    for number in range(puts):
        bare.store.put(bare.block(number), (0, 1))
    return np.array([t for put in bare.puts() for t in put.get + put.list]) / 1e3


def _store(fit: str, read: int, write: int, puts: int, wrong: float) -> Oracle:
    return Oracle(
        quantity="P(stale) at once, in the store",
        setting=f"{fit}, N = 3, R = {read}, W = {write}",
        value=1.0 - pbs.EXACT[fit, read, write].fresh_at_once,
        source="20 million samples of another program",
        # The store counts whole microseconds.
        rounding=1e-3,
        wrong=wrong,
        sample=lambda: _share(_store_lags_ms(FITS[fit], read, write, puts) > 0.0),
    )


def oracles() -> Iterator[Oracle]:
    """Give the oracles of partial quorums, fit by fit."""
    for fit in ("LNKD-SSD", "LNKD-DISK", "YMMR", "WAN"):
        for key in pbs.PUBLISHED:
            if key[0] == fit:
                yield from _published(*key)
        for key in pbs.EXACT:
            if key[0] == fit:
                yield from _exact(*key)
    for said in pbs.PUBLISHED_FRESH:
        yield _in_the_text(*said)
    yield _store("LNKD-SSD", 1, 1, 3_000, 0.45)
    yield _store("LNKD-DISK", 1, 1, 1_000, 0.1)
    yield _store("LNKD-DISK", 2, 1, 3_000, 0.1)
    yield _store("YMMR", 1, 1, 2_000, 0.3)
