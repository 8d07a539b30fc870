"""What is measured, as data: pieces of work, and the costs that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from sim.scenario.schema import Store
from sim.scenario.stores.profiles import PROFILES

Basis = Literal["events", "arrivals", "plain", "units", "wall", "memory"]


class Case(NamedTuple):
    """A piece of work; ``small`` are the values of a run that takes about a minute."""

    kind: str
    values: Mapping[str, Any]
    small: Mapping[str, Any] | None = None


class Cost(NamedTuple):
    """A ratio that is better when it is smaller.

    ``basis``: what the work is divided by. Units over ``events`` or ``arrivals`` that the same
    process did in that time; seconds of a query over those of the ``plain`` implementation;
    ``units``: CPU seconds of other work in the same process; ``wall``: the same, by the clock;
    ``memory``: what a process holds that only imports the program.
    """

    case: str
    basis: Basis
    meaning: str


class Growth(NamedTuple):
    """An exponent: the slope of the logarithm of CPU seconds over that of a size."""

    points: tuple[tuple[float, str], ...]
    meaning: str


LAGGING: Final = tuple(
    name for name in PROFILES if not Store.model_validate({"profile": name}).shows_at_once
)
STORES: Final = ("strong", *LAGGING)
DELAYS: Final = "0s,5m,15m,30m,1h,2h,4h,8h,12h,24h,36h,48h"


def _fleet(streams: int, days: int, gateways: int = 3) -> Case:
    values = {"producers.count": streams, "gateways.count": gateways, "horizon": f"{days}d"}
    # Streams stay as they are: what a small fleet costs is no smaller kind of the same.
    return Case("trial", values, {**values, "horizon": f"{days // 15}d"})


def _store(profile: str) -> Case:
    values = {"producers.count": 10, "horizon": "8d", "store.profile": profile}
    return Case("trial", values, {**values, "horizon": "2d"})


def _sweep(*words: str) -> tuple[str, ...]:
    settings = (word for setting in words for word in ("--set", setting))
    return (
        *("--vary", f"schemes.3.delete_delay={DELAYS}"),
        *("--vary", "gateways.sync_interval=1m,3m,5m,15m,30m"),
        *settings,
    )


DRAWN: Final[Mapping[str, Any]] = {
    "producers.count": 4,
    "queries.0.streams": 2,
    "queries.0.takes": {"law": "exponential", "mean": "10s"},
}

CASES: Final[Mapping[str, Case]] = {
    "nothing": Case("nothing", {}),
    "plain": Case("plain", {"queries.0.rate": "6/m"}, {"queries.0.rate": "1/m"}),
    "sampled": Case("sampled", {"queries.0.rate": "100/s"}, {"queries.0.rate": "20/s"}),
    "drawn": Case(
        "sampled", {**DRAWN, "queries.0.rate": "20/s"}, {**DRAWN, "queries.0.rate": "4/s"}
    ),
    "exact": Case("exact", {"rate": "1000000/s", "times": 200}),
    "help": Case("start", {"words": ["--help"], "times": 5}),
    "check": Case("start", {"words": ["check", "scenarios/thanos-2022.toml"], "times": 3}),
    "curve": Case(
        "curve",
        {"points": 200, "scenario": {"producers.count": 50, "horizon": "45d"}},
        {"points": 200, "scenario": {"producers.count": 10, "horizon": "8d"}},
    ),
    "sweep": Case(
        "sweep",
        {"words": _sweep("horizon=8d", "warmup=0s", "producers.count=20", "trials=1")},
        {"words": _sweep("horizon=1d", "warmup=0s", "producers.count=5", "trials=1")},
    ),
    **{f"store-{name}": _store(name) for name in STORES},
    "50-45": _fleet(50, 45),
    "100-45": _fleet(100, 45),
    "200-45": _fleet(200, 45),
    "400-45": _fleet(400, 45),
    "50-90": _fleet(50, 90),
    "50-180": _fleet(50, 180),
    "50-45-1": _fleet(50, 45, 1),
    "50-45-9": _fleet(50, 45, 9),
}

COSTS: Final[Mapping[str, Cost]] = {
    "sampled-plain": Cost(
        "sampled", "plain", "a sampled query, in queries of the plain implementation"
    ),
    "sampled": Cost("sampled", "arrivals", "a sampled query, in raw arrivals"),
    "drawn": Cost("drawn", "arrivals", "one that draws streams and durations, in raw arrivals"),
    "exact": Cost(
        "exact", "units", "exact evaluation of 1,000,000 queries a second, in that of one a second"
    ),
    **{
        f"store-{name}": Cost(
            f"store-{name}",
            "events",
            f"a record of 10 streams, 8 days, store `{name}`, in SimPy events",
        )
        for name in STORES
    },
    "small-fleet": Cost("50-45", "events", "a record of 50 streams, 45 days, in SimPy events"),
    "large-fleet": Cost("400-45", "events", "a record of 400 streams, 45 days, in SimPy events"),
    "gateways": Cost("50-45-9", "events", "a record of 50 streams, 9 gateways, in SimPy events"),
    "long": Cost("50-180", "events", "a record of 50 streams, 180 days, in SimPy events"),
    "memory-small": Cost(
        "50-45", "memory", "peak memory of 50 streams, 45 days, in that of imports alone"
    ),
    "memory-large": Cost("400-45", "memory", "peak memory of 400 streams, 45 days, in the same"),
    "memory-long": Cost("50-180", "memory", "peak memory of 50 streams, 180 days, in the same"),
    "curve": Cost("curve", "units", "200 delete delays on one curve, in trials"),
    "workers": Cost("sweep", "wall", "a sweep of 60 cells by two workers, in time of one"),
    "help": Cost("help", "units", "`sim --help`, in starts of Python"),
    "check": Cost("check", "units", "`sim check` of a scenario, in starts of Python"),
}

GROWTHS: Final[Mapping[str, Growth]] = {
    "growth-streams": Growth(
        ((50, "50-45"), (100, "100-45"), (200, "200-45"), (400, "400-45")),
        "growth with streams, 50 to 400",
    ),
    "growth-days": Growth(
        ((45, "50-45"), (90, "50-90"), (180, "50-180")), "growth with days, 45 to 180"
    ),
    "growth-gateways": Growth(
        ((1, "50-45-1"), (3, "50-45"), (9, "50-45-9")), "growth with gateways, 1 to 9"
    ),
}
