"""Named uniforms: a draw is identified by what it decides, never by when it is made.

Two ways to ask for the same kind of thing:

- `Streams.uniform` hashes the seed and an identity to one number. For decisions that are
  scattered over the model (the lag of one key at one replica).
- `Streams.stream` hashes them once to the key of a `Stream`, which has random access to 2^63
  numbers. For decisions that come in rows (the replica of each of a million queries).

Both give floats in [0, 1) on the grid of 2^-53. Nothing here has state: asking twice gives the
same number, in any order, in any process.

Source
------
SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
OOPSLA 2014; its state after i + 1 steps from `key` is key + (i + 1) · γ, which gives the random
access. BLAKE2b: RFC 7693.
"""

import operator
from hashlib import blake2b
from typing import Any, Final

from sim.core.arrays import Floats, Ints, Words, np
from sim.core.identities import Endings, Identity, plain

__all__ = ["STREAM_VERSION", "Identity", "Stream", "Streams"]

STREAM_VERSION: Final = 1
"""Raised whenever the same seed and identity begin to give another number."""

_MASK: Final = 2**64 - 1
_GAMMA: Final = 0x9E3779B97F4A7C15
_MULTIPLIER_1: Final = 0xBF58476D1CE4E5B9
_MULTIPLIER_2: Final = 0x94D049BB133111EB
_TO_UNIT: Final = 2.0**-53
_ORDINAL_MAX: Final = 2**63 - 1
_CHUNK: Final = 16_384
"""Elements handled at once: the working set of the finaliser stays in the first caches."""


def _mixed_in_place(words: Words, scratch: Words) -> None:
    """Apply the SplitMix64 finaliser to `words`; `scratch` has the same shape."""
    np.right_shift(words, np.uint64(30), out=scratch)
    np.bitwise_xor(words, scratch, out=words)
    np.multiply(words, np.uint64(_MULTIPLIER_1), out=words)
    np.right_shift(words, np.uint64(27), out=scratch)
    np.bitwise_xor(words, scratch, out=words)
    np.multiply(words, np.uint64(_MULTIPLIER_2), out=words)
    np.right_shift(words, np.uint64(31), out=scratch)
    np.bitwise_xor(words, scratch, out=words)


class Stream:
    """Random access to the uniforms of one identity.

    Parameters
    ----------
    key : int
        In [0, 2^64): the state of SplitMix64 before its first step.

    Raises
    ------
    ValueError
        If `key` is outside that interval.
    """

    __slots__ = ("_key",)

    def __init__(self, key: int) -> None:
        if not 0 <= key <= _MASK:
            raise ValueError(f"key={key!r} must be in [0, 2^64)")
        self._key = int(key)

    def word_at(self, ordinal: int) -> int:
        """Return the 64-bit word number `ordinal` >= 0 as an int in [0, 2^64)."""
        if not 0 <= ordinal <= _ORDINAL_MAX:
            raise ValueError(f"ordinal={ordinal!r} must be in [0, 2^63)")
        word = (self._key + (int(ordinal) + 1) * _GAMMA) & _MASK
        word = ((word ^ (word >> 30)) * _MULTIPLIER_1) & _MASK
        word = ((word ^ (word >> 27)) * _MULTIPLIER_2) & _MASK
        return word ^ (word >> 31)

    def at(self, ordinal: int) -> float:
        """Return uniform number `ordinal`.

        Parameters
        ----------
        ordinal : int
            In [0, 2^63).

        Returns
        -------
        float
            In [0, 1): the top 53 bits of the word.

        Raises
        ------
        ValueError
            If `ordinal` is outside that interval.
        """
        return (self.word_at(ordinal) >> 11) * _TO_UNIT

    def at_many(self, ordinals: Ints) -> Floats:
        """Return the uniforms of many ordinals, bit for bit those of `at`.

        Parameters
        ----------
        ordinals : array of int, any shape
            In [0, 2^63), in any order, repetitions allowed.

        Returns
        -------
        array of float64, the same shape
            In [0, 1); empty for empty input.

        Raises
        ------
        ValueError
            If an ordinal is negative or the array does not hold integers.
        """
        given = np.asarray(ordinals)
        if given.size == 0:
            return np.zeros(given.shape, np.float64)
        if given.dtype.kind not in "iu":
            raise ValueError(f"ordinals={given.dtype} array must hold integers")
        if given.dtype.kind == "i" and int(given.min()) < 0:
            raise ValueError(f"ordinals={int(given.min())} must be >= 0")
        if given.dtype == np.uint64 and int(given.max()) > _ORDINAL_MAX:
            raise ValueError(f"ordinals={int(given.max())} must be < 2^63")
        flat = np.ascontiguousarray(given).reshape(-1)
        uniforms = np.empty(flat.size, np.float64)
        scratch = np.empty(min(_CHUNK, flat.size), np.uint64)
        first = np.uint64((self._key + _GAMMA) & _MASK)
        for low in range(0, flat.size, _CHUNK):
            part = flat[low : low + _CHUNK].astype(np.uint64)
            np.multiply(part, np.uint64(_GAMMA), out=part)
            np.add(part, first, out=part)
            _finish(part, scratch[: part.size], uniforms[low : low + part.size])
        return uniforms.reshape(given.shape)

    def run(self, start: int, count: int) -> Floats:
        """Return the uniforms of the ordinals start, start + 1, … (`count` of them).

        Equal to ``at_many(np.arange(start, start + count))`` and faster.

        Parameters
        ----------
        start, count : int
            Both >= 0, and start + count <= 2^63.

        Returns
        -------
        array of float64, shape (count,)
            In [0, 1).

        Raises
        ------
        ValueError
            If the ordinals leave [0, 2^63).
        """
        if start < 0 or count < 0 or start + count > _ORDINAL_MAX + 1:
            raise ValueError(f"start={start!r}, count={count!r} must stay in [0, 2^63)")
        uniforms = np.empty(count, np.float64)
        size = min(_CHUNK, count)
        steps = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(_GAMMA)
        words = np.empty(size, np.uint64)
        scratch = np.empty(size, np.uint64)
        for low in range(0, count, _CHUNK):
            n = min(_CHUNK, count - low)
            before = np.uint64((self._key + (int(start) + low) * _GAMMA) & _MASK)
            np.add(steps[:n], before, out=words[:n])
            _finish(words[:n], scratch[:n], uniforms[low : low + n])
        return uniforms


