"""Named stores that show every change at once: those of today, by the names people know.

As stores they are all ``strong``. What differs, and would be a surprise elsewhere, stands in rows
whose keys are in parentheses: caches in front, copies in other regions, settings.
"""

from typing import Final

from sim.scenario.stores.provenance import GAUL, Profile, Provenance, documented, measured

__all__ = ["AZURE", "STRONG"]

AZURE: Final = "Azure Storage documentation, redundancy"

_S3_BLOG: Final = "AWS News Blog, December 2020"
_S3_GUIDE: Final = "Amazon S3 user guide"
_S3_REPLICATION: Final = "Amazon S3 user guide, replication"
_GCS: Final = "Google Cloud Storage documentation, consistency"
_GCS_DUAL: Final = "Google Cloud Storage documentation, availability"
_R2: Final = "Cloudflare R2 documentation, consistency"
_MINIO: Final = "MinIO documentation"
_CEPH: Final = "Ceph documentation, multisite sync modules"
_TIGRIS: Final = "Tigris documentation, consistency"

_ALL_CHANGES: Final = "GET and LIST, after create, overwrite and delete"


def _strong(name: str, summary: str, *rows: Provenance) -> Profile:
    """Return a store without lag, and what is known of it."""
    return Profile(name=name, summary=summary, values={}, provenance=rows)


_S3_SETTINGS: Final = documented(
    "(bucket settings)",
    "15m",
    _S3_GUIDE,
    "wait after versioning is first enabled; settings stay eventually consistent",
)

STRONG: Final = (
    _strong(
        "strong",
        "Every change is visible to everybody once it is acknowledged.",
        documented(
            "lag",
            "0s",
            "Amazon S3 (since 2020), Google Cloud Storage, Azure Blob Storage, Cloudflare R2",
            f"{_ALL_CHANGES}; within one region of Azure",
        ),
    ),
    _strong(
        "s3",
        "Amazon S3 since December 2020: strong within the region of the bucket.",
        documented("lag", "0s", f"{_S3_BLOG}; {_S3_GUIDE}", _ALL_CHANGES),
        _S3_SETTINGS,
        documented(
            "(copies in other regions)",
            "most in 15m, up to 48h",
            _S3_REPLICATION,
            "object by object, in no order; deletions are left out unless asked for",
        ),
        documented(
            "(copies in other regions, time control)",
            "99.99 % in 15m",
            _S3_REPLICATION,
            "up to 3,500 writes a second and prefix, and 1 Gbit/s",
        ),
        Provenance(
            key="(copies in other regions, time control)",
            value="99.9 % in 15m",
            kind="sla",
            source="AWS, service level agreement of replication time control",
        ),
    ),
    _strong(
        "gcs",
        "Google Cloud Storage: strong everywhere, also in dual- and multi-regions.",
        documented("lag", "0s", _GCS, _ALL_CHANGES),
        documented(
            "(region lost before replication)", "500", _GCS, "a retryable error, never a 404"
        ),
        documented(
            "(public objects)",
            "3600s",
            "Pulumi, Google Cloud provider",
            "cached copies may be stale",
        ),
        documented("(access control lists)", "1m", _GCS, "until a change is in force"),
        documented(
            "(dual-region copy)", "99.9 % in 1h, all in 12h", _GCS_DUAL, "default replication"
        ),
        documented("(dual-region copy, turbo)", "15m", _GCS_DUAL, "a target for all objects"),
        measured(
            "(lists in 2014)",
            "2 of 1000 stale",
            GAUL,
            "after create; after delete",
            year=2014,
            n=1000,
        ),
    ),
    _strong(
        "azure-blob",
        "Azure Blob Storage: strong in the primary region; azure-ra-grs is its secondary.",
        documented("lag", "0s", AZURE, f"{_ALL_CHANGES}; three copies before the answer"),
        measured("(all changes in 2014)", "0 of 1000 stale", GAUL, "at most 3", year=2014, n=1000),
    ),
    _strong(
        "r2",
        "Cloudflare R2: strong everywhere, unless read through a cache of its own domain.",
        documented("lag", "0s", _R2, f"{_ALL_CHANGES}; from every place"),
        documented(
            "(read through a cached domain)",
            "until it expires",
            _R2,
            "deleted and overwritten objects are still read, and a 404 is remembered",
        ),
        documented("(access rights)", "1m", _R2, "until a change is in force"),
    ),
    _strong(
        "minio",
        "MinIO, one site, on the file systems that it asks for: strong.",
        documented("lag", "0s", _MINIO, f"{_ALL_CHANGES}; on XFS, ZFS or Btrfs, not on NFS"),
        documented("(copies at other sites)", "eventual", _MINIO, "replication is asynchronous"),
    ),
    _strong(
        "ceph-rgw",
        "Ceph's object gateway, one zone: strong, as far as anybody looked.",
        measured(
            "lag", "0s", GAUL, "0 of 1000 stale, so at most 3 (DreamObjects)", year=2014, n=1000
        ),
        documented("(other zones)", "eventual", _CEPH, "changes are propagated asynchronously"),
    ),
    _strong(
        "tigris",
        "Tigris, all readers in the region of the writer: strong.",
        documented("lag", "0s", _TIGRIS, f"{_ALL_CHANGES}; within one region"),
        documented(
            "(other regions)",
            "eventual, typically below 1s",
            _TIGRIS,
            "strong with the header X-Tigris-Consistent",
        ),
    ),
)
