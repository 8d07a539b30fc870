"""Hypothesis strategies for scenarios that run in milliseconds.

Each strategy but :func:`scenarios` draws a table as a scenario file says it, a plain mapping that
can be changed before it becomes a :class:`~sim.scenario.schema.Scenario`. Times lie on a coarse
grid, so that things happen at the same instant far more often than they would by chance, and the
simplest value comes first: what does not matter for a failure shrinks away.
"""

import functools
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

from sim.scenario.language.faults import fault_tables
from sim.scenario.schema import Scenario, Store
from sim.testing.byhand import interventions
from sim.testing.draws import pinned_draws
from sim.testing.durations import HOUR_M as _HOUR_M
from sim.testing.durations import lag_laws, slowed
from sim.testing.durations import minutes as _minutes
from sim.testing.faults import fault_schedules
from sim.testing.kept import noted
from sim.testing.labels import labelled
from sim.testing.schemes import schemes

__all__ = ["query_classes", "scenarios", "stores"]

Table = dict[str, Any]

# As for primitives.
fault_tables()


# Hypothesis looks at every strategy anew that it has not met, which takes longer than to draw.
_cached: Final = functools.lru_cache(maxsize=None, typed=True)


@_cached
def _just(value: Any) -> SearchStrategy[Any]:
    return st.just(value)


