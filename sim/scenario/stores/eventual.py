"""Named stores that show changes late: the S3 of old, those counted in 2014, SimpleDB.

Magnitudes that nobody published are assumed to be those of one report (an object gone 30 s
after its deletion) below the time that s3mper waits before it gives up (15 minutes).
"""

from typing import Any, Final

from sim.scenario.stores.counted import COUNTED, S3_TAIL, S3_TAIL_TEXT
from sim.scenario.stores.provenance import Profile, Provenance, assumed, documented, measured

__all__ = ["EVENTUAL"]

_S3_GUIDE: Final = "Amazon S3 developer guide, before the change of 2020"
_S3_WAITS: Final = "aws-sdk-android issue 137; Netflix s3mper"
_WADA: Final = "Wada et al., CIDR 2011"


def _s3_tail_rows(*keys: str) -> tuple[Provenance, ...]:
    """Return the rows of lags that exist, with a length nobody published."""
    note = "30s is one report, 15m the time that a tool waits before it gives up"
    return tuple(assumed(key, S3_TAIL_TEXT, note, _S3_WAITS) for key in keys)


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
            "create": {"list": S3_TAIL},
            "overwrite": {"get": S3_TAIL, "list": S3_TAIL},
            "delete": {"get": S3_TAIL, "list": S3_TAIL},
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

_SIMPLEDB_LAG: Final[dict[str, Any]] = {"law": "uniform", "low": "450ms", "high": "507ms"}
_SIMPLEDB_MEASURED_LAG: Final[dict[str, Any]] = {
    "law": "mixture",
    "parts": [
        {"weight": 0.97, **_SIMPLEDB_LAG},
        {"weight": 0.03, "law": "uniform", "low": "507ms", "high": "575ms"},
    ],
}

_SIMPLEDB: Final = Profile(
    name="simpledb-2010",
    summary="Amazon SimpleDB in 2010: one of three copies is current at once, the others in 0.5 s.",
    values={
        "replicas": 3,
        "acks": 1,
        "read_from": "any",
        "lag": {
            "create": {"get": _SIMPLEDB_LAG, "list": _SIMPLEDB_LAG},
            "overwrite": {"get": _SIMPLEDB_MEASURED_LAG, "list": _SIMPLEDB_LAG},
            "delete": {"get": _SIMPLEDB_LAG, "list": _SIMPLEDB_LAG},
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
        measured(
            "lag.overwrite.get",
            "97 % uniform, 450ms to 507ms; 3 % uniform, 507ms to 575ms",
            _WADA,
            "stale to 450 ms, 98 % fresh at 507 ms, 99.78 % over 500 to 1000 ms",
            year=2010,
            n=3_975_000,
        ),
        assumed(
            "lag.overwrite.get.parts",
            "uniform",
            "the shape between these points; the end, 575 ms, follows from it",
            _WADA,
        ),
        *(
            assumed(f"lag.{key}", "uniform, 450ms to 507ms", "measured after writes alone")
            for key in ("create.get", "create.list", "overwrite.list", "delete.get", "delete.list")
        ),
        documented(
            "(consistent reads)", "always fresh", "Amazon SimpleDB; also measured", "not here"
        ),
    ),
)

EVENTUAL: Final = (_S3_PRE_2020, *COUNTED, _SIMPLEDB)
