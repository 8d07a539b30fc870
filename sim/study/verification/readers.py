"""Oracles of whole simulations with readers: how late they look, and which delay that asks for."""

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final

import numpy as np

from sim.analysis.queries.evaluate import class_hazards, evaluate_exact
from sim.analysis.queries.exposure import Exposure
from sim.analysis.theory import closed_forms as theory
from sim.analysis.theory.oracle import (
    LawSample,
    Oracle,
    Sample,
    exactly,
    mean_of,
    variance_of,
)
from sim.core.laws import Exponential, Floats
from sim.core.units import US_PER_S, format_duration
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.trace.columns import build
from sim.trace.timelines import Timelines

__all__ = ["discovery_minutes", "oracles", "tiny_world", "window_minutes"]

_MINUTE_US: Final = 60 * US_PER_S
_PERIOD_M: Final = 60.0
_SYNC_M: Final = 7.0
_WORLD: Final[Mapping[str, Any]] = {
    "schema": 1,
    "name": "verification",
    "seed": 7,
    "store": {"profile": "strong"},
    "producers": {"block_length": "2h", "local_retention": "0s", "block_bytes": "100B"},
    "compactor": {
        "wait_interval": "2h",
        "ranges": ["2h", "8h"],
        "compaction_takes": "1m",
        "consistency_delay": "0s",
        "delete_workers": 1,
        "downsampling": False,
    },
    "gateways": {"phase": "uniform", "sync_interval": "60m", "unhealthy_after": "5m"},
    "queries": [{"name": "old", "rate": "2/m", "range": "1d", "offset": "3h"}],
    "schemes": [{"name": "at once", "kind": "immediate"}],
}
_FAILURES: Final = ("query-error", "partial-response", "warned")


def tiny_world(**changes: Any) -> Scenario:
    """Return the world of this room; tables are laid over tables, all else replaces its value."""
    raw = dict(_WORLD)
    for key, value in changes.items():
        under = raw.get(key)
        raw[key] = {**under, **value} if isinstance(under, dict) else value
    return Scenario.model_validate(raw)


def timelines(scenario: Scenario, trial: int = 0) -> Timelines:
    """Simulate one trial of the only scheme."""
    return build(simulate(scenario, 0, trial))


@lru_cache(maxsize=4)
def _windows_m(trials: int, count: int, sync_m: float, answer: str) -> Floats:
    """Per trial, for how long queries fail, lack data, and are warned after one deletion, min.

    The sources of the only compaction go at 10h1m; the query asks for nothing newer.
    """
    scenario = tiny_world(
        horizon="11h10m",
        gateways={
            "count": count,
            "sync_takes": f"{sync_m:g}m",
            "partial_response": answer,
        },
    )
    rows = []
    for trial in range(trials):
        seen = timelines(scenario, trial)
        found = class_hazards(Exposure(scenario, seen, scenario.queries[0]))
        lengths = (found.end_us - found.start_us) / _MINUTE_US
        of = np.array(found.outcome)
        rows.append([float(lengths[of == outcome].sum()) for outcome in _FAILURES])
    return np.array(rows)


def window_minutes() -> Floats:
    """Return, of many deletions at once, how long queries failed at a reader, ascending, min."""
    return np.sort(_windows_m(1000, 1, _SYNC_M, "abort")[:, 0])


def _mean_window(trials: int, count: int, answer: str, column: int) -> Sample:
    return mean_of(_windows_m(trials, count, 0.0, answer)[:, column])


def _error_windows() -> Iterator[Oracle]:
    setting = "deleted at once, one gateway, sync every 60m of 7m"
    law = theory.error_window_immediate(_PERIOD_M, _SYNC_M)
    source = "uniform on (0, P) + s"
    yield Oracle(
        quantity="error window, mean",
        setting=setting,
        value=law.mean,
        unit="min",
        source=source,
        sample=lambda: mean_of(window_minutes()),
    )
    yield Oracle(
        quantity="error window, law",
        setting=setting,
        value=_PERIOD_M,
        unit="min",
        source=source,
        sample=lambda: LawSample(
            found=float(2.0 * (window_minutes() - _SYNC_M).mean()),
            size=window_minutes().size,
            values=window_minutes(),
            cdf=lambda x, period_m: np.clip((x - _SYNC_M) / period_m, 0.0, 1.0),
        ),
    )
    for count, trials in ((2, 600), (4, 150)):
        yield Oracle(
            quantity="error window, mean",
            setting=f"{count} gateways that answer only together, sync every 60m",
            value=_PERIOD_M * count / (count + 1),
            unit="min",
            source="the largest of n uniform: P n / (n + 1)",
            sample=partial(_mean_window, trials, count, "abort", 0),
        )
    for column, what, source in (
        (1, "data missing, mean", "the least of 2 uniform: P / 3"),
        (2, "warning and no gap, mean", "largest less least of 2 uniform: P / 3"),
    ):
        yield Oracle(
            quantity=what,
            setting="2 gateways that answer apart, sync every 60m",
            value=_PERIOD_M / 3,
            unit="min",
            source=source,
            wrong=0.25,
            sample=partial(_mean_window, 400, 2, "warn", column),
        )


