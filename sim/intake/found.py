"""What is found in a bucket: blocks, what they say of themselves, and marks.

Sources tell different parts of it. What `thanos tools bucket ls -o json` prints has every meta.json
and nothing else; a folder of them has the marks beside; an inventory has sizes and times of
objects, and no meta.json. What several sources say of one block is put together by its id.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sim.core.units import US_PER_S

__all__ = [
    "LARGEST_BYTES",
    "US_PER_MS",
    "Bucket",
    "FoundBlock",
    "FoundMeta",
    "created_us",
    "is_block_id",
]

US_PER_MS: Final = US_PER_S // 1_000

LARGEST_BYTES: Final = 2**48
"""No store has an object that is larger."""

# A ULID: 48 bits of milliseconds and 80 of chance, 5 bits a letter; I, L, O and U are not used.
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BLOCK_ID: Final = re.compile(f"[0-7][{_LETTERS}]{{25}}", re.ASCII)
_TIME_LETTERS: Final = 10


class FoundMeta(NamedTuple):
    """What a meta.json says.

    Attributes
    ----------
    labels : tuple of pairs of str
        External labels, by name.
    resolution : int
        Position in `sim.core.objects.RESOLUTIONS`.
    min_us, max_us : int
        Its data are those of [min_us, max_us), µs since 1970.
    level : int
        From 1.
    n_sources : int
        How many blocks of level 1 it names as its sources; 0 if it names none.
    size_bytes, chunk_files : int or None
        Of all files that it names, and how many of them are chunks; None if it names none.
    uploaded_us : int or None
        µs since 1970, of Thanos from 0.40 on.
    """

    labels: tuple[tuple[str, str], ...]
    resolution: int
    min_us: int
    max_us: int
    level: int
    n_sources: int
    size_bytes: int | None
    chunk_files: int | None
    uploaded_us: int | None


@dataclass(slots=True)
class FoundBlock:
    """All that is known of one block.

    Attributes
    ----------
    id : str
    meta : FoundMeta or None
        None if no source has its content.
    has_meta : bool
        Whether a meta.json is there at all: without it the block is partial.
    object_bytes, object_chunks : int
        Sum of its objects but for marks, and how many are chunks; 0 without an inventory.
    meta_put_us : int or None
        When its meta.json was last put, µs since 1970, as the store says.
    marked_us : int or None
        The time of its deletion mark, µs since 1970.
    mark_details : str
        Why it was marked, as the mark says.
    is_excluded : bool
        Whether a mark keeps it from compaction.
    """

    id: str
    meta: FoundMeta | None = None
    has_meta: bool = False
    object_bytes: int = 0
    object_chunks: int = 0
    meta_put_us: int | None = None
    marked_us: int | None = None
    mark_details: str = ""
    is_excluded: bool = False

    @property
    def size_bytes(self) -> int | None:
        """Size of its objects, by the inventory or else by itself."""
        return self.object_bytes or (self.meta.size_bytes if self.meta else None)

    @property
    def chunk_files(self) -> int | None:
        """How many chunk objects it has, by the inventory or else by itself."""
        return self.object_chunks or (self.meta.chunk_files if self.meta else None)

    @property
    def uploaded_us(self) -> int | None:
        """When it was uploaded, by itself or else by the store, which tells of rewrites too."""
        told_us = self.meta.uploaded_us if self.meta else None
        return self.meta_put_us if told_us is None else told_us


@dataclass(slots=True)
class Bucket:
    """What sources say together.

    Attributes
    ----------
    blocks : dict of str to FoundBlock
        By id.
    sources : list of str
        What was read, in words.
    shows_marks : bool
        Whether any source would have told of marks.
    n_others : int
        Objects or folders that belong to no block.
    """

    blocks: dict[str, FoundBlock] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    shows_marks: bool = False
    n_others: int = 0

    def block(self, block_id: str) -> FoundBlock:
        """The block of an id; it is new if no source has told of it yet."""
        found = self.blocks.get(block_id)
        if found is None:
            found = self.blocks[block_id] = FoundBlock(block_id)
        return found


def is_block_id(text: object) -> bool:
    """Whether a text is a ULID, as every block is called."""
    return isinstance(text, str) and _BLOCK_ID.fullmatch(text) is not None


def created_us(block_id: str) -> int:
    """When a block was made on somebody's disk, by its ULID: µs since 1970.

    >>> created_us("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    1469922850259000
    """
    number = 0
    for letter in block_id[:_TIME_LETTERS]:
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    return number * US_PER_MS
