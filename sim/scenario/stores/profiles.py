"""Named stores as data: what they make of a ``[store]`` table, and where each number comes from.

Every value of a profile carries its provenance, so that nothing assumed passes for a fact:
``documented`` (the vendor says so), ``sla`` (the vendor promises it), ``measured`` (year and number
of observations), ``assumed`` (a plausible value of this project). Where something is known to lag
but not for how long, how often is measured and how long is assumed, each in a row of its own.
Rows whose key stands in parentheses are facts that the profile does not simulate.
"""

from collections.abc import Mapping
from typing import Final

from sim.scenario.stores.eventual import EVENTUAL
from sim.scenario.stores.provenance import Profile, assumed, documented, measured
from sim.scenario.stores.replicated import REPLICATED
from sim.scenario.stores.strong import AZURE, STRONG

__all__ = ["PROFILES"]

_HADOOP: Final = "Hadoop S3A, FailureInjectionPolicy"
_PBS: Final = "Bailis et al., VLDB 2012, table 3, LNKD-DISK"

_AZURE_LAG: Final = {"law": "uniform", "low": "0s", "high": "15m"}

_AZURE_RA_GRS: Final = Profile(
    name="azure-ra-grs",
    summary="Azure geo-redundant storage: gateways read the secondary, which follows in order.",
    values={
        "replicas": 2,
        "primary": True,
        "order": "log",
        "lag": {
            kind: {"get": _AZURE_LAG, "list": _AZURE_LAG}
            for kind in ("create", "overwrite", "delete")
        },
    },
    provenance=(
        documented("replicas", "2", AZURE, "a primary and a secondary region"),
        documented("primary", "true", AZURE, "strong in the primary region"),
        documented("order", "log", AZURE, "everything before LastSyncTime is readable"),
        documented("(recovery point)", "15m", AZURE, "typically less; there is no SLA"),
        *(
            assumed(
                f"lag.{kind}",
                "uniform, 0s to 15m",
                "shape and hard bound; 15m is typical, not promised",
                AZURE,
            )
            for kind in ("create", "overwrite", "delete")
        ),
    ),
)

_HADOOP_INJECTOR: Final = Profile(
    name="hadoop-injector",
    summary="The test tool of Hadoop's S3A: listings are 5 s late, reads are not.",
    values={"lag": {"create": {"list": "5s"}, "delete": {"list": "5s"}}},
    provenance=(
        documented("lag.create.list", "5s", _HADOOP, "default msec = 5000; a test tool, no store"),
        documented("lag.delete.list", "5s", _HADOOP, "default msec = 5000; a test tool, no store"),
        documented("(which keys)", "all", _HADOOP, "probability 1.0, for keys with a chosen name"),
    ),
)

_DISK_WRITE: Final = {
    "law": "mixture",
    "parts": [
        {"weight": 0.38, "law": "pareto", "minimum": "1050us", "alpha": 1.51},
        {"weight": 0.62, "law": "exponential", "mean": "5464us"},
    ],
}
_DISK_OTHER: Final = {
    "law": "mixture",
    "parts": [
        {"weight": 0.9122, "law": "pareto", "minimum": "235us", "alpha": 10.0},
        {"weight": 0.0878, "law": "exponential", "mean": "602us"},
    ],
}

_WARS: Final = Profile(
    name="wars",
    summary="Partial quorums: message delays of LinkedIn's disks (PBS), 3 copies, R = W = 1.",
    values={
        "quorum": {
            "n": 3,
            "r": 1,
            "w": 1,
            "write": _DISK_WRITE,
            "ack": _DISK_OTHER,
            "read": _DISK_OTHER,
            "response": _DISK_OTHER,
        },
    },
    provenance=(
        assumed("quorum.n", "3", "a choice; that of the source's results", _PBS),
        assumed("quorum.r", "1", "a choice; the source compares several", _PBS),
        assumed("quorum.w", "1", "a choice; the source compares several", _PBS),
        measured(
            "quorum.write",
            "38 % Pareto(1.05 ms, 1.51), 62 % exponential(mean 5.464 ms)",
            _PBS,
            "a fit; the mean 1/0.183 ms is rounded to 1 µs",
            year=2012,
            n=None,
        ),
        *(
            measured(
                f"quorum.{leg}",
                "91.22 % Pareto(0.235 ms, 10), 8.78 % exponential(mean 0.602 ms)",
                _PBS,
                "a fit; the mean 1/1.66 ms is rounded to 1 µs",
                year=2012,
                n=None,
            )
            for leg in ("ack", "read", "response")
        ),
    ),
)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        *STRONG,
        *EVENTUAL,
        _AZURE_RA_GRS,
        *REPLICATED,
        _HADOOP_INJECTOR,
        _WARS,
    )
}
