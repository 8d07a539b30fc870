"""Named stores as they were counted on 17 December 2014: how often a reader was told something old.

An object of one byte was created, overwritten or deleted, and read or listed right after that. How
often the answer was old is measured; for how long it would have been is not, and assumed. None
seen of n means that it is so, by this count: up to three in n are possible at 95 %.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sim.scenario.stores.provenance import GAUL, Profile, Provenance, assumed, documented, measured

__all__ = ["COUNTED", "S3_TAIL", "S3_TAIL_TEXT"]

S3_TAIL: Final[Mapping[str, Any]] = {
    "law": "lognormal",
    "median": "1s",
    "p99": "30s",
    "at_most": "15m",
}
S3_TAIL_TEXT: Final = "lognormal, median 1s, p99 30s, at most 15m"
"""For how long S3 lagged; nobody published it, see `eventual`."""

_SWIFT: Final = "OpenStack Swift documentation"
_README: Final = "are-we-consistent-yet, README"
_NOT_MEASURED: Final = "for how long was not measured"
_UPDATER: Final = "about the interval of the updater, which is a setting"

_WHAT: Final = {
    "create.get": "read right after create",
    "create.list": "listed right after create",
    "overwrite.get": "read right after overwrite",
    "delete.get": "read right after delete",
    "delete.list": "listed right after delete",
}

Tails = Mapping[str, tuple[Mapping[str, Any], str, str]]
"""By plane: the law of a lag where there is one, what it is in words, and what is known of it."""

_S3_TAILS: Final[Tails] = dict.fromkeys(("get", "list"), (S3_TAIL, S3_TAIL_TEXT, _NOT_MEASURED))
_SWIFT_TAILS: Final[Tails] = {
    "get": (
        {"law": "uniform", "low": "0s", "high": "30s"},
        "uniform, 0s to 30s",
        _NOT_MEASURED,
    ),
    "list": ({"law": "uniform", "low": "0s", "high": "5m"}, "uniform, 0s to 5m", _UPDATER),
}


def _counted(
    name: str,
    summary: str,
    stale: Mapping[str, int],
    n: int,
    tails: Tails,
    *rows: Provenance,
) -> Profile:
    """Return the store of which `stale` of `n` answers were old, by what was asked after what."""
    lag: dict[str, dict[str, Any]] = {}
    for key, count in stale.items():
        kind, _, plane = key.partition(".")
        at_once = {"weight": n - count, "law": "constant", "value": "0s"}
        parts = [at_once, {"weight": count, **tails[plane][0]}]
        lag.setdefault(kind, {})[plane] = {"law": "mixture", "parts": parts}
    return Profile(
        name=name,
        summary=summary,
        values={"lag": lag},
        provenance=(*rows, *_rows(stale, n, tails)),
    )


def _rows(stale: Mapping[str, int], n: int, tails: Tails) -> Iterator[Provenance]:
    for key, what in _WHAT.items():
        count = stale.get(key, 0)
        said = f"{count} of {n}"
        if count:
            _, text, note = tails[key.partition(".")[2]]
            yield measured(f"lag.{key}", said, GAUL, f"stale when {what}", year=2014, n=n)
            yield assumed(f"lag.{key}.parts.1", text, note)
        else:
            note = f"stale when {what}; up to 3 of {n} at 95 %"
            yield measured(f"lag.{key}", said, GAUL, note, year=2014, n=n)
    yield assumed("lag.overwrite.list", "0s", "an overwrite changes no listing")


COUNTED: Final = (
    _counted(
        "s3-us-standard-2014",
        "The S3 region US Standard in 2014, written in Virginia and read in the Pacific NW.",
        {
            "create.get": 16,
            "create.list": 8,
            "overwrite.get": 12,
            "delete.get": 8,
            "delete.list": 3,
        },
        1000,
        _S3_TAILS,
        documented("lag", "eventual", _README, "other regions: new keys strong"),
    ),
    _counted(
        "s3-us-standard-2014-near",
        "The S3 region US Standard in 2014, written and read in one place.",
        {"create.list": 16},
        100_000,
        _S3_TAILS,
        documented("lag", "eventual", _README, "other regions: new keys strong"),
    ),
    _counted(
        "s3-us-west-2014",
        "The S3 region US West in 2014: new keys are readable at once, all else almost always.",
        {"overwrite.get": 1, "delete.get": 1},
        100_000,
        _S3_TAILS,
        documented("lag.create.get", "0s", _README, "new keys strong"),
    ),
    _counted(
        "gcs-2014",
        "Google Cloud Storage in 2014: strong but for its listings.",
        {"create.list": 2, "delete.list": 2},
        1000,
        _S3_TAILS,
    ),
    _counted(
        "swift",
        "OpenStack Swift: new objects are readable at once, listings follow by a queue.",
        {"create.list": 30, "overwrite.get": 3, "delete.get": 17, "delete.list": 20},
        1000,
        _SWIFT_TAILS,
        documented("lag.create.get", "0s", _SWIFT, "readable once the proxy answers"),
    ),
)
