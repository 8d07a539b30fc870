"""Names of draws, and many of them that begin alike."""

import operator
from collections.abc import Iterable
from struct import Struct
from typing import Final

from sim.core.arrays import np

__all__ = ["Endings", "Identity"]

Identity = tuple[str | int, ...]
"""What a draw decides, from the general to the particular: ``("gateway", 0, "phase")``."""


def plain(identity: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return `identity` with subclasses and NumPy integers turned into plain str and int."""
    if not identity:
        raise ValueError("identity=() must name what the draw decides")
    whole: list[str | int] = []
    for part in identity:
        if isinstance(part, str):
            whole.append(str.__str__(part))
        elif type(part) is not int and isinstance(part, (bool, np.bool_)):
            raise ValueError(f"identity={identity!r} must consist of str and int, not bool")
        else:
            try:
                whole.append(operator.index(part))
            except TypeError:
                raise ValueError(f"identity={identity!r} must consist of str and int") from None
    return tuple(whole)


class Endings:
    """Ends of names of draws that begin alike.

    Parameters
    ----------
    parts : iterable of Identity
        Each at least one part long; what `Streams.uniforms` takes them for.
    """

    __slots__ = ("_words", "parts", "texts")

    def __init__(self, parts: Iterable[Identity]) -> None:
        self.parts: Final = tuple(map(plain, parts))
        # As they stand in the text of a longer tuple, where a comma ends none of them.
        self.texts: Final = tuple(ascii(("", *part))[5:].encode() for part in self.parts)
        self._words: Final = Struct(f"<{len(self.parts)}Q")

    def uniforms(self, digests: Iterable[bytes]) -> list[float]:
        """Return the uniforms that the digests of as many words are."""
        words = self._words.unpack(b"".join(digests))
        return [(word >> 11) * 2.0**-53 for word in words]
