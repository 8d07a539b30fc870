"""Named stores that show changes late: the S3 of old, Swift, SimpleDB.

Magnitudes that nobody published are assumed to be those of one report (an object gone 30 s
after its deletion) below the time that s3mper waits before it gives up (15 minutes).
"""

from collections.abc import Mapping
from typing import Any, Final

from sim.scenario.stores.provenance import GAUL, Profile, Provenance, assumed, documented, measured

__all__ = ["EVENTUAL"]

_S3_GUIDE: Final = "Amazon S3 developer guide, before the change of 2020"
_S3_WAITS: Final = "aws-sdk-android issue 137; Netflix s3mper"
_WADA: Final = "Wada et al., CIDR 2011"
_SWIFT: Final = "OpenStack Swift documentation"

_S3_TAIL: Final = {"law": "lognormal", "median": "1s", "p99": "30s", "at_most": "15m"}
_S3_TAIL_TEXT: Final = "lognormal, median 1s, p99 30s, at most 15m"


def _s3_tail_rows(*keys: str) -> tuple[Provenance, ...]:
    """Return the rows of lags that exist, with a length nobody published."""
    note = "30s is one report, 15m the time that a tool waits before it gives up"
    return tuple(assumed(key, _S3_TAIL_TEXT, note, _S3_WAITS) for key in keys)


