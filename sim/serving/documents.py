"""XML of S3, in requests and answers."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree

from sim.serving.contents import Page, Wanted
from sim.serving.problems import Refused

__all__ = [
    "begun",
    "buckets",
    "completed",
    "deleted",
    "error",
    "keys_to_delete",
    "listing",
    "location",
    "parts_to_join",
    "shown",
    "stamp",
]

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_Fields = Iterable[tuple[str, object]]


def error(refused: Refused) -> bytes:
    """Why a request gets no success."""
    root = ElementTree.Element("Error")
    _add(root, [("Code", refused.code), ("Message", refused.message)])
    return _written(root)


def stamp(date: datetime) -> str:
    """A date as documents have it."""
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{date.microsecond // 1000:03}Z"


def shown(text: str, *, is_quoted: bool) -> str:
    """A key, or a part of one, as listings have it."""
    return quote(text) if is_quoted else text


def listing(
    bucket: str,
    wanted: Wanted,
    page: Page,
    others: Iterable[tuple[str, object]],
    *,
    is_quoted: bool,
) -> bytes:
    """A page of a listing; ``others`` are the fields that only one version has."""
    root = ElementTree.Element("ListBucketResult", xmlns=_NAMESPACE)
    fields: list[tuple[str, object]] = [
        ("Name", bucket),
        ("Prefix", shown(wanted.prefix, is_quoted=is_quoted)),
        ("MaxKeys", wanted.most),
        ("IsTruncated", "true" if page.is_cut else "false"),
        *others,
    ]
    if wanted.delimiter:
        fields.append(("Delimiter", shown(wanted.delimiter, is_quoted=is_quoted)))
    if is_quoted:
        fields.append(("EncodingType", "url"))
    _add(root, fields)
    for key, content in page.keys:
        assert content.written is not None
        entry = ElementTree.SubElement(root, "Contents")
        _add(
            entry,
            [
                ("Key", shown(key, is_quoted=is_quoted)),
                ("LastModified", stamp(content.written)),
                ("ETag", f'"{content.etag}"'),
                ("Size", len(content.body)),
                ("StorageClass", "STANDARD"),
            ],
        )
    for group in page.groups:
        fields = [("Prefix", shown(group, is_quoted=is_quoted))]
        _add(ElementTree.SubElement(root, "CommonPrefixes"), fields)
    return _written(root)


def buckets(name: str, began: datetime) -> bytes:
    """All buckets: the only one, and since when it is there."""
    root = ElementTree.Element("ListAllMyBucketsResult", xmlns=_NAMESPACE)
    _add(ElementTree.SubElement(root, "Owner"), [("ID", name), ("DisplayName", name)])
    entry = ElementTree.SubElement(ElementTree.SubElement(root, "Buckets"), "Bucket")
    _add(entry, [("Name", name), ("CreationDate", stamp(began))])
    return _written(root)


def location() -> bytes:
    """Where the bucket is: in the region that has no name."""
    return _written(ElementTree.Element("LocationConstraint", xmlns=_NAMESPACE))


def deleted(outcomes: Iterable[tuple[str, Refused | None]], *, is_quiet: bool) -> bytes:
    """What became of keys that were to be deleted."""
    root = ElementTree.Element("DeleteResult", xmlns=_NAMESPACE)
    for key, refused in outcomes:
        if refused is not None:
            fields = [("Key", key), ("Code", refused.code), ("Message", refused.message)]
            _add(ElementTree.SubElement(root, "Error"), fields)
        elif not is_quiet:
            _add(ElementTree.SubElement(root, "Deleted"), [("Key", key)])
    return _written(root)


def begun(bucket: str, key: str, upload: str) -> bytes:
    """The id of an upload in parts."""
    root = ElementTree.Element("InitiateMultipartUploadResult", xmlns=_NAMESPACE)
    _add(root, [("Bucket", bucket), ("Key", key), ("UploadId", upload)])
    return _written(root)


def completed(bucket: str, key: str, etag: str) -> bytes:
    """An upload in parts is an object now."""
    root = ElementTree.Element("CompleteMultipartUploadResult", xmlns=_NAMESPACE)
    _add(root, [("Bucket", bucket), ("Key", key), ("ETag", f'"{etag}"')])
    return _written(root)


def keys_to_delete(body: bytes) -> tuple[list[str], bool]:
    """The keys that a request names, and whether it wants to hear of failures only."""
    root = _read(body, "Delete")
    keys = [_text(entry, "Key") for entry in root.findall("{*}Object")]
    return keys, root.findtext("{*}Quiet", "false").strip() == "true"


def parts_to_join(body: bytes) -> list[tuple[int, str]]:
    """The parts that make an object, by number and tag."""
    root = _read(body, "CompleteMultipartUpload")
    parts = []
    for part in root.findall("{*}Part"):
        number = _text(part, "PartNumber")
        if not (number.isascii() and number.isdecimal() and len(number) <= 5):
            raise _malformed()
        parts.append((int(number), _text(part, "ETag").strip('"')))
    return parts


def _add(parent: ElementTree.Element, fields: _Fields) -> None:
    for name, value in fields:
        ElementTree.SubElement(parent, name).text = str(value)


def _written(root: ElementTree.Element) -> bytes:
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _read(body: bytes, name: str) -> ElementTree.Element:
    """Read a document without declarations of its own, which could grow without end."""
    try:
        text = body.decode("utf-8-sig")
        if "<!" in text:
            raise _malformed()
        root = ElementTree.fromstring(text.encode())
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise _malformed() from None
    if root.tag.rpartition("}")[2] != name:
        raise _malformed()
    return root


def _text(parent: ElementTree.Element, name: str) -> str:
    text = parent.findtext(f"{{*}}{name}")
    if not text:
        raise _malformed()
    return text


def _malformed() -> Refused:
    return Refused(400, "MalformedXML", "The document is not what S3 wants here.")
