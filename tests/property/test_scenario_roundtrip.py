"""Whatever can be said in the scenario language survives being printed and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sim.core.units import format_bytes, format_duration
from sim.errors import Problem, ScenarioError, is_plain
from sim.scenario.complaints.text import format_problem
from sim.scenario.dump import to_toml
from sim.scenario.load import build, load
from sim.scenario.schema import OBSERVATIONS, OUTCOMES, Scenario
from sim.scenario.stores.profiles import PROFILES

Raw = dict[str, Any]

durations = st.integers(0, 2**45).map(format_duration)
positive = st.integers(1, 2**45).map(format_duration)
rates = st.sampled_from(["1/s", "30/m", "0.2/h", "7/d", "123.456/s"])
fractions = st.floats(0.0, 1.0)
# Surrogates are no text; everything else may stand in a string, and what is to be seen in a name.
names = st.text(st.characters().filter(is_plain), min_size=1, max_size=8)


def optional(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Raw]:
    return st.fixed_dictionaries({}, optional=keys)


def _tables(laws: st.SearchStrategy[Raw]) -> st.SearchStrategy[Raw]:
    weighted = st.tuples(laws, st.floats(1e-9, 1e9)).map(lambda p: {**p[0], "weight": p[1]})
    return st.lists(weighted, min_size=1, max_size=4).map(
        lambda parts: {"law": "mixture", "parts": parts}
    )


def _ordered(low: str, high: str, law: str) -> st.SearchStrategy[Raw]:
    pairs = st.tuples(st.integers(10**6, 10**9), st.integers(0, 10**9))
    return pairs.map(
        lambda p: {"law": law, low: format_duration(p[0]), high: format_duration(p[0] + p[1])}
    )


simple = st.one_of(
    durations.map(lambda d: {"law": "constant", "value": d}),
    durations.map(lambda d: {"law": "exponential", "mean": d}),
    _ordered("low", "high", "uniform"),
    _ordered("median", "p99", "lognormal"),
    st.tuples(positive, st.floats(0.1, 10.0)).map(
        lambda p: {"law": "weibull", "scale": p[0], "shape": p[1]}
    ),
    st.tuples(positive, st.floats(0.1, 10.0)).map(
        lambda p: {"law": "pareto", "minimum": p[0], "alpha": p[1]}
    ),
    st.lists(durations, min_size=1, max_size=4).map(lambda s: {"law": "empirical", "samples": s}),
)
adjusted = st.tuples(simple, optional(plus=durations, at_most=durations)).map(
    lambda pair: {**pair[0], **pair[1]}
)
tables = st.recursive(adjusted, _tables, max_leaves=6)
laws = durations | tables
intervals = positive.filter(lambda text: text != "1us")

lags = optional(
    **{kind: optional(get=laws, list=laws) for kind in ("create", "overwrite", "delete")}
)


@st.composite
def stores(draw: st.DrawFn) -> Raw:
    store = draw(
        optional(
            read_from=st.sampled_from(["any", "sticky", "nearest"]),
            order=st.sampled_from(["independent", "key", "log"]),
            negative_cache=durations,
            error_rate=st.floats(0.0, 0.5),
            lost_answer_rate=st.floats(0.0, 0.5),
        )
    )
    profile = draw(st.sampled_from([*PROFILES]))
    if profile == "wars":
        size = draw(st.integers(1, 5))
        legs = draw(optional(write=laws, ack=laws, read=laws, response=laws))
        return {**store, "profile": profile, "quorum": {"n": size, "r": 1, "w": size, **legs}}
    replicas = draw(st.integers(2, 5))
    if "replication" in PROFILES[profile].values:
        copies = draw(optional(bandwidth=st.sampled_from(["1MB", "3GiB"])))
        return {**store, "profile": profile, "replicas": replicas, "replication": copies}
    more = {"replicas": replicas, "acks": draw(st.integers(0, replicas)), "lag": draw(lags)}
    return {**store, **more, "profile": profile, "primary": draw(st.booleans())}


@st.composite
def compactors(draw: st.DrawFn, block_length_us: int) -> Raw:
    ranges_us = [block_length_us]
    for factor in draw(st.lists(st.integers(2, 5), max_size=3)):
        ranges_us.append(ranges_us[-1] * factor)
    free = optional(
        wait_interval=intervals,
        sync_takes=laws,
        download_takes=laws,
        compaction_takes=laws,
        delete_takes=laws,
        consistency_delay=durations,
        retention=optional(raw=durations, **{"5m": durations, "1h": durations}),
        cleanup=st.sampled_from(["in-pass", "end-of-pass"]) | positive.map("every {}".format),
        size_ratio=st.floats(1e-3, 1e3),
    )
    spans = [format_duration(us) for us in ranges_us]
    return {**draw(free), "ranges": spans, "downsampling": False}


@st.composite
def expectations(draw: st.DrawFn) -> Raw:
    split = draw(st.permutations([*OUTCOMES, *OBSERVATIONS]))
    measured = optional(
        **{
            "stored-bytes": st.integers(0, 2**50).map(format_bytes),
            "retention-overshoot.max_s": durations,
            "requests.get": st.integers(0, 10**9),
        }
    )
    bounds = st.tuples(st.dictionaries(st.sampled_from(split[6:9]), fractions), measured).map(
        lambda parts: {**parts[0], **parts[1]}
    )
    return draw(
        optional(
            never=st.just(split[:2]),
            sometimes=st.just(split[3:5]),
            at_most=bounds,
            at_least=st.dictionaries(st.sampled_from(split[9:]), fractions),
        )
    )


def by_hand(producers: int) -> st.SearchStrategy[Raw]:
    """``interventions``, or no such key."""
    kinds = st.sampled_from(
        [
            {"kind": "mark", "stream": producers - 1, "older_than": "1d", "which": "all"},
            {"kind": "unmark", "level": 1},
            {"kind": "corrupt-mark", "resolution": "5m"},
            {"kind": "delete", "leaves_mark": False},
            {"kind": "cleanup", "delete_delay": "1h"},
            {"kind": "rewrite", "marks_old": True},
            {"kind": "upload", "stream": producers - 1, "names": "nothing"},
        ]
    )
    acts = st.tuples(kinds, laws).map(lambda act: {**act[0], "at": act[1]})
    return optional(interventions=st.lists(acts, min_size=1, max_size=2))


@st.composite
def scenarios(draw: st.DrawFn) -> Raw:
    """A valid scenario as a mapping with the keys of a file."""
    length_us = draw(st.integers(1, 10**10))
    producers, shards, replicas = (draw(st.integers(1, 4)) for _ in range(3))
    schemes = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    horizon_us = draw(st.integers(2, 2**45))
    queries: st.SearchStrategy[Raw] = st.fixed_dictionaries(
        {"name": names},
        optional={
            "rate": rates,
            "range": positive,
            "takes": laws,
            "streams": st.just("all") | st.integers(1, producers),
            "max_resolution": st.sampled_from(["raw", "5m", "1h"]),
        },
    )
    faults = st.sampled_from(
        [
            {"kind": "gateway-outage", "target": shards * replicas - 1},
            {"kind": "producer-crash", "target": producers - 1},
            {"kind": "compactor-crash"},
            {"kind": "store-errors", "error_rate": 0.25, "lost_answer_rate": 0.75},
        ]
    )
    timed = st.tuples(faults, laws, laws).map(lambda f: {**f[0], "at": f[1], "lasts": f[2]})
    mark = optional(delete_delay=durations, ignore_deletion_marks_delay=durations)
    kinds = st.just({"kind": "immediate"}) | mark.map(lambda m: {"kind": "deletion-mark", **m})
    stages = draw(st.tuples(fractions, fractions, fractions).map(sorted))
    return {
        "schema": 1,
        "name": draw(names),
        "summary": draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=8)),
        "horizon": format_duration(horizon_us),
        "warmup": format_duration(draw(st.integers(0, horizon_us - 1))),
        "trials": draw(st.integers(1, 99)),
        "seed": draw(st.integers(0, 2**62)),
        "store": draw(stores()),
        "producers": {
            "count": producers,
            "block_length": format_duration(length_us),
            "upload_takes": draw(laws),
            "block_bytes": format_bytes(draw(st.integers(0, 2**50))),
            **draw(optional(memory=st.sampled_from(["kept", "lost"]), names=st.just("nothing"))),
        },
        "compactor": draw(compactors(length_us)),
        "gateways": {
            "count": shards * replicas,
            "shards": shards,
            "sync_interval": draw(intervals),
            "phase": draw(st.just("uniform") | laws),
            "sync_stages": dict(zip(("check", "marks", "load"), stages, strict=True)),
            **draw(optional(cache=optional(listing=durations, absent=durations))),
        },
        "queries": draw(
            st.lists(queries, min_size=1, max_size=2, unique_by=lambda query: str(query["name"]))
        ),
        "schemes": [{"name": name, **draw(kinds)} for name in schemes],
        "faults": draw(st.lists(timed, max_size=2)),
        **draw(by_hand(producers)),
        "expect": {schemes[0]: draw(expectations())},
    }


@given(scenarios())
def test_a_scenario_is_read_as_it_was_printed(raw: Raw) -> None:
    scenario = build(raw)
    text = to_toml(scenario)
    again = load(text)
    assert again == scenario
    assert again.digest == scenario.digest
    assert to_toml(again) == text


def attempt(
    raw: Raw, overrides: Mapping[str, Any]
) -> tuple[Scenario | None, tuple[Problem | str, ...]]:
    """The scenario, or the problems with it."""
    try:
        return build(raw, overrides), ()
    except ScenarioError as error:
        return None, error.problems


junk: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([])
)


@given(scenarios(), st.data())
def test_any_mistake_has_messages_and_nothing_else(raw: Raw, data: st.DataObject) -> None:
    """Whatever stands where it should not, there is a scenario or there are problems."""
    overrides = {}
    for _ in range(data.draw(st.integers(1, 3))):
        table = data.draw(st.sampled_from(sorted(raw)))
        inner = raw[table]
        keys = sorted(inner) if isinstance(inner, dict) and inner else []
        if keys and table != "expect":
            overrides[f"{table}.{data.draw(st.sampled_from(keys))}"] = data.draw(junk)
        else:
            overrides[table] = data.draw(junk)
    scenario, problems = attempt(raw, overrides)
    assert (scenario is None) == bool(problems)
    for problem in problems:
        assert isinstance(problem, Problem)
        assert "be valid" not in problem.rule, problem
        assert format_problem(problem)
    assert scenario is None or load(to_toml(scenario)) == scenario
