"""Buckets that are copied to another region, read there; and a store that is read from one copy.

Replica 0 is the bucket that is written to, the other one its copy (``SEMANTICS.md`` S10). Vendors
say which share of objects is copied by when; how the rest is spread is assumed to be uniform.
"""

from collections.abc import Mapping
from typing import Any, Final

from sim.scenario.stores.provenance import Profile, Provenance, assumed, documented, measured

__all__ = ["REPLICATED"]

_KINDS: Final = ("create", "overwrite", "delete")
_S3: Final = "Amazon S3 user guide, replication"
_S3_CONTROL: Final = "Amazon S3 user guide, replication time control"
_S3_SLA: Final = "AWS, service level agreement of replication time control"
_GCS: Final = "Google Cloud Storage documentation, availability"
_THANOS: Final = "Thanos, pkg/replicate/scheme.go"
_GARAGE: Final = "keiretsu-labs/kubernetes-manifests #2746, #2767; kopia, maintenance_run.go"


def _late(share: int, of: int, soon: str, last: str) -> dict[str, Any]:
    """Return a lag of which `share` of `of` end by `soon`, and the others by `last`."""
    return {
        "law": "mixture",
        "parts": [
            {"weight": share, "law": "uniform", "low": "0s", "high": soon},
            {"weight": of - share, "law": "uniform", "low": soon, "high": last},
        ],
    }


def _copied(
    name: str,
    summary: str,
    lag: Mapping[str, Any],
    *rows: Provenance,
    order: str | None = None,
    omits: tuple[str, ...] = (),
) -> Profile:
    """Return a bucket whose copy in another region the gateways read."""
    values: dict[str, Any] = {
        "replicas": 2,
        "primary": True,
        "lag": {kind: {"get": lag} for kind in _KINDS},
        "replication": {"omits": list(omits)},
    }
    if order is not None:
        values["order"] = order
    return Profile(name=name, summary=summary, values=values, provenance=rows)


def _both(source: str) -> tuple[Provenance, ...]:
    """Return the rows of where gateways read."""
    return (
        assumed("replicas", "2", "one bucket and one copy of it", source),
        assumed("primary", "true", "gateways read the copy, all others the bucket", source),
    )


_S3_ROWS: Final = (
    *_both(_S3),
    documented("(order)", "none", _S3, "object by object"),
    documented("replication.omits", "deletes", _S3, "delete markers are left out unless asked for"),
)

REPLICATED: Final = (
    _copied(
        "s3-replication",
        "A copy of an S3 bucket in another region, without time control: in no order.",
        _late(99, 100, "15m", "48h"),
        *_S3_ROWS,
        *(
            documented(f"lag.{kind}", "most within 15m, up to 48h", _S3, "which share is not said")
            for kind in _KINDS
        ),
        *(
            assumed(f"lag.{kind}.get.parts", "99 % uniform to 15m, 1 % uniform to 48h", "a guess")
            for kind in _KINDS
        ),
        omits=("deletes",),
    ),
    _copied(
        "s3-replication-time-control",
        "A copy of an S3 bucket in another region, with time control: in no order.",
        _late(9999, 10_000, "15m", "48h"),
        *_S3_ROWS,
        *(
            documented(f"lag.{kind}", "99.99 % within 15m", _S3_CONTROL, "where 99.9 % are agreed")
            for kind in _KINDS
        ),
        *(
            assumed(f"lag.{kind}.get.parts", "uniform to 15m, the rest to 48h", "only shares")
            for kind in _KINDS
        ),
        Provenance(key="(agreement)", value="99.9 % in 15m", kind="sla", source=_S3_SLA),
        documented(
            "(limits)", "3,500 writes a second and prefix, 1 Gbit/s", _S3_CONTROL, "void above them"
        ),
        omits=("deletes",),
    ),
    _copied(
        "gcs-replication",
        "What the other region of a GCS dual-region holds, with default replication.",
        _late(999, 1000, "1h", "12h"),
        *_both(_GCS),
        assumed("replication.omits", "nothing", "deletions are copied as anything else", _GCS),
        *(
            documented(f"lag.{kind}", "99.9 % within 1h, all within 12h", _GCS, "of new objects")
            for kind in _KINDS
        ),
        *(
            assumed(f"lag.{kind}.get.parts", "uniform to 1h, the rest to 12h", "only shares")
            for kind in _KINDS
        ),
        documented("(readers)", "strong", _GCS, "they are sent to where the object is"),
    ),
    _copied(
        "gcs-replication-turbo",
        "What the other region of a GCS dual-region holds, with turbo replication.",
        {"law": "uniform", "low": "0s", "high": "15m"},
        *_both(_GCS),
        assumed("replication.omits", "nothing", "deletions are copied as anything else", _GCS),
        *(documented(f"lag.{kind}", "within 15m", _GCS, "a target") for kind in _KINDS),
        *(
            assumed(f"lag.{kind}.get", "uniform, 0s to 15m", "the target is kept")
            for kind in _KINDS
        ),
        documented("(readers)", "strong", _GCS, "they are sent to where the object is"),
    ),
    _copied(
        "thanos-replicate",
        "A bucket that `thanos tools bucket replicate` fills: blocks come, and never go.",
        {"law": "uniform", "low": "0s", "high": "5m"},
        *_both(_THANOS),
        documented("order", "log", _THANOS, "chunks, index, meta.json, one block after the other"),
        documented("replication.omits", "deletes, marks", _THANOS, "neither is ever looked for"),
        *(
            assumed(f"lag.{kind}", "uniform, 0s to 5m", "how often it runs is a setting")
            for kind in _KINDS
        ),
        documented("(what is copied)", "whole blocks", _THANOS, "whose meta.json is not there yet"),
        order="log",
        omits=("deletes", "marks"),
    ),
    Profile(
        name="garage",
        summary="Garage read from one copy (R = 1): an overwritten object may be the one before.",
        values={
            "replicas": 3,
            "acks": 2,
            "lag": {"overwrite": {"get": {"law": "uniform", "low": "0s", "high": "1m"}}},
        },
        provenance=(
            assumed("replicas", "3", "its replication factor is a setting", _GARAGE),
            assumed("acks", "2", "writes wait for a majority", _GARAGE),
            measured(
                "lag.overwrite",
                "the version before is still read",
                _GARAGE,
                "a HEAD right after a PUT, in an unknown share of them; clocks within 0.3 ms",
                year=2026,
                n=3,
            ),
            assumed("lag.overwrite.get", "uniform, 0s to 1m", "for how long was not measured"),
            documented("(consistency)", "R = 1", _GARAGE, "a setting; with R = 2 reads are fresh"),
            measured(
                "(clock skew that it looks like)",
                "1h5m",
                _GARAGE,
                "1h5m18s, 1h4m59s, 1h5m12s: the time between two overwrites, not the lag",
                year=2026,
                n=3,
            ),
        ),
    ),
)
