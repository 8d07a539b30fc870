"""Hypothesis strategies for scenarios that run in milliseconds.

Each strategy but :func:`scenarios` draws a table as a scenario file says it, a plain mapping that
can be changed before it becomes a :class:`~sim.scenario.schema.Scenario`. Times lie on a coarse
grid, so that things happen at the same instant far more often than they would by chance, and the
simplest value comes first: what does not matter for a failure shrinks away.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

from sim.scenario.language.faults import fault_tables
from sim.scenario.schema import Scenario, Store
from sim.testing.byhand import interventions
from sim.testing.draws import pinned_draws
from sim.testing.durations import HOUR_M as _HOUR_M
from sim.testing.durations import minutes as _minutes
from sim.testing.durations import slowed
from sim.testing.faults import fault_keys
from sim.testing.schemes import schemes

__all__ = ["faults", "laws", "query_classes", "scenarios", "schemes", "stores"]

Table = dict[str, Any]


def _seldom(often: Any, seldom: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """``often`` mostly, which is also what a failing example shrinks to."""
    return st.one_of(st.just(often), st.just(often), seldom)


@composite
def laws(draw: DrawFn, most_m: int = 60, *, least_m: int = 0) -> Any:
    """Durations and laws of durations, as a scenario file says them.

    Parameters
    ----------
    most_m, least_m : int
        Bounds of every draw in minutes, ``least_m <= most_m``.

    Returns
    -------
    SearchStrategy of str or dict
        ``"10m"``, ``{"law": "uniform", …}`` and the like. Laws with an unbounded tail are cut.
    """
    if most_m <= 0:
        return "0s"
    value = st.one_of(st.just(f"{least_m}m"), _minutes(least_m, most_m))
    kind = draw(st.sampled_from(["constant", "constant", "uniform", "exponential"]))
    if kind == "constant":
        return draw(value)
    if kind == "uniform":
        high = draw(st.integers(least_m + 1, max(most_m, least_m + 1)))
        return {"law": "uniform", "low": f"{least_m}m", "high": f"{high}m"}
    mean = draw(st.integers(1, max(1, most_m // 4)))
    law = {"law": "exponential", "mean": f"{mean}m", "at_most": f"{most_m}m"}
    return {**law, "plus": f"{least_m}m"} if least_m else law


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
        kind: {plane: draw(_seldom("0s", laws(90))) for plane in ("get", "list")}
        for kind in ("create", "overwrite", "delete")
    }
    table: Table = {
        "replicas": replicas,
        "read_from": draw(st.sampled_from(["any", "sticky", "nearest"])),
        "primary": replicas > 1 and draw(_seldom(False, st.just(True))),
        "acks": draw(st.integers(0, replicas)),
        "order": draw(_seldom("independent", st.just("log"))),
        "delete_absent": draw(_seldom(None, st.just("error"))),
        "negative_cache": draw(_seldom("0s", _minutes(5, 60))),
        "lag": lag,
    }
    if errors:
        table["error_rate"] = draw(_seldom(0.0, st.sampled_from([0.02, 0.2])))
        table["lost_answer_rate"] = draw(_seldom(0.0, st.sampled_from([0.02, 0.1])))
    return table


@composite
def query_classes(draw: DrawFn, *, n_streams: int, name: str = "q") -> Table:
    """One ``[[queries]]`` table over ``n_streams`` streams."""
    return {
        "name": name,
        "rate": draw(st.sampled_from(["1/m", "6/m"])),
        "range": draw(_minutes(_HOUR_M, 24 * _HOUR_M)),
        "offset": draw(_seldom("0s", _minutes(0, 6 * _HOUR_M))),
        "streams": draw(st.one_of(st.just("all"), st.integers(1, n_streams))),
        "takes": draw(_seldom("0s", laws(30))),
        "max_resolution": draw(_seldom("raw", st.sampled_from(["5m", "1h"]))),
    }


@composite
def faults(
    draw: DrawFn,
    *,
    n_gateways: int,
    n_producers: int,
    horizon_m: int,
    n_compactors: int = 1,
    replicas: Sequence[int] = (0,),
    kinds: tuple[str, ...] | None = None,
) -> Table:
    """One ``[[faults]]`` table; its targets exist, and it may begin after the horizon."""
    kind = draw(st.sampled_from(kinds or tuple(fault_tables())))
    table: Table = {
        "kind": kind,
        "at": draw(_minutes(0, horizon_m + _HOUR_M)),
        "lasts": draw(laws(3 * _HOUR_M)),
    }
    if kind == "gateway-outage":
        table["target"] = draw(st.integers(0, n_gateways - 1))
    elif kind == "producer-crash":
        table["target"] = draw(st.integers(0, n_producers - 1))
    else:
        table |= draw(
            fault_keys(
                kind,
                n_gateways=n_gateways,
                n_producers=n_producers,
                n_compactors=n_compactors,
                replicas=replicas,
            )
        )
    return table


@composite
def _producers(draw: DrawFn, length_m: int, count: int) -> Table:
    return {
        "count": count,
        "block_length": f"{length_m}m",
        "upload_after": draw(_seldom("0s", laws(20))),
        "upload_takes": draw(_seldom("0s", laws(30))),
        "retry_after": draw(st.sampled_from(["30s", "5m"])),
        "local_retention": draw(_minutes(0, 3 * length_m)),
        "local_retention_bytes": draw(_seldom(None, st.sampled_from(["512MiB", "1300MiB"]))),
        "unuploaded": draw(_seldom(None, st.just("dropped"))),
        "chunk_files": draw(st.integers(1, 2)),
    }


@composite
def _compactors(draw: DrawFn, length_m: int, count: int, *, downsampling: bool) -> Table:
    factor = draw(st.integers(2, 4))
    ranges = [length_m, length_m * factor, length_m * factor * 2]
    cleanup = draw(st.sampled_from(["in-pass", "end-of-pass", "every 15m"]))
    marks = draw(_seldom(0.0, st.just(0.5)))
    beside = "0s" if cleanup == "every 15m" else draw(st.sampled_from(["0s", "25m"]))
    return {
        "count": count if count > 1 else None,
        "shards": draw(st.sampled_from([None, 1])) if count > 1 else None,
        "downsampling": downsampling,
        "wait_interval": draw(laws(60, least_m=15)),
        "sync_takes": draw(_seldom("0s", laws(10))),
        "sync_stages": {"check": draw(st.sampled_from([0.0, marks])), "marks": marks},
        "sync_timeout": draw(_seldom("0s", st.just("6m"))),
        "remember_marks": draw(_seldom(True, st.just(False))),
        "ranges": [f"{r}m" for r in ranges[: draw(st.integers(2, 3))]],
        "vertical_compaction": draw(_seldom(None, st.booleans())),
        "asks_index_size": draw(_seldom(None, st.just(True))),
        "download_takes": draw(_seldom("0s", laws(20))),
        "compaction_takes": draw(laws(30)),
        "upload_takes": draw(_seldom("0s", laws(10))),
        "delete_takes": draw(_seldom("0s", laws(5))),
        "delete_workers": draw(st.sampled_from([1, 2, 32])),
        "restart_after": draw(st.sampled_from(["10s", "5m"])),
        "consistency_delay": draw(_seldom("0s", _minutes(0, 40))),
        "retention": {"raw": draw(_seldom("0s", _minutes(2 * length_m, 8 * length_m)))},
        "cleanup": cleanup,
        "cleanup_interval": beside,
        "partial_age": draw(_seldom("48h", _minutes(10, 120))),
        "partial_age_from": draw(st.sampled_from(["modified", "created"])),
        "without_meta": draw(_seldom(None, st.just("fails"))),
        "marked_are_partial": draw(_seldom(None, st.just(True))),
        "partial_cleanup": draw(_seldom(None, st.just("mark"))),
        "progress_interval": draw(_seldom("0s", st.just("20m"))),
        "size_ratio": draw(st.sampled_from([1.0, 0.9])),
    }


@composite
def _gateways(draw: DrawFn, *, strong: bool) -> Table:
    shards = draw(st.integers(1, 2))
    marks = draw(_seldom(0.0, st.just(0.5)))
    table = {
        "count": shards * draw(st.integers(1, 2)),
        "shards": shards,
        "shard_by": draw(st.sampled_from([None, "block"])) if shards > 1 else None,
        "sync_interval": draw(laws(60, least_m=10)),
        "sync_takes": draw(_seldom("0s", laws(20))),
        "sync_takes_per_block": draw(_seldom("0s", st.sampled_from(["7s", "1m"]))),
        "phase": draw(st.one_of(st.just("uniform"), _minutes(0, 60))),
        "consistency_delay": draw(_seldom("0s", _minutes(0, 40))),
        "partial_response": draw(st.sampled_from(["abort", "warn"])),
        "unhealthy_after": draw(st.sampled_from(["5m", "0s", "1h"])),
        "restart_after": draw(_seldom("10s", laws(20))),
        "sync_stages": {
            "check": draw(st.sampled_from([0.0, marks])),
            "marks": marks,
            "load": draw(st.sampled_from([1.0, marks])),
        },
    }
    if not strong and draw(_seldom(False, st.just(True))):
        lasts = {key: draw(_minutes(0, 120)) for key in ("listing", "exists", "absent", "content")}
        table["cache"] = {**lasts, "shared": marks == 0.0 and draw(st.booleans())}
    return table


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
    scheme_kinds: tuple[str, ...] = ("immediate", "deletion-mark"),
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
    scheme_kinds : tuple of str
        The schemes of every scenario, one of each kind, in this order.
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
    fault = faults(
        n_gateways=gateways["count"],
        n_producers=n_producers,
        n_compactors=n_compactors,
        horizon_m=horizon_m,
        replicas=range(int(store.get("primary", False)), store["replicas"]),
        kinds=_kinds(strong=strong, errors=may_fail),
    )
    by_hand = interventions(n_producers=n_producers, horizon_m=horizon_m)
    scheme = partial(
        schemes,
        one_replica=not Store.model_validate(store).draws_replicas,
        one_compactor=n_compactors == 1,
        sampled=sampled,
        partial_response=gateways["partial_response"],
    )
    table = {
        "horizon": f"{horizon_m}m",
        "store": store,
        "producers": draw(_producers(length_m, n_producers)),
        "compactor": draw(_compactors(length_m, n_compactors, downsampling=downsampling)),
        "gateways": gateways,
        "queries": [
            draw(query_classes(n_streams=n_producers, name=f"q{i}"))
            for i in range(draw(st.integers(1, max_queries)))
        ],
        "schemes": [draw(scheme(kind)) for kind in scheme_kinds],
        "faults": draw(st.lists(fault, max_size=max_faults)),
        "interventions": draw(st.lists(by_hand, max_size=max_interventions)) or None,
        "draws": draw(_seldom(None, pinned_draws(gateways["count"], max_faults))),
    }
    if downsampling:
        table = slowed(table)
        for query in table["queries"]:
            query["rate"] = "2/h"
            query["max_resolution"] = draw(st.sampled_from(["5m", "1h", "raw"]))
    fixed = {"schema": 1, "name": "drawn", "trials": 1}
    return Scenario.model_validate({**fixed, "seed": draw(st.integers(0, 2**32)), **table})
