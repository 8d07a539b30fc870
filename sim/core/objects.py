"""The objects of a block: numbers, which records have, and names, which keys have.

Chunks come first, then the index, then meta.json, which commits the block (``SEMANTICS.md`` B2);
marks are none of what is uploaded, and the one against compaction is there only if people put it.

>>> objects = BlockObjects(chunk_files=1)
>>> objects.names
('chunks/000001', 'index', 'meta.json', 'deletion-mark.json', 'no-compact-mark.json')
>>> objects.key("0.raw.0-7200000000.1.0", objects.meta)
'0.raw.0-7200000000.1.0/meta.json'
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

__all__ = ["MANIFEST", "RESOLUTIONS", "BlockObjects", "Resolution", "block_id", "block_stem"]

Resolution = Literal["raw", "5m", "1h"]
"""How far a block's samples are apart: as scraped, or downsampled."""

RESOLUTIONS: Final[tuple[Resolution, ...]] = get_args(Resolution)
"""From the finest to the coarsest; records have their positions."""

MANIFEST: Final = "manifest.json"
"""Key of the object of a bucket that lists what readers may use, where there is one (D13)."""

_AFTER_CHUNKS: Final = ("index", "meta.json", "deletion-mark.json", "no-compact-mark.json")


def block_stem(*, stream: int, resolution: int, min_us: int, max_us: int, level: int) -> str:
    """The id of a block, without the number that tells it from others of the same.

    ``resolution`` is a position in :data:`RESOLUTIONS`, the data are those of [min_us, max_us).
    """
    return f"{stream}.{RESOLUTIONS[resolution]}.{min_us}-{max_us}.{level}"


def block_id(
    *, serial: int, stream: int, resolution: int, min_us: int, max_us: int, level: int
) -> str:
    """The id of a block, before which ``serial`` others of the same stem were made."""
    stem = block_stem(
        stream=stream, resolution=resolution, min_us=min_us, max_us=max_us, level=level
    )
    return f"{stem}.{serial}"


@dataclass(frozen=True, slots=True)
class BlockObjects:
    """The layout of every block of a run.

    Parameters
    ----------
    chunk_files : int
        Chunk objects of a block, >= 1.
    """

    chunk_files: int

    @property
    def index(self) -> int:
        """Number of the index."""
        return self.chunk_files

    @property
    def meta(self) -> int:
        """Number of meta.json; those below are the objects that hold data."""
        return self.chunk_files + 1

    @property
    def mark(self) -> int:
        """Number of deletion-mark.json; those below are the objects that are uploaded."""
        return self.chunk_files + 2

    @property
    def no_compact(self) -> int:
        """Number of no-compact-mark.json."""
        return self.chunk_files + 3

    @property
    def count(self) -> int:
        """How many there may be."""
        return self.chunk_files + 4

    @property
    def names(self) -> tuple[str, ...]:
        """Names below the block's id, by number."""
        return tuple(map(self._name, range(self.count)))

    def deletion_order(self, rule: str | None) -> tuple[int, ...]:
        """Every object in the order in which a block is deleted (``SEMANTICS.md`` B4).

        ``rule`` is "as-listed"; meta.json goes first where it is anything else.
        """
        chunks = range(self.chunk_files)
        if rule == "as-listed":
            return (*chunks, self.mark, self.index, self.meta, self.no_compact)
        return (self.meta, *chunks, self.index, self.no_compact, self.mark)

    def key(self, block_id: str, number: int) -> str:
        """Key of an object in the store."""
        return f"{block_id}/{self._name(number)}"

    def _name(self, number: int) -> str:
        if number < self.chunk_files:
            return f"chunks/{number + 1:06d}"
        return _AFTER_CHUNKS[number - self.chunk_files]
