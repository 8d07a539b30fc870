"""A stream of JSON values, one after another, and where each begins."""

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any, Final, NamedTuple, TextIO

from sim.scenario.complaints.text import MISSING

__all__ = ["Document", "documents", "shorten"]

_CHUNK: Final = 2**20
_LARGEST: Final = 4 * 2**20
_SPACE: Final = re.compile(r"[ \t\n\r]*")


class Document(NamedTuple):
    """One value of a stream.

    Attributes
    ----------
    line : int
        Where it begins, from 1; of what is no JSON, where that shows.
    text : str
    value : object
        `MISSING` if it is no JSON.
    why : str
        Why it is none.
    """

    line: int
    text: str
    value: Any
    why: str = ""


def shorten(text: str) -> str:
    """The first line of a text, as much as a message has room for."""
    return text.lstrip().partition("\n")[0][:40]


def documents(stream: TextIO) -> Iterator[Document]:
    """Take a stream apart; after what is no JSON it goes on at the next line that opens a brace.

    It is read piece by piece: what is there at once is a piece, and the value that it cuts.
    """
    decode = JSONDecoder().raw_decode
    text, at, line, is_over = "", 0, 1, False
    while True:
        begin = _match_end(text, at)
        line, at = line + text.count("\n", at, begin), begin
        why, value, end = "", MISSING, at
        try:
            value, end = decode(text, at)
        except JSONDecodeError as error:
            if not is_over and len(text) - at < _LARGEST:
                # It may only be cut off here.
                more = stream.read(max(_CHUNK, len(text) - at))
                text, at, is_over = text[at:] + more, 0, not more
                continue
            if at == len(text):
                return
            why = error.msg[:1].lower() + error.msg[1:]
            line += text.count("\n", at, error.pos)
            end = error.pos
            at = max(at, text.rfind("\n", 0, end) + 1)
        except (ValueError, RecursionError):
            why = "a number too long, or nested too deep"
        if why:
            found = text.find("\n{", end + 1)
            end = len(text) if found < 0 else found + 1
        yield Document(line, text[at:end], value, why)
        line, at = line + text.count("\n", at, end), end


def _match_end(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