@_cached
def _among(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


@_cached
def _seldom(often: Any, seldom: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """``often`` mostly, which is also what a failing example shrinks to."""
    return st.one_of(st.just(often), st.just(often), seldom)


@composite
def stores(draw: DrawFn, *, strong: bool = False, errors: bool = True) -> Table:
    """``[store]`` tables.

    Parameters
    ----------
    strong : bool
        No lag, no front end that remembers, no errors: what is acknowledged is seen.
    errors : bool
        Whether requests may fail.
    """
    if strong:
        return {"replicas": draw(st.integers(1, 2))}
    replicas = draw(st.integers(1, 3))
    lag = {
        kind: {plane: draw(_seldom("0s", lag_laws(90))) for plane in ("get", "list")}
        for kind in ("create", "overwrite", "delete")
    }
    table: Table = {
        "replicas": replicas,
        "read_from": draw(_among("any", "sticky", "nearest")),
        "primary": replicas > 1 and draw(_seldom(False, _just(True))),
        "acks": draw(st.integers(0, replicas)),
        "order": draw(_seldom("independent", _among("log", "key"))),
        "delete_absent": draw(_seldom(None, _just("error"))),
        "negative_cache": draw(_seldom("0s", _minutes(5, 60))),
        "lag": lag,
    }
    if table["primary"] and draw(_seldom(False, _just(True))):
        table["acks"] = 0
        table["lag"] = {kind: {"get": planes["get"]} for kind, planes in lag.items()}
        table["replication"] = {
            "omits": draw(_among(None, ("deletes",), ("marks",), ("deletes", "marks"))),
            "bandwidth": draw(_among(None, "100kB", "1MB")),
        }
    if errors:
        table["error_rate"] = draw(_seldom(0.0, _among(0.02, 0.2)))
        table["lost_answer_rate"] = draw(_seldom(0.0, _among(0.02, 0.1)))
    return table


@composite
def query_classes(draw: DrawFn, *, n_streams: int, name: str = "q") -> Table:
    """One ``[[queries]]`` table over ``n_streams`` streams."""
    return {
        "name": name,
        "rate": draw(_among("1/m", "6/m")),
        "range": draw(_minutes(_HOUR_M, 24 * _HOUR_M)),
        "offset": draw(_seldom("0s", _minutes(0, 6 * _HOUR_M))),
        "streams": draw(st.one_of(_just("all"), st.integers(1, n_streams))),
        "takes": draw(_seldom("0s", lag_laws(30))),
        "max_resolution": draw(_seldom("raw", _among("5m", "1h"))),
    }


@composite
def _producers(draw: DrawFn, length_m: int, count: int) -> Table:
    return {
        "count": count,
        "block_length": f"{length_m}m",
        "upload_after": draw(_seldom("0s", lag_laws(20))),
        "upload_takes": draw(_seldom("0s", lag_laws(30))),
        "retry_after": draw(_among("30s", "5m")),
        "local_retention": draw(_minutes(0, 3 * length_m)),
        "local_retention_bytes": draw(_seldom(None, _among("512MiB", "1300MiB"))),
        "unuploaded": draw(_seldom(None, _just("dropped"))),
        "chunk_files": draw(st.integers(1, 2)),
    }


@composite
def _compactors(draw: DrawFn, length_m: int, count: int, *, downsampling: bool) -> Table:
    factor = draw(st.integers(2, 4))
    ranges = [length_m, length_m * factor, length_m * factor * 2]
    cleanup = draw(_among("in-pass", "end-of-pass", "every 15m"))
    marks = draw(_seldom(0.0, _just(0.5)))
    beside = "0s" if cleanup == "every 15m" else draw(_among("0s", "25m"))
    return {
        "count": count if count > 1 else None,
        "shards": draw(_among(None, 1)) if count > 1 else None,
        "downsampling": downsampling,
        "wait_interval": draw(lag_laws(60, least_m=15)),
        "sync_takes": draw(_seldom("0s", lag_laws(10))),
        "sync_stages": {"check": draw(_among(0.0, marks)), "marks": marks},
        "sync_timeout": draw(_seldom("0s", _just("6m"))),
        "remember_marks": draw(_seldom(True, _just(False))),
        "ranges": [f"{r}m" for r in ranges[: draw(st.integers(2, 3))]],
        "vertical_compaction": draw(_seldom(None, st.booleans())),
        "asks_index_size": draw(_seldom(None, _just(True))),
        "concurrency": draw(_seldom(None, _among(2, 3))),
        "download_takes": draw(_seldom("0s", lag_laws(20))),
        "compaction_takes": draw(lag_laws(30)),
        "upload_takes": draw(_seldom("0s", lag_laws(10))),
        "delete_takes": draw(_seldom("0s", lag_laws(5))),
        "delete_workers": draw(_among(1, 2, 32)),
        "restart_after": draw(_among("10s", "5m")),
        "consistency_delay": draw(_seldom("0s", _minutes(0, 40))),
        "retention": {"raw": draw(_seldom("0s", _minutes(2 * length_m, 8 * length_m)))},
        "cleanup": cleanup,
        "cleanup_interval": beside,
        "clock_guard": draw(_seldom(None, _minutes(1, 30))),
        "partial_age": draw(_seldom("48h", _minutes(10, 120))),
        "partial_age_from": draw(_among("modified", "listed", "created")),
        "without_meta": draw(_seldom(None, _just("fails"))),
        "marked_are_partial": draw(_seldom(None, _just(True))),
        "partial_cleanup": draw(_seldom(None, _just("mark"))),
        "progress_interval": draw(_seldom("0s", _just("20m"))),
        "size_ratio": draw(_among(1.0, 0.9)),
    }


@composite
def _gateways(draw: DrawFn, *, strong: bool) -> Table:
    shards = draw(st.integers(1, 2))
    marks = draw(_seldom(0.0, _just(0.5)))
    table = {
        "count": shards * draw(st.integers(1, 2)),
        "shards": shards,
        "shard_by": draw(_among(None, "block")) if shards > 1 else None,
        "sync_interval": draw(lag_laws(60, least_m=10)),
        "sync_takes": draw(_seldom("0s", lag_laws(20))),
        "sync_takes_per_block": draw(_seldom("0s", _among("7s", "1m"))),
        "phase": draw(st.one_of(_just("uniform"), _minutes(0, 60))),
        "consistency_delay": draw(_seldom("0s", _minutes(0, 40))),
        "partial_response": draw(_among("abort", "warn")),
        "unhealthy_after": draw(_among("5m", "0s", "1h")),
        "restart_after": draw(_seldom("10s", lag_laws(20))),
        "sync_stages": {
            "check": draw(_among(0.0, marks)),
            "marks": marks,
            "load": draw(_among(1.0, marks)),
        },
    }
    if not strong and draw(_seldom(False, _just(True))):
        lasts = {key: draw(_minutes(0, 120)) for key in ("listing", "exists", "absent", "content")}
        table["cache"] = {**lasts, "shared": marks == 0.0 and draw(st.booleans())}
    return table


@composite
def _referrers(draw: DrawFn, *, expires: bool) -> Table | None:
    if not expires or draw(st.booleans()):
        return None
    return {
        "count": draw(st.integers(1, 2)),
        "every": draw(lag_laws(90, least_m=15)),
        "takes": draw(lag_laws(240)),
        "refresh": draw(_among(None, "0s", "50m", "3h")),
        "within": draw(_minutes(60, 8 * _HOUR_M)),
        "wants": draw(_among(1.0, 0.5)),
        "verifies": draw(_among(False, True)),
    }


def _kinds(*, strong: bool, errors: bool) -> tuple[str, ...]:
    """Kinds of faults on a store that is strong, or of which no request fails."""
    return tuple(
        kind
        for kind, table in fault_tables().items()
        if (errors or not kind.endswith("-errors")) and not (strong and table.lags)
    )


@composite
def scenarios(
    draw: DrawFn,
    *,
    strong: bool = False,
    errors: bool = True,
    max_faults: int = 2,
    max_interventions: int = 0,
    scheme_kinds: tuple[str | Mapping[str, Any], ...] = ("immediate", "deletion-mark"),
    max_queries: int = 2,
    sampled: bool = False,
    downsampling: bool = False,
) -> Scenario:
    """Scenarios of at most 16 block lengths, a few streams and a few gateways.

    Parameters
    ----------
    strong : bool
        The store shows what it acknowledged, at once; see :func:`stores`. Implies no errors, also
        not as faults, and no caches; crashes and outages remain.
    errors : bool
        Whether requests may fail.
    max_faults, max_interventions : int
        Most of each; 0 for a world in which nothing breaks down, or people leave the bucket alone.
    scheme_kinds : tuple of str or Mapping
        The schemes of every scenario, one of each kind, in this order; ``"module:Name"`` is one of
        somebody else, of which every key is drawn that is not said. A table is what it says, and
        else drawn: ``{"kind": "deletion-mark", "delete_delay": "0s"}``.
    max_queries : int
        Most query classes, at least 1.
    sampled : bool
        Whether schemes may be such that only queries can be judged that are drawn.
    downsampling : bool
        Whether blocks are downsampled; everything takes a day for an hour then, and queries may
        use what is made of them.

    Returns
    -------
    SearchStrategy of Scenario
        One trial, no warm-up, no expectations.
    """
    may_fail = errors and not strong
    length_m = draw(st.sampled_from([120] if downsampling else [60, 120]))
    horizon_m = length_m * draw(st.integers(6, 16))
    n_producers = draw(st.integers(1, 3))
    n_compactors = draw(_seldom(1, st.integers(1, 3)))
    gateways = draw(_gateways(strong=strong))
    store = draw(stores(strong=strong, errors=may_fail))
    faults = fault_schedules(
        n_gateways=gateways["count"],
        n_producers=n_producers,
        n_compactors=n_compactors,
        horizon_m=horizon_m,
        replicas=range(int(store.get("primary", False)), store["replicas"]),
        kinds=_kinds(strong=strong, errors=may_fail),
        most=max_faults,
    )
    by_hand = interventions(n_producers=n_producers, horizon_m=horizon_m)
    scheme = partial(
        schemes,
        one_replica=not Store.model_validate(store).draws_replicas,
        one_compactor=n_compactors == 1,
        sampled=sampled,
        partial_response=gateways["partial_response"],
    )
    compactor = draw(_compactors(length_m, n_compactors, downsampling=downsampling))
    table = {
        "horizon": f"{horizon_m}m",
        "store": store,
        "producers": draw(_producers(length_m, n_producers)),
        "compactor": compactor,
        "gateways": gateways,
        "queries": [
            draw(query_classes(n_streams=n_producers, name=f"q{i}"))
            for i in range(draw(st.integers(1, max_queries)))
        ],
        "schemes": [draw(scheme(kind)) for kind in scheme_kinds],
        "referrers": draw(_referrers(expires=compactor["retention"]["raw"] != "0s")),
        "faults": draw(faults),
        "interventions": draw(st.lists(by_hand, max_size=max_interventions)) or None,
        "draws": draw(_seldom(None, pinned_draws(gateways["count"], max_faults))),
    }
    if downsampling:
        table = slowed(table)
        for query in table["queries"]:
            query["rate"] = "2/h"
            query["max_resolution"] = draw(_among("5m", "1h", "raw"))
    fixed = {"schema": 1, "name": "drawn", "trials": 1, "seed": draw(st.integers(0, 2**32))}
    return noted(labelled(Scenario.model_validate({**fixed, **table})))
