"""Reading a source of a bucket, whichever kind it is."""

import gzip
import io
import os
import zlib
from typing import Final

from sim.errors import Problem
from sim.intake.complaints import Complaints
from sim.intake.found import Bucket
from sim.intake.inventory import read_inventory
from sim.intake.metas import read_folder, read_metas

__all__ = ["read_bytes", "read_source"]

_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_PEEKED: Final = 4096


def read_source(path: str, bucket: Bucket, complaints: Complaints, columns: str = "") -> None:
    """Read a folder of blocks, or a file as :func:`read_bytes` does.

    Parameters
    ----------
    path : str
    bucket, complaints
        What is found, and what is wrong, goes there.
    columns : str
        As for :func:`sim.intake.inventory.read_inventory`.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if os.path.isdir(path):
        read_folder(path, bucket, complaints)
        return
    with open(path, "rb") as stream:
        read_bytes(stream, path, bucket, complaints, columns)


def read_bytes(
    stream: io.BufferedReader, file: str, bucket: Bucket, complaints: Complaints, columns: str = ""
) -> None:
    """Read one meta.json after another if it begins like JSON, else an inventory.

    Either may be compressed by gzip. Nothing is read twice, so that it may be a pipe.

    Parameters
    ----------
    stream : BufferedReader
    file : str
        As the user named it.
    bucket, complaints, columns
        As for :func:`read_source`.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    is_packed = stream.peek(_PEEKED).startswith(_GZIP)
    content = gzip.GzipFile(fileobj=stream) if is_packed else stream
    try:
        head = content.peek(_PEEKED).removeprefix(_BOM).lstrip()
        text = io.TextIOWrapper(content, encoding="utf-8-sig", newline="")
        try:
            if not head:
                complaints.add(Problem("", file, "hold blocks, it is empty", file=file))
            elif head[:1] in b"{[":
                read_metas(text, file, bucket, complaints)
            else:
                read_inventory(text, file, bucket, complaints, columns)
        finally:
            # Else the stream would be closed with it.
            text.detach()
    except UnicodeDecodeError as error:
        complaints.add(Problem("", f"byte {error.start}", "be UTF-8", file=file))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        complaints.add(Problem("", str(error), "be whole, as gzip wrote it", file=file))