_LISTED_AFTER: Final = Exponential(mean_us=10.0)
"""In minutes. A block is listed as soon as one of its three objects is: the least of three
exponential lags of 30m is exponential of 10m."""


@lru_cache(maxsize=1)
def discovery_minutes() -> Floats:
    """Return how long new blocks stay unknown to a poller, ascending, min.

    Every stream has a gateway, so a phase, of its own.
    """
    lag = {"get": "0s", "list": {"law": "exponential", "mean": "30m"}}
    scenario = tiny_world(
        horizon="8h",
        store={"lag": {"create": lag}},
        producers={"count": 100},
        compactor={"ranges": ["2h"], "wait_interval": "99h"},
        gateways={"count": 100, "shards": 100},
    )
    delays: list[float] = []
    for trial in range(40):
        seen = timelines(scenario, trial)
        blocks, loads = seen.blocks, seen.loads
        is_first = blocks.min_us[loads.block] == 0
        found = (loads.load_us - blocks.committed_us[loads.block])[is_first]
        delays += (found / _MINUTE_US).tolist()
    return np.sort(np.array(delays))


def _discovery() -> Iterator[Oracle]:
    truth = theory.polling_delay(_PERIOD_M, _LISTED_AFTER)
    setting = "polled every 60m, lag exponential, mean 10m"
    yield Oracle(
        quantity="discovery delay, mean",
        setting=setting,
        value=truth.mean,
        unit="min",
        source="E[D] + P/2",
        sample=lambda: mean_of(discovery_minutes()),
    )
    yield Oracle(
        quantity="discovery delay, variance",
        setting=setting,
        value=truth.variance,
        unit="min²",
        source="Var[D] + P²/12",
        sample=lambda: variance_of(discovery_minutes(), truth.mean),
    )


_PERIOD_S, _TAKES_S, _QUERY_S = 10, 2, 3
_PASS_MS: Final = 100


def _has_errors(delay_ms: int, phase_us: int, hide: str, view_lag: str) -> bool:
    """Whether queries fail of blocks of a minute that are marked at 90s sharp."""
    lag = {"create": {"get": view_lag, "list": "0s"}}
    scenario = tiny_world(
        horizon="140s",
        store={"replicas": 2, "primary": True, "lag": lag},
        producers={"block_length": "1m"},
        compactor={
            "ranges": ["1m"],
            "wait_interval": f"{_PASS_MS}ms",
            "compaction_takes": "0s",
            "retention": {"raw": "29900ms"},
        },
        gateways={
            "phase": f"{phase_us}us",
            "sync_interval": f"{_PERIOD_S}s",
            "sync_takes": f"{_TAKES_S}s",
        },
        queries=[{"name": "q", "range": "1h", "takes": f"{_QUERY_S}s"}],
        schemes=[
            {
                "name": "mark",
                "kind": "deletion-mark",
                "delete_delay": f"{delay_ms}ms",
                "ignore_deletion_marks_delay": hide,
            }
        ],
    )
    (found,) = evaluate_exact(scenario, timelines(scenario))
    return found.fractions["query-error"] > 0.0


def _least_safe_s(worst_us: int, hide: str, view_lag: str) -> Sample:
    """The least delay with which nothing fails, at the phase of syncs that is worst for it."""
    phase_us = (worst_us - _TAKES_S * US_PER_S) % (_PERIOD_S * US_PER_S)
    failing_ms, safe_ms = 8_000, 32_000
    while safe_ms - failing_ms > _PASS_MS:
        middle_ms = (failing_ms + safe_ms) // (2 * _PASS_MS) * _PASS_MS
        if _has_errors(middle_ms, phase_us, hide, view_lag):
            failing_ms = middle_ms
        else:
            safe_ms = middle_ms
    return exactly(safe_ms / 1e3)


def _safe_delays() -> Iterator[Oracle]:
    for hide_s, lag_s, worst_us in ((5, 0, 95 * US_PER_S), (5, 8, 98 * US_PER_S - 1)):
        safe_us = theory.safe_delay_us(
            period_us=_PERIOD_S * US_PER_S,
            sync_takes_us=_TAKES_S * US_PER_S,
            query_takes_us=_QUERY_S * US_PER_S,
            hide_after_us=hide_s * US_PER_S,
            view_lag_us=lag_s * US_PER_S,
        )
        hide, lag = format_duration(hide_s * US_PER_S), format_duration(lag_s * US_PER_S)
        yield Oracle(
            quantity="safe delete delay",
            setting=f"I = {hide}, L = {lag}, P = 10s, s = 2s, Q = 3s",
            value=safe_us / US_PER_S,
            unit="s",
            source="max(I, L) + P + s + Q; deleted at the next pass, 0.1 s or less later",
            rounding=2 * _PASS_MS / 1e3,
            sample=partial(_least_safe_s, worst_us, hide, lag),
        )


def oracles() -> Iterator[Oracle]:
    """Give the oracles of readers."""
    yield from _discovery()
    yield from _error_windows()
    yield from _safe_delays()