def _finish(words: Words, scratch: Words, out: Floats) -> None:
    """Turn states into uniforms in [0, 1); `words` and `scratch` are overwritten."""
    _mixed_in_place(words, scratch)
    np.right_shift(words, np.uint64(11), out=words)
    # The words are below 2^53 now, so reading them as signed changes nothing and converts faster.
    np.multiply(words.view(np.int64), _TO_UNIT, out=out)


class Streams:
    """All draws of one trial.

    Parameters
    ----------
    seed : int
        In [0, 2^128).

    Raises
    ------
    ValueError
        If `seed` is outside that interval.
    """

    __slots__ = ("_root", "seed")

    def __init__(self, seed: int) -> None:
        if isinstance(seed, bool) or not 0 <= operator.index(seed) < 2**128:
            raise ValueError(f"seed={seed!r} must be a whole number in [0, 2^128)")
        self.seed: Final = operator.index(seed)
        # The seed goes into the parameter block, which costs no compression, unlike a key.
        self._root = blake2b(digest_size=8, salt=self.seed.to_bytes(16, "little"))

    def __reduce__(self) -> tuple[type["Streams"], tuple[Any, ...]]:
        """Pickle as the seed: a hash object cannot be pickled."""
        return (Streams, (self.seed,))

    def word(self, *identity: str | int) -> int:
        """Return the 64-bit word of an identity, in [0, 2^64).

        Parameters
        ----------
        *identity : str or int
            At least one part; ``("a", "b")`` and ``("ab",)`` are different, and so are 1 and "1".

        Returns
        -------
        int
            The BLAKE2b-64 digest, read little-endian.

        Raises
        ------
        ValueError
            If there is no part, or one is neither str nor int.
        """
        for part in identity:
            if type(part) is not str and type(part) is not int:
                identity = plain(identity)
                break
        if not identity:
            raise ValueError("identity=() must name what the draw decides")
        # A tuple literal is unambiguous, and in ASCII it does not hang on a Unicode version.
        state = self._root.copy()
        state.update(ascii(identity).encode())
        return int.from_bytes(state.digest(), "little")

    def uniform(self, *identity: str | int) -> float:
        """Return the uniform of an identity.

        Parameters
        ----------
        *identity : str or int
            What the draw decides, from the general to the particular:
            ``("lag", key, version, replica, "get")``.

        Returns
        -------
        float
            In [0, 1): the top 53 bits of the word.

        Raises
        ------
        ValueError
            As `word`.
        """
        # The body of `word`, written out: this is the innermost call of the model.
        for part in identity:
            if type(part) is not str and type(part) is not int:
                return (self.word(*identity) >> 11) * _TO_UNIT
        if not identity:
            return (self.word() >> 11) * _TO_UNIT
        state = self._root.copy()
        state.update(ascii(identity).encode())
        return (int.from_bytes(state.digest(), "little") >> 11) * _TO_UNIT

    def uniforms(self, identity: Identity, endings: Endings) -> list[float]:
        """Return the uniforms of identities that begin alike, each that of `uniform`.

        Parameters
        ----------
        identity : Identity
            How all of them begin, at least one part.
        endings : Endings
            How each of them ends.

        Returns
        -------
        list of float
            In [0, 1), one for each ending.

        Raises
        ------
        ValueError
            As `word`.
        """
        if type(self).uniform is not Streams.uniform:
            # Others have their own say in what a draw is.
            return [self.uniform(*identity, *ending) for ending in endings.parts]
        for part in identity:
            if type(part) is not str and type(part) is not int:
                identity = plain(identity)
                break
        begun = self._root.copy()
        begun.update(ascii((*identity, ""))[:-3].encode())
        digests = []
        for text in endings.texts:
            state = begun.copy()
            state.update(text)
            digests.append(state.digest())
        return endings.uniforms(digests)

    def happens(self, chance: float, *identity: str | int) -> bool:
        """Whether what has a chance in [0, 1] happens: its uniform is below; raises as `word`."""
        return self.uniform(*identity) < chance

    def stream(self, *identity: str | int) -> Stream:
        """Return the stream of an identity; raises as `word`."""
        return Stream(self.word(*identity))
