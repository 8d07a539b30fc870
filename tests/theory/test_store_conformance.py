"""Each named store is on its histories what it is said to be: what it promises holds, and what it
does not promise is met; and what was measured of real ones comes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, pairwise

import numpy as np
import pytest
from scipy.stats import binomtest

from sim.analysis.consistency.reads import ChangeKind, Plane, Reading, Written, readings
from sim.analysis.consistency.sessions import GUARANTEES, Guarantee, guarantees
from sim.analysis.consistency.sets import set_full
from sim.analysis.consistency.staleness import Share, fresh_by_age, stale, windows
from sim.core.streams import Streams
from sim.core.units import US_PER_S
from sim.model.probe import probe
from sim.scenario.probing import Probing
from sim.scenario.stores.profiles import PROFILES
from sim.scenario.stores.rows import resolved
from sim.scenario.stores.strong import STRONG
from sim.trace.history import History
from tests.stats import assert_power, share_within
from tests.worlds import world

Asked = tuple[Plane, ChangeKind]

GETS: tuple[Asked, ...] = (("get", "create"), ("get", "overwrite"), ("get", "delete"))
LISTS: tuple[Asked, ...] = (("list", "create"), ("list", "delete"))
ALL = (*GETS, *LISTS, ("list", "overwrite"))

SECONDS = Probing(lasts_us=40 * US_PER_S, reads_per_s=3.0, keys=2, lists=0.2, back_us=0)
MINUTES = replace(SECONDS, lasts_us=2400 * US_PER_S, reads_per_s=0.05, writes_per_s=1 / 60)
MILLISECONDS = replace(SECONDS, lasts_us=400_000, reads_per_s=300.0, writes_per_s=100.0)


@dataclass(frozen=True)
class Claim:
    """What is said of a store: what is fresh at once and what may be late, what sessions get.

    ``late`` are those that some read of the history finds late; ``broken`` likewise. With
    ``only_added`` freshness after a create is of keys that nobody had looked for.
    """

    fresh: tuple[Asked, ...] = ()
    late: tuple[Asked, ...] = ()
    kept: tuple[tuple[Plane, Guarantee], ...] = ()
    broken: tuple[tuple[Plane, Guarantee], ...] = ()
    probing: Probing = SECONDS
    only_added: bool = False


def both(*names: Guarantee) -> tuple[tuple[Plane, Guarantee], ...]:
    return tuple((plane, name) for plane in ("get", "list") for name in names)


OWN: tuple[Guarantee, Guarantee] = ("read-your-writes", "monotonic-reads")
RARE = (
    "s3-us-standard-2014",
    "s3-us-standard-2014-near",
    "s3-us-west-2014",
    "gcs-2014",
    "swift",
)

CLAIMS = {
    **{store.name: Claim(fresh=ALL, kept=both(*GUARANTEES)) for store in STRONG},
    # New keys are read at once unless a front end remembers that they were not there.
    "s3-pre-2020": Claim(
        fresh=(("get", "create"),),
        late=(*GETS, *LISTS),
        broken=(*both(*OWN), ("list", "monotonic-writes")),
        only_added=True,
    ),
    "simpledb-2010": Claim(late=(*GETS, *LISTS), broken=both(*OWN)),
    "azure-ra-grs": Claim(late=(*GETS, *LISTS), kept=both(*GUARANTEES), probing=MINUTES),
    # Who writes reads the bucket, all others a copy of it.
    **{
        name: Claim(late=(*GETS, *LISTS), kept=both(*OWN), probing=MINUTES)
        for name in (
            "s3-replication",
            "s3-replication-time-control",
            "gcs-replication",
            "gcs-replication-turbo",
        )
    },
    # What is deleted stays, although what its writer did before is seen.
    "thanos-replicate": Claim(
        late=(*GETS, *LISTS),
        kept=both(*OWN),
        broken=(("get", "monotonic-writes"),),
        probing=MINUTES,
    ),
    "garage": Claim(
        fresh=(("get", "create"), ("get", "delete"), *LISTS),
        late=(("get", "overwrite"),),
        broken=(("get", "read-your-writes"), ("get", "monotonic-reads")),
    ),
    "hadoop-injector": Claim(
        fresh=GETS,
        late=LISTS,
        kept=(*(("get", name) for name in GUARANTEES), ("list", "monotonic-reads")),
        broken=(("list", "read-your-writes"),),
    ),
    "wars": Claim(
        late=(*GETS, *LISTS),
        kept=both("monotonic-reads"),
        broken=both("read-your-writes"),
        probing=MILLISECONDS,
    ),
    # How often these are late is measured below, and is too seldom to be met by chance.
    "gcs-2014": Claim(fresh=GETS),
    "swift": Claim(fresh=(("get", "create"),)),
    "s3-us-standard-2014": Claim(),
    "s3-us-standard-2014-near": Claim(fresh=(*GETS, ("list", "delete"))),
    "s3-us-west-2014": Claim(fresh=(("get", "create"), *LISTS)),
}


@cache
def history_of(store: str, probing: Probing, seed: int = 1) -> History:
    return probe(world(store={"profile": store}, seed=seed), probing, 0).history


def read_after(read: Iterable[Reading], asked: Asked) -> list[Reading]:
    plane, kind = asked
    return [r for r in read if r.plane == plane and r.newest is not None and r.newest.kind == kind]


def test_every_store_has_a_claim() -> None:
    assert list(CLAIMS.keys() - PROFILES.keys()) == list(PROFILES.keys() - CLAIMS.keys()) == []


@pytest.mark.parametrize("store", CLAIMS)
def test_a_store_keeps_what_it_promises_and_nothing_more(store: str) -> None:
    claim = CLAIMS[store]
    history = history_of(store, claim.probing)
    written = Written(history)
    read = readings(history, written)
    assert all(r.fits.newest is not None for r in read)
    for asked in claim.fresh:
        after = read_after(read, asked)
        if claim.only_added:
            after = [r for r in after if r.key in history.adds]
        assert stale(after).n >= 10, asked
        assert stale(after).hits == 0, asked
    for asked in claim.late:
        assert stale(read_after(read, asked)).hits > 0, asked
    for plane in ("get", "list"):
        found = guarantees(history, written, read, plane)
        for name in (name for p, name in claim.kept if p == plane):
            assert found[name].asked >= 10, (plane, name)
            assert not found[name].broken, (plane, name)
        for name in (name for p, name in claim.broken if p == plane):
            assert found[name].broken, (plane, name)


@pytest.mark.parametrize("store", [store.name for store in STRONG])
def test_listings_of_a_strong_store_are_never_stale(store: str) -> None:
    found = set_full(history_of(store, SECONDS))
    assert found.verdict == "valid"
    assert len(found.of("stable")) >= 10
    assert not found.stale


def test_listings_of_a_lagging_store_are_stale_and_arrive() -> None:
    found = set_full(history_of("hadoop-injector", replace(SECONDS, rest_us=10 * US_PER_S)))
    assert found.verdict == "valid"
    assert set_full(history_of("hadoop-injector", SECONDS)).verdict == "invalid"
    assert 4_000_000 < max(found.latencies_us("stable")) <= 5_000_001


def test_in_the_primary_region_everything_is_fresh() -> None:
    history = history_of("azure-ra-grs", MINUTES)
    read = readings(history, Written(history))
    writers = MINUTES.writers
    assert stale(r for r in read if r.op.process < writers).hits == 0
    assert stale(r for r in read if r.op.process >= writers).fraction > 0.2


def test_a_new_key_that_was_looked_for_is_not_found_for_a_while() -> None:
    """The negative cache: registers are looked for before they are created, added keys are not."""
    history = history_of("s3-pre-2020", SECONDS)
    read = readings(history, Written(history))
    first = [r for r in read_after(read, ("get", "create")) if r.newest and r.newest.version == 0]
    late = [r for r in first if r.behind]
    assert late
    assert all(r.key not in history.adds for r in late)
    assert all(r.age_us <= 5 * US_PER_S for r in late)


def test_windows_end_where_lags_do() -> None:
    for store, longest_us in (("simpledb-2010", 575_000), ("hadoop-injector", 5_000_000)):
        history = history_of(store, SECONDS)
        written = Written(history)
        plane: Plane = "get" if store == "simpledb-2010" else "list"
        found = windows(written, readings(history, written), plane)
        assert 0.8 * longest_us < max(w.last_us for w in found) <= longest_us


# What was counted in December 2014.

COUNTS = {
    "s3-us-standard-2014": (1000, (16, 12, 8, 8, 3)),
    "s3-us-standard-2014-near": (100_000, (0, 0, 0, 16, 0)),
    "s3-us-west-2014": (100_000, (0, 1, 1, 0, 0)),
    "ceph-rgw": (1000, (0, 0, 0, 0, 0)),
    "gcs-2014": (1000, (0, 0, 0, 2, 2)),
    "azure-blob": (1000, (0, 0, 0, 0, 0)),
    "swift": (1000, (0, 3, 17, 30, 20)),
}
"""Operations, and how many were stale: reads after create, overwrite, delete; lists likewise."""

LATE = [
    (store, asked, counted / n)
    for store, (n, all_counted) in COUNTS.items()
    for asked, counted in zip((*GETS, *LISTS), all_counted, strict=True)
    if counted
]


SEARCHED = {"s3-us-west-2014": 186_800}
"""Seeds below these were searched before, and have no late change."""


def lag_of(store: str, asked: Asked) -> float:
    """P(a change is not shown at once)."""
    plane, kind = asked
    law = getattr(getattr(resolved(store).lag, kind), plane)
    return float(1.0 - law.cdf(0.0))


@pytest.mark.parametrize("store", COUNTS)
def test_shares_of_2014_are_those_counted(store: str) -> None:
    n, counted = COUNTS[store]
    for asked, stale_of_n in zip((*GETS, *LISTS), counted, strict=True):
        assert lag_of(store, asked) == pytest.approx(stale_of_n / n, rel=1e-9, abs=1e-15)


def is_likely(found: Share, fraction: float) -> bool:
    """Whether so many of so many lie in the 99 % interval of a binomial of this share."""
    return bool(binomtest(found.hits, found.n, fraction).pvalue >= 0.01)


IN_TURN = Probing(
    lasts_us=12_000 * US_PER_S,
    keys=1,
    writers=1,
    readers=0,
    writes_per_s=0.2,
    reads_per_s=0.0,
    deletes=0.5,
    adds=0.0,
    back_us=0,
)
"""As in 2014: create, overwrite, delete, and look right after each."""


@pytest.mark.parametrize("store", ["s3-us-standard-2014", "swift"])
def test_histories_of_2014_count_what_was_counted(store: str) -> None:
    history = history_of(store, IN_TURN)
    read = readings(history, Written(history))
    for late_store, asked, fraction in LATE:
        if late_store == store:
            found = stale(read_after(read, asked))
            assert found.n > 500
            assert is_likely(found, fraction)
            assert not is_likely(found, 6.0 * fraction)


@pytest.mark.parametrize(("store", "asked", "fraction"), LATE)
def test_what_is_late_once_in_many_is_found(store: str, asked: Asked, fraction: float) -> None:
    """In the first trial whose draw for the change says so, and not in the one before it."""
    plane, kind = asked
    key, version = "0.raw.0-1.1.0/chunks/000001", int(kind != "create")
    late = next(
        seed
        for seed in count(SEARCHED.get(store, 1))
        if Streams(seed).uniform("lag", key, version, 0, plane) >= 1.0 - fraction
    )
    probing = replace(
        IN_TURN, lasts_us=60 * US_PER_S, deletes=float(kind == "delete"), writes_per_s=0.2
    )
    for seed, is_late in ((late, True), (late - 1, False)):
        history = history_of(store, probing, seed)
        after = read_after(readings(history, Written(history)), asked)
        here = [r for r in after if r.newest is not None and r.newest.version == version]
        assert here
        assert (here[0].behind > 0) == is_late


# SimpleDB, Wada et al., CIDR 2011.

WADA = Probing(
    lasts_us=75 * US_PER_S,
    keys=1,
    writers=1,
    readers=1,
    writes_per_s=1.6,
    reads_per_s=39.52,
    deletes=0.0,
    adds=0.0,
    heads=0.0,
    lists=0.0,
)


@cache
def simpledb_reads() -> tuple[Reading, ...]:
    """Reads of the client that does not write, once there is something to read."""
    history = history_of("simpledb-2010", WADA)
    read = readings(history, Written(history))
    return tuple(r for r in read if r.op.process == 1 and r.newest is not None)


def test_a_third_of_the_reads_of_simpledb_are_fresh_for_450_ms() -> None:
    early = [r.behind == 0 for r in simpledb_reads() if r.age_us < 450_000]
    assert len(early) > 1000
    assert_power(lambda share: share_within(early, share), 0.3340, 0.2)
    flat = fresh_by_age(simpledb_reads(), [0, 150_000, 300_000, 450_000])
    assert all(share_within([1] * s.hits + [0] * (s.n - s.hits), 0.3340) for s in flat)


def test_a_fresh_read_of_simpledb_is_followed_by_a_stale_one() -> None:
    read = simpledb_reads()
    falls = [
        first.behind == 0 and second.behind > 0
        for first, second in pairwise(read)
        if second.age_us < 450_000 and first.newest == second.newest
    ]
    # Neighbouring pairs exclude each other, so that they are no less certain than independent ones.
    assert_power(lambda share: share_within(falls, share), 2 / 9, 0.25)


def test_simpledb_is_98_percent_fresh_at_507_ms_and_99_78_beyond_500() -> None:
    law = resolved("simpledb-2010").lag.overwrite.get
    lags_us = law.draw_many_us((np.arange(20_000) + 0.5) / 20_000)

    def fresh(age_us: float) -> float:
        return float(1 / 3 + 2 / 3 * np.mean(lags_us <= age_us))

    assert fresh(449_999) == pytest.approx(168_908 / 505_821, abs=1e-3)
    assert fresh(507_000) == pytest.approx(0.98, abs=5e-4)
    beyond = np.mean([fresh(age) for age in np.linspace(500_000, 1_000_000, 2001)])
    assert 1.0 - beyond == pytest.approx(1_192 / 541_062, rel=0.02)
    seen = [r.behind == 0 for r in simpledb_reads() if 500_000 <= r.age_us < 1_000_000]
    assert share_within(seen, 0.9978)
    assert not share_within(seen, 0.95)
