"""NumPy, imported when something of it is first asked for; the arrays that this room has; pairs.

NumPy takes a good part of the start of a program. What only reads and judges scenarios asks for
nothing of it, though it has laws and names of draws, which do.
"""

from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["Floats", "Ints", "Words", "np", "pairs"]

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Words = NDArray[np.uint64]
else:
    Floats = Ints = Words = Any

    class _NumPy(ModuleType):
        """A module that is empty until the first name is asked for, and NumPy from then on."""

        def __getattr__(self, name: str) -> object:
            import numpy

            vars(self).update(vars(numpy))
            # Nothing of this class is left, so that a name costs no more than in NumPy itself.
            self.__class__ = ModuleType
            return getattr(self, name)

    np = _NumPy("numpy")


def pairs(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """(row, member) for every member of [first[row], last[row]) of every row."""
    n = np.maximum(last - first, 0)
    row = np.repeat(np.arange(n.size), n)
    skip = np.cumsum(n) - n
    member = np.arange(row.size) - np.repeat(skip - first, n)
    return row, member.astype(np.int64)
