"""Which blocks are due to be downsampled (``SEMANTICS.md`` C12)."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from sim.model.actors.planner import Spanned
from sim.scenario.language.tables import DOWNSAMPLED_SPANS_US


class Sourced(Spanned, Protocol):
    """What a block is asked that may be downsampled."""

    @property
    def sources(self) -> Sequence[int]: ...


B = TypeVar("B", bound=Sourced)


class Backlog:
    """Streams whose blocks have changed since they were last looked through, per resolution."""

    def __init__(self) -> None:
        self._changed: tuple[set[int], set[int]] = (set(), set())

    def touch(self, stream: int) -> None:
        """Note that a block of the stream came or went."""
        for streams in self._changed:
            streams.add(stream)

    @property
    def is_done(self) -> bool:
        """Whether no block has come or gone in vain since all was made."""
        return not any(self._changed)

    def due(self, groups: Mapping[tuple[int, int], Sequence[B]], resolution: int) -> list[B]:
        """Blocks of ``resolution`` not yet contained in the next one, by stream, then time."""
        found: list[B] = []
        for stream in sorted(self._changed[resolution]):
            coarser = groups.get((stream, resolution + 1), ())
            have = {source for block in coarser for source in block.sources}
            missing = [
                block
                for block in groups.get((stream, resolution), ())
                if block.max_us - block.min_us >= DOWNSAMPLED_SPANS_US[resolution]
                and not have.issuperset(block.sources)
            ]
            if not missing:
                self._changed[resolution].discard(stream)
            found += sorted(missing, key=lambda block: (block.min_us, block.index))
        return found
