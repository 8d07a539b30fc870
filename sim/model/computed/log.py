"""What passes did, row by row, in the memory that numbers take."""

from array import array

import numpy as np

from sim.trace.timelines import Ints

__all__ = ["Log", "Rows"]


class Rows:
    """A table of integers that grows; ``width``: how many a row has."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._flat = array("q")
        self._extend = self._flat.extend

    def add(self, *row: int) -> None:
        """Add a row."""
        self._extend(row)

    def extend(self, rows: Ints) -> None:
        """Add rows, shape (n, width)."""
        self._flat.frombytes(rows.astype(np.int64).tobytes())

    @property
    def columns(self) -> Ints:
        """The columns so far, shape (width, n_rows)."""
        return np.array(self._flat, np.int64).reshape(-1, self._width).T.copy()


class Log:
    """All that one compactor did, in order; blocks by their ordinals among those of its streams.

    Each row has its columns in the order given; a *place* is that among all it did.

    Attributes
    ----------
    syncs, looks : Rows
        Instant (µs) and place of each listing of the bucket, and of each look for what is due.
    begun : Rows
        Of each block begun: instant, place, ordinal, stream, resolution, first and end of its
        data (level-1 ordinals), level, bytes, whether it replaces its parents, and their number.
    parents : Rows
        Their ordinals, one a row.
    done : Rows
        Of each upload: instant, place, and which of ``begun`` it is.
    contained : Rows
        A block that another one contains, and that one.
    retired : Rows
        Of each block declared obsolete: instant, place, ordinal, the second in its mark, and why,
        as a position in `RETIRE_REASONS`.
    again : Rows
        Instants at which blocks were declared obsolete that had been before.
    """

    def __init__(self) -> None:
        self.syncs = Rows(2)
        self.looks = Rows(2)
        self.begun = Rows(11)
        self.parents = Rows(1)
        self.done = Rows(3)
        self.contained = Rows(2)
        self.retired = Rows(5)
        self.again = Rows(1)

    def add_quiet(self, at_us: Ints, place: int, *, syncs: int, looks: bool) -> int:
        """Add passes that found nothing: so many syncs, a look after the first.

        ``place`` is the last one taken; what is returned is so afterwards.
        """
        n = syncs + looks
        places = place + 1 + np.arange(at_us.size * n).reshape(-1, n)
        is_look = (np.arange(n) == 1) & looks
        for rows, mine in ((self.syncs, places[:, ~is_look]), (self.looks, places[:, is_look])):
            rows.extend(np.stack([np.repeat(at_us, mine.shape[1]), mine.ravel()], axis=1))
        return place + places.size
