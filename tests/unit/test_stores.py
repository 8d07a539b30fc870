"""The named stores: what they make of a scenario, and that every number says where it is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sim.core.laws import Adjusted, Constant, Lognormal, Mixture, Uniform
from sim.scenario.load import build
from sim.scenario.schema import Store
from sim.scenario.stores.profiles import PROFILES
from sim.scenario.stores.provenance import Profile
from sim.scenario.stores.rows import PROFILE_NAMES, resolved, table
from sim.scenario.stores.strong import STRONG

NO_TIME = Constant(value_us=0.0)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a profile with its dotted path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves(inner, f"{path}.{position}")
    else:
        yield path, value


def covering(profile: str, path: str) -> list[str]:
    """Keys of the rows that speak of a value, the most detailed last."""
    keys = [row.key for row in PROFILES[profile].provenance]
    return sorted((k for k in keys if path == k or path.startswith(f"{k}.")), key=len)


def test_the_stores() -> None:
    assert PROFILE_NAMES == (
        "strong",
        "s3",
        "gcs",
        "azure-blob",
        "r2",
        "minio",
        "ceph-rgw",
        "tigris",
        "s3-pre-2020",
        "s3-us-standard-2014",
        "s3-us-standard-2014-near",
        "s3-us-west-2014",
        "gcs-2014",
        "swift",
        "simpledb-2010",
        "azure-ra-grs",
        "s3-replication",
        "s3-replication-time-control",
        "gcs-replication",
        "gcs-replication-turbo",
        "thanos-replicate",
        "garage",
        "hadoop-injector",
        "wars",
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_every_value_has_a_provenance(profile: str) -> None:
    values = PROFILES[profile].values
    missing = [path for path, value in leaves(values) if not covering(profile, path)]
    assert missing == []


@pytest.mark.parametrize("profile", PROFILES)
def test_every_row_speaks_of_a_value(profile: str) -> None:
    written = {path for path, _ in leaves(PROFILES[profile].values)}
    known = {path for path, _ in leaves(resolved(profile).model_dump(by_alias=True))}
    for row in PROFILES[profile].provenance:
        if not row.key.startswith("("):
            assert any(f"{path}.".startswith(f"{row.key}.") for path in known | written), row.key


@pytest.mark.parametrize("profile", PROFILES)
def test_a_number_is_known_or_called_assumed(profile: str) -> None:
    """The row of a value says its number; a fact without a number covers no number alone."""
    for path, value in leaves(PROFILES[profile].values):
        number = str(value)
        if not re.fullmatch(r"\d+(\.\d+)?(us|ms|s|m|h|d)?", number) or number == "0s":
            continue
        rows = [row for row in PROFILES[profile].provenance if row.key in covering(profile, path)]
        if path.endswith("weight"):
            assert {"measured", "documented"} & {row.kind for row in rows}, path
            continue
        if profile == "wars":  # in the units of the paper
            continue
        assert any(number in row.value for row in rows), (path, number)


@pytest.mark.parametrize("profile", PROFILES)
def test_provenance_is_complete(profile: str) -> None:
    for row in PROFILES[profile].provenance:
        assert row.value, row
        assert row.source or row.kind == "assumed", row
        assert row.note or row.kind != "assumed", row
        assert (row.year is not None) == (row.kind == "measured"), row
        assert row.label.startswith(row.kind)


def test_the_table_has_a_row_for_each() -> None:
    assert len(table()) == sum(len(profile.provenance) for profile in PROFILES.values())
    assert {row.profile for row in table()} == set(PROFILES)
    assert table([]) == ()
    assert all(
        re.fullmatch(r"documented|sla|assumed|measured \(\d{4}(, n=[\d,]+)?\)", row.provenance)
        for row in table()
    )
    assert table(["simpledb-2010"])[0] == (
        "simpledb-2010",
        "replicas",
        "3",
        "measured (2010, n=505,821)",
        "Wada et al., CIDR 2011",
        "33.40 % of reads fresh, flat to 450 ms",
    )


def test_an_unknown_store_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^store='S3-pre2020' must be one of .*\"s3-pre-2020\"\?$"
    ):
        table(["S3-pre2020"])
    with pytest.raises(ValueError, match="^store='x' must be one of"):
        resolved("x")


@pytest.mark.parametrize("profile", STRONG, ids=lambda profile: profile.name)
def test_strong_stores_have_no_lag_and_say_why(profile: Profile) -> None:
    store = resolved(profile.name)
    assert store == Store(profile=profile.name)
    assert store.model_copy(update={"profile": "strong"}) == resolved("strong")
    (lag,) = (row for row in profile.provenance if row.key == "lag")
    assert (lag.value, lag.kind in ("documented", "measured")) == ("0s", True)


def test_s3_pre_2020_reads_new_keys_at_once() -> None:
    store = resolved("s3-pre-2020")
    tail = Adjusted(law=Lognormal(median_us=1e6, p99_us=30e6), at_most_us=900e6)
    assert store.lag.create.get == NO_TIME
    assert {store.lag.create.list, store.lag.overwrite.get, store.lag.delete.get} == {tail}
    assert store.negative_cache_us == 5_000_000


@pytest.mark.parametrize(
    ("profile", "plane", "stale"),
    [
        ("swift", "create.list", 0.030),
        ("swift", "overwrite.get", 0.003),
        ("swift", "delete.get", 0.017),
        ("swift", "delete.list", 0.020),
        ("s3-us-standard-2014", "create.get", 0.016),
        ("s3-us-standard-2014", "create.list", 0.008),
        ("s3-us-standard-2014", "overwrite.get", 0.012),
        ("s3-us-standard-2014", "delete.get", 0.008),
        ("s3-us-standard-2014", "delete.list", 0.003),
        ("s3-us-standard-2014-near", "create.list", 0.00016),
        ("s3-us-west-2014", "overwrite.get", 0.00001),
        ("gcs-2014", "create.list", 0.002),
    ],
)
def test_measured_shares_of_stale_answers(profile: str, plane: str, stale: float) -> None:
    kind, _, name = plane.partition(".")
    law = getattr(getattr(resolved(profile).lag, kind), name)
    assert isinstance(law, Mixture)
    assert 1.0 - law.cdf(0.0) == pytest.approx(stale, abs=1e-12)


def test_simpledb_has_one_current_replica_of_three() -> None:
    store = resolved("simpledb-2010")
    assert (store.replicas, store.acks, store.read_from) == (3, 1, "any")
    most, rest = Uniform(low_us=450e3, high_us=507e3), Uniform(low_us=507e3, high_us=575e3)
    assert store.lag.overwrite.get == Mixture(weights=(0.97, 0.03), parts=(most, rest))
    assert {store.lag.create.get, store.lag.delete.list} == {most}


def test_azure_secondary_follows_in_order() -> None:
    store = resolved("azure-ra-grs")
    assert (store.replicas, store.primary, store.order) == (2, True, "log")
    assert store.lag.delete.list == Uniform(low_us=0.0, high_us=900e6)


def test_hadoop_injector_delays_listings_only() -> None:
    lag = resolved("hadoop-injector").lag
    assert lag.create.list == lag.delete.list == Constant(value_us=5e6)
    assert {lag.create.get, lag.delete.get, lag.overwrite.get, lag.overwrite.list} == {NO_TIME}


def test_wars_is_a_quorum() -> None:
    quorum = resolved("wars").quorum
    assert quorum is not None
    assert (quorum.n, quorum.r, quorum.w) == (3, 1, 1)
    assert isinstance(quorum.write, Mixture)
    assert quorum.write.weights == (0.38, 0.62)
    assert quorum.ack == quorum.read == quorum.response


def scenario_store(store: dict[str, Any]) -> Store:
    raw = {"schema": 1, "name": "s", "horizon": "1d", "queries": [{"name": "q"}], "store": store}
    return build(raw | {"schemes": [{"name": "s", "kind": "immediate"}]}).store


def test_keys_of_a_file_override_the_profile() -> None:
    store = scenario_store(
        {
            "profile": "s3-pre-2020",
            "replicas": 1,
            "lag": {"delete": {"get": {"law": "exponential", "mean": "1s"}}},
        }
    )
    base = resolved("s3-pre-2020")
    assert store.replicas == 1
    assert store.lag.delete.get.mean == 1e6
    assert store.lag.delete.list == base.lag.delete.list
    assert store.lag.create == base.lag.create
    assert store.negative_cache_us == base.negative_cache_us
    quorum = scenario_store({"profile": "wars", "quorum": {"r": 2, "ack": "1ms"}}).quorum
    assert quorum is not None
    assert (quorum.n, quorum.r, quorum.ack.mean) == (3, 2, 1e3)
