"""A Hypothesis strategy for what goes wrong, and when."""

from collections.abc import Sequence
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

from sim.scenario.language.faults import OBJECTS, REQUESTS, fault_tables
from sim.testing.durations import HOUR_M, lag_laws, minutes

__all__ = ["fault_schedules"]

Table = dict[str, Any]

_RATES: Final = (("error_rate", (0.1, 0.5)), ("lost_answer_rate", (0.0, 0.2)))


def fault_schedules(
    *,
    n_gateways: int,
    n_producers: int,
    horizon_m: int,
    n_compactors: int = 1,
    replicas: Sequence[int] = (0,),
    kinds: tuple[str, ...] | None = None,
    least: int = 0,
    most: int = 2,
) -> SearchStrategy[list[Table]]:
    """``[[faults]]``: what goes wrong in a run, and when; targets exist.

    Parameters
    ----------
    n_gateways, n_producers, n_compactors : int
        How many of each a fault may befall.
    horizon_m : int
        Length of the run in minutes; a fault may also begin after it.
    replicas : sequence of int
        Replicas of the store that may be cut off, or lag.
    kinds : tuple of str or None
        Kinds to draw from; None takes all.
    least, most : int
        How many.
    """
    fault = _fault(
        n_gateways=n_gateways,
        n_producers=n_producers,
        n_compactors=n_compactors,
        horizon_m=horizon_m,
        replicas=replicas,
        kinds=kinds,
    )
    return st.lists(fault, min_size=least, max_size=most)


@composite
def _fault(
    draw: DrawFn,
    *,
    n_gateways: int,
    n_producers: int,
    horizon_m: int,
    n_compactors: int,
    replicas: Sequence[int],
    kinds: tuple[str, ...] | None,
) -> Table:
    """One ``[[faults]]`` table; its targets exist, and it may begin after the horizon."""
    kind = draw(st.sampled_from(kinds or tuple(fault_tables())))
    table: Table = {
        "kind": kind,
        "at": draw(minutes(0, horizon_m + HOUR_M)),
        "lasts": draw(lag_laws(3 * HOUR_M)),
    }
    if kind == "gateway-outage":
        table["target"] = draw(st.integers(0, n_gateways - 1))
    elif kind == "producer-crash":
        table["target"] = draw(st.integers(0, n_producers - 1))
    else:
        table |= draw(
            _fault_keys(
                kind,
                n_gateways=n_gateways,
                n_producers=n_producers,
                n_compactors=n_compactors,
                replicas=replicas,
            )
        )
    return table


@composite
def _fault_keys(
    draw: DrawFn,
    kind: str,
    *,
    n_gateways: int,
    n_producers: int,
    n_compactors: int,
    replicas: Sequence[int],
) -> Table:
    """Keys of a fault of some kind that names those it befalls; no key for kinds without any."""
    compactor = st.builds("compactor/{}".format, st.integers(0, n_compactors - 1))
    who = _who(compactor, n_gateways=n_gateways, n_producers=n_producers)
    if kind == "compactor-crash":
        return draw(st.fixed_dictionaries({}, optional={"target": st.just(n_compactors - 1)}))
    if kind == "store-errors":
        return draw(_rates())
    if kind == "request-errors":
        table = draw(_request_errors())
        if table.get("answers") == "truncated":
            who = st.sampled_from(["any", "compactor", ["gateways", "compactor"]])
        return {"who": draw(who), **table}
    if kind == "crash":
        at_request = draw(st.none() | _at_request())
        if at_request is None:
            return {"who": draw(who)}
        return {
            "who": draw(st.one_of(st.sampled_from(["any", "compactor"]), compactor)),
            "at_request": at_request,
        }
    if kind == "pause":
        return {"who": draw(who)}
    if kind == "slow-down":
        return {"who": draw(who), "factor": draw(st.sampled_from([1.0, 1.5, 3.0, 20.0]))}
    if kind == "clock":
        is_ahead, minutes = draw(st.booleans()), draw(st.integers(1, 180))
        return {"who": draw(who), "ahead" if is_ahead else "behind": f"{minutes}m"}
    some = st.lists(st.sampled_from(replicas), min_size=1, max_size=2, unique=True)
    if kind == "cut-off":
        return {"replicas": draw(some)}
    if kind == "store-lags":
        return {"lag": f"{draw(st.integers(0, 180))}m", **draw(_changes(some))}
    return {}


def _changes(replicas: SearchStrategy[list[int]]) -> SearchStrategy[Table]:
    changes = st.sampled_from([["create"], ["delete"], ["create", "overwrite"]])
    planes = st.sampled_from(["get", "list"])
    named = {"changes": changes, "planes": planes, "replicas": replicas}
    return st.fixed_dictionaries({}, optional=named)


def _rates() -> SearchStrategy[Table]:
    return st.fixed_dictionaries({key: st.sampled_from(values) for key, values in _RATES})


def _who(
    compactor: SearchStrategy[str], *, n_gateways: int, n_producers: int
) -> SearchStrategy[Any]:
    one = st.one_of(
        st.sampled_from(["any", "gateways", "producers", "compactor"]),
        st.builds("gateway/{}".format, st.integers(0, n_gateways - 1)),
        st.builds("producer/{}".format, st.integers(0, n_producers - 1)),
        compactor,
    )
    return st.one_of(one, st.lists(one, min_size=1, max_size=2))


@composite
def _request_errors(draw: DrawFn) -> Table:
    some = st.lists(st.sampled_from(OBJECTS), min_size=1, max_size=2, unique=True)
    table: Table = {"blocks": draw(st.sampled_from(["any", "any", "level-1", "compacted"]))}
    answers = draw(st.sampled_from(["error", "error", "not-found", "not-found", "truncated"]))
    if answers == "truncated":
        chunks = st.sampled_from([["chunks"], ["index", "chunks"]])
        return table | {"answers": answers, "requests": "get", "objects": draw(chunks)}
    if answers == "not-found":
        reads = st.sampled_from(["get", "head", ["get", "head"]])
        return table | {"answers": "not-found", "requests": draw(reads), "objects": draw(some)}
    table |= draw(_rates())
    table["requests"] = draw(st.sampled_from([list(REQUESTS), ["put"], ["get", "delete"]]))
    table["objects"] = draw(st.just(list(OBJECTS)) | some)
    return table


def _at_request() -> SearchStrategy[Table]:
    return st.fixed_dictionaries(
        {
            "request": st.sampled_from(["put", "delete"]),
            "nth": st.integers(1, 4),
            "acknowledged": st.booleans(),
        },
        optional={"object": st.sampled_from(OBJECTS)},
    )
