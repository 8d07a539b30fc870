from __future__ import annotations

import pickle
import subprocess
import sys
from hashlib import blake2b
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.core.identities import Endings, Identity
from sim.core.streams import STREAM_VERSION, Stream, Streams

IDENTITIES: list[tuple[str | int, ...]] = [
    ("lag", "s0/chunks/000001", 0, 2, "get"),
    ("gateway", 1, "phase"),
    ("é\n'\"", -5),
    ("1",),
    (1,),
]

# Numbers that may never change while STREAM_VERSION is 1.
KNOWN = {
    0: [0.3397647257041283, 0.4500715629292352, 0.06844658378698543, 0.9378353477244913,
        0.183783890944326],
    1: [0.2010294489300426, 0.21937819613896314, 0.3113450574883049, 0.45495753651190984,
        0.8660790880483045],
}  # fmt: skip


def test_known_answers() -> None:
    assert STREAM_VERSION == 1
    for seed, expected in KNOWN.items():
        assert [Streams(seed).uniform(*identity) for identity in IDENTITIES] == expected


def test_known_answers_of_a_stream() -> None:
    stream = Streams(0).stream("query", "last-week", "streams")
    assert [stream.at(i) for i in (0, 1, 2**40)] == [
        0.5255488507508599,
        0.5943360498310774,
        0.6420704653586023,
    ]


def test_is_the_published_splitmix64() -> None:
    stream = Stream(1234567)
    assert [stream.word_at(i) for i in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_a_word_is_the_salted_hash_of_the_identity() -> None:
    for seed in (0, 7, 2**64, 2**128 - 1):
        digest = blake2b(b"('a', 1)", digest_size=8, salt=seed.to_bytes(16, "little")).digest()
        assert Streams(seed).word("a", 1) == int.from_bytes(digest, "little")
        assert Streams(seed).uniform("a", 1) == (Streams(seed).word("a", 1) >> 11) / 2**53
        assert Streams(seed).stream("a", 1).at(3) == Stream(Streams(seed).word("a", 1)).at(3)


def test_draws_do_not_depend_on_their_order() -> None:
    expected = dict(zip(IDENTITIES, KNOWN[0], strict=True))
    for order in permutations(IDENTITIES):
        streams = Streams(0)
        assert {identity: streams.uniform(*identity) for identity in order} == expected


def test_draws_do_not_depend_on_the_hash_seed() -> None:
    code = "from sim.core.streams import Streams; print(Streams(3).uniform('a', 'b', 4))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert outputs == {f"{Streams(3).uniform('a', 'b', 4)}\n"}


identities = st.lists(st.text(max_size=4) | st.integers(-3, 300), min_size=1, max_size=4)


@given(identities, identities)
def test_different_identities_never_share_a_word(a: list[str | int], b: list[str | int]) -> None:
    same = len(a) == len(b) and all(
        type(x) is type(y) and x == y for x, y in zip(a, b, strict=True)
    )
    assert (Streams(5).word(*a) == Streams(5).word(*b)) is same


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 2**63 - 1), max_size=50))
def test_vector_and_scalar_are_bit_equal(key: int, ordinals: list[int]) -> None:
    stream = Stream(key)
    many = stream.at_many(np.array(ordinals, dtype=np.int64))
    assert many.tolist() == [stream.at(i) for i in ordinals]
    assert bool(((many >= 0.0) & (many < 1.0)).all())


@pytest.mark.parametrize("start", [0, 5, 2**62, 2**63 - 40_000])
def test_a_run_equals_single_draws_across_chunks(start: int) -> None:
    stream = Stream(99)
    count = 40_000
    ordinals = np.arange(count, dtype=np.int64) + start
    assert np.array_equal(stream.run(start, count), stream.at_many(ordinals))
    for i in (0, 16_383, 16_384, count - 1):
        assert stream.run(start, count)[i] == stream.at(start + i)


