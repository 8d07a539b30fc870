"""Listings as clients ask for them and are told, in both versions of S3 (``SEMANTICS.md`` V6)."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sim.serving import documents
from sim.serving.contents import Page, Wanted
from sim.serving.problems import Refused

__all__ = ["is_listing", "page_of", "wanted_by"]

_OF_BOTH: Final = frozenset({"prefix", "delimiter", "max-keys", "encoding-type"})
_OF_FIRST: Final = _OF_BOTH | {"marker"}
_OF_SECOND: Final = _OF_BOTH | {"list-type", "start-after", "continuation-token", "fetch-owner"}


def is_listing(args: Mapping[str, str], asked: frozenset[str]) -> bool:
    """Whether a GET of the bucket that asks for these wants a listing that is served."""
    return asked <= _OF_FIRST or (args.get("list-type") == "2" and asked <= _OF_SECOND)


def wanted_by(args: Mapping[str, str], most: int) -> Wanted:
    """What a query asks for, with at most ``most`` keys; raises Refused."""
    encoding, size = args.get("encoding-type"), args.get("max-keys", str(most))
    if encoding not in (None, "url") or not (size.isascii() and size.isdecimal()):
        raise Refused(400, "InvalidArgument", "encoding-type is url, and max-keys a number.")
    wanted = Wanted(
        prefix=args.get("prefix", ""),
        delimiter=args.get("delimiter", ""),
        most=min(int(size[:9]), most),
    )
    if "list-type" not in args:
        marker = args.get("marker", "")
        # That is how a page ends with a group, which the next one must not repeat.
        passed = marker if wanted.group(marker) == marker else ""
        return replace(wanted, after=marker, passed=passed)
    token = args.get("continuation-token")
    if token is None:
        return replace(wanted, after=args.get("start-after", ""))
    return _from(wanted, token)


def page_of(bucket: str, args: Mapping[str, str], wanted: Wanted, page: Page) -> bytes:
    """The document of a page, as the query wants it."""
    fields: list[tuple[str, object]]
    is_quoted = "encoding-type" in args
    last = max(page.keys[-1][0] if page.keys else "", *page.groups[-1:], "")
    if "list-type" in args:
        fields = [("KeyCount", len(page.keys) + len(page.groups))]
        if page.is_cut:
            kind = "g" if page.groups[-1:] == (last,) else "k"
            token = base64.urlsafe_b64encode(f"{kind}{last}".encode()).decode()
            fields.append(("NextContinuationToken", token))
    else:
        fields = [("Marker", documents.shown(args.get("marker", ""), is_quoted=is_quoted))]
        # As at S3: without groups a client goes on behind the last key.
        if page.is_cut and wanted.delimiter:
            fields.append(("NextMarker", documents.shown(last, is_quoted=is_quoted)))
    return documents.listing(bucket, wanted, page, fields, is_quoted=is_quoted)


def _from(wanted: Wanted, token: str) -> Wanted:
    """A listing that goes on where a page ended."""
    try:
        last = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        last = ""
    if last[:1] not in ("g", "k"):
        raise Refused(400, "InvalidArgument", "The continuation token is none of this endpoint.")
    return replace(wanted, after=last[1:], passed=last[1:] if last[0] == "g" else "")