def _sometimes(stale: int, n: int, tail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the law that is 0s except for `stale` of `n` changes."""
    at_once = {"weight": n - stale, "law": "constant", "value": "0s"}
    return {"law": "mixture", "parts": [at_once, {"weight": stale, **tail}]}


def _sometimes_rows(key: str, stale: int, what: str, length: str, note: str) -> list[Provenance]:
    """Return the rows of a `_sometimes` law of the measurement of December 2014."""
    share = f"{stale} of 1000"
    return [
        measured(key, share, GAUL, f"stale when {what}", year=2014, n=1000),
        assumed(f"{key}.parts.1", length, note),
    ]


_EVENTUAL_S3: Final = (
    "overwrite.get",
    "delete.get",
    "create.list",
    "overwrite.list",
    "delete.list",
)

_S3_PRE_2020: Final = Profile(
    name="s3-pre-2020",
    summary="Amazon S3 until 2020: new keys are readable at once, all else eventually.",
    values={
        "replicas": 3,
        "negative_cache": "5s",
        "lag": {
            "create": {"list": _S3_TAIL},
            "overwrite": {"get": _S3_TAIL, "list": _S3_TAIL},
            "delete": {"get": _S3_TAIL, "list": _S3_TAIL},
        },
    },
    provenance=(
        documented("lag.create.get", "0s", _S3_GUIDE, "except after a 404: see negative_cache"),
        *(documented(f"lag.{key}", "eventual", _S3_GUIDE) for key in _EVENTUAL_S3),
        *_s3_tail_rows(*(f"lag.{key}" for key in _EVENTUAL_S3)),
        documented("negative_cache", "exists", _S3_GUIDE, "HEAD or GET before the key existed"),
        assumed("negative_cache", "5s", "how long a 404 is remembered is not published"),
        assumed("replicas", "3", "how many copies answer is not published"),
    ),
)

_S3_US_STANDARD_2014: Final = Profile(
    name="s3-us-standard-2014",
    summary="The S3 region US Standard in 2014, written in Virginia and read in the Pacific NW.",
    values={
        "lag": {
            "create": {
                "get": _sometimes(16, 1000, _S3_TAIL),
                "list": _sometimes(8, 1000, _S3_TAIL),
            },
            "overwrite": {"get": _sometimes(12, 1000, _S3_TAIL)},
            "delete": {"get": _sometimes(8, 1000, _S3_TAIL), "list": _sometimes(3, 1000, _S3_TAIL)},
        },
    },
    provenance=(
        documented(
            "lag", "eventual", "are-we-consistent-yet, README", "other regions: new keys strong"
        ),
        *(
            row
            for key, stale, what in (
                ("lag.create.get", 16, "read right after create"),
                ("lag.create.list", 8, "listed right after create"),
                ("lag.overwrite.get", 12, "read right after overwrite"),
                ("lag.delete.get", 8, "read right after delete"),
                ("lag.delete.list", 3, "listed right after delete"),
            )
            for row in _sometimes_rows(
                key, stale, what, _S3_TAIL_TEXT, "for how long was not measured"
            )
        ),
        assumed("lag.overwrite.list", "0s", "an overwrite changes no listing"),
        measured(
            "(read and written in one place)",
            "16 of 100000 lists after create, else 0",
            GAUL,
            "zero seen leaves up to 3 of 100000 (95 %)",
            year=2014,
            n=100_000,
        ),
    ),
)

_SWIFT_GET: Final = {"law": "uniform", "low": "0s", "high": "30s"}
_SWIFT_LIST: Final = {"law": "uniform", "low": "0s", "high": "5m"}

_SWIFT_2014: Final = Profile(
    name="swift",
    summary="OpenStack Swift: new objects are readable at once, listings follow by a queue.",
    values={
        "lag": {
            "create": {"list": _sometimes(30, 1000, _SWIFT_LIST)},
            "overwrite": {"get": _sometimes(3, 1000, _SWIFT_GET)},
            "delete": {
                "get": _sometimes(17, 1000, _SWIFT_GET),
                "list": _sometimes(20, 1000, _SWIFT_LIST),
            },
        },
    },
    provenance=(
        documented("lag.create.get", "0s", _SWIFT, "readable once the proxy answers"),
        *_sometimes_rows(
            "lag.create.list",
            30,
            "listed right after create",
            "uniform, 0s to 5m",
            "about the interval of the updater, which is a setting",
        ),
        *_sometimes_rows(
            "lag.overwrite.get",
            3,
            "read right after overwrite",
            "uniform, 0s to 30s",
            "for how long was not measured",
        ),
        *_sometimes_rows(
            "lag.delete.get",
            17,
            "read right after delete",
            "uniform, 0s to 30s",
            "for how long was not measured",
        ),
        *_sometimes_rows(
            "lag.delete.list",
            20,
            "listed right after delete",
            "uniform, 0s to 5m",
            "about the interval of the updater, which is a setting",
        ),
        assumed("lag.overwrite.list", "0s", "an overwrite changes no listing"),
    ),
)

_SIMPLEDB_LAG: Final = {"law": "uniform", "low": "450ms", "high": "507ms"}

_SIMPLEDB: Final = Profile(
    name="simpledb-2010",
    summary="Amazon SimpleDB in 2010: one of three copies is current at once, the others in 0.5 s.",
    values={
        "replicas": 3,
        "acks": 1,
        "read_from": "any",
        "lag": {
            kind: {"get": _SIMPLEDB_LAG, "list": _SIMPLEDB_LAG}
            for kind in ("create", "overwrite", "delete")
        },
    },
    provenance=(
        measured(
            "replicas", "3", _WADA, "33.40 % of reads fresh, flat to 450 ms", year=2010, n=505_821
        ),
        measured("acks", "1", _WADA, "the copy of that third", year=2010, n=505_821),
        measured(
            "read_from", "any", _WADA, "same curve from any process or host", year=2010, n=3_975_000
        ),
        *(
            measured(
                f"lag.{kind}.get",
                "uniform, 450ms to 507ms",
                _WADA,
                "jumps after 450 ms, 98 % at 507 ms; 0.22 % are stale beyond, here none",
                year=2010,
                n=3_975_000,
            )
            for kind in ("overwrite",)
        ),
        *(
            assumed(
                f"lag.{key}", "uniform, 450ms to 507ms", "only reads after writes were measured"
            )
            for key in ("create.get", "create.list", "overwrite.list", "delete.get", "delete.list")
        ),
        documented(
            "(consistent reads)", "always fresh", "Amazon SimpleDB; also measured", "not here"
        ),
    ),
)

EVENTUAL: Final = (_S3_PRE_2020, _S3_US_STANDARD_2014, _SWIFT_2014, _SIMPLEDB)