def test_keeps_the_shape_and_takes_any_integer_type() -> None:
    stream = Stream(7)
    grid = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert stream.at_many(grid).shape == (2, 3)  # type: ignore[arg-type]
    assert stream.at_many(grid.T)[2, 1] == stream.at(5)  # type: ignore[arg-type]
    assert stream.at_many(np.zeros((0, 4), np.int64)).shape == (0, 4)
    assert stream.run(3, 0).shape == (0,)


def test_numpy_integers_and_subclasses_name_the_same_draw() -> None:
    class Name(str):
        __slots__ = ()

    plain = Streams(1).uniform("a", 3)
    assert Streams(1).uniform(Name("a"), np.int64(3)) == plain  # type: ignore[arg-type]


@pytest.mark.parametrize("identity", [(), (1.5,), (None,), (True,), (np.True_,), (("a",),)])
def test_refuses_what_names_nothing(identity: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^identity="):
        Streams(0).uniform(*identity)


@pytest.mark.parametrize("seed", [-1, 2**128, True])
def test_refuses_bad_seeds(seed: int) -> None:
    with pytest.raises(ValueError, match=r"^seed="):
        Streams(seed)


@pytest.mark.parametrize("ordinal", [-1, 2**63])
def test_refuses_bad_ordinals(ordinal: int) -> None:
    with pytest.raises(ValueError, match=r"^ordinal="):
        Stream(0).at(ordinal)


@pytest.mark.parametrize(
    "ordinals", [np.array([0, -1]), np.array([0.5]), np.array([2**63], np.uint64)]
)
def test_refuses_bad_vectors(ordinals: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match=r"^ordinals="):
        Stream(0).at_many(ordinals)


def test_refuses_bad_runs_and_keys() -> None:
    for start, count in ((-1, 1), (0, -1), (2**63, 1)):
        with pytest.raises(ValueError, match=r"^start="):
            Stream(0).run(start, count)
    with pytest.raises(ValueError, match=r"^key="):
        Stream(2**64)


def test_streams_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(Streams(42)))
    assert again.seed == 42
    assert again.uniform("a") == Streams(42).uniform("a")


def test_bits_are_balanced_over_names_and_ordinals() -> None:
    streams = Streams(8)
    n = 4_000
    named = np.array([streams.word("x", i) for i in range(n)], dtype=np.uint64)
    stream = streams.stream("x")
    rows = np.array([stream.word_at(i) for i in range(n)], dtype=np.uint64)
    for words in (named, rows):
        ones = ((words[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).mean(axis=0)
        assert np.abs(ones - 0.5).max() < 5.0 * 0.5 / np.sqrt(n)


ENDS: list[Identity] = [(0,), ("get", 1), ("it's", "é", -3), (10**30, "a", "b", "c")]


@pytest.mark.parametrize("begun", [("a",), ("lag", "é'", 4), ("x" * 300, 1)])
def test_many_that_begin_alike_are_those_of_each(begun: Identity) -> None:
    streams = Streams(2**100)
    expected = [streams.uniform(*begun, *end) for end in ENDS]
    assert streams.uniforms(begun, Endings(ENDS)) == expected
    assert streams.uniforms((*begun, "z"), Endings(ENDS)) != expected
    assert streams.uniforms(begun, Endings(())) == []
    numbers = Endings([(np.int64(0),), *ENDS[1:]])  # type: ignore[list-item]
    assert streams.uniforms(begun, numbers) == expected


def test_whoever_says_what_a_draw_is_says_it_of_many() -> None:
    class Said(Streams):
        def uniform(self, *identity: str | int) -> float:
            return 0.25 if identity == ("a", 0) else super().uniform(*identity)

    found = Said(3).uniforms(("a",), Endings([(0,), (1,)]))
    assert found == [0.25, Streams(3).uniform("a", 1)]


def test_an_ending_names_something() -> None:
    with pytest.raises(ValueError, match="must name what"):
        Endings([()])
    with pytest.raises(ValueError, match="must consist of"):
        Streams(3).uniforms((1.5,), Endings([(0,)]))  # type: ignore[arg-type]
