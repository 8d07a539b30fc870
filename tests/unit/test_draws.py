"""Draws whose names begin alike, together: each as it would be alone."""

from __future__ import annotations

from sim.core.draws import Inverses, Row, draw_us
from sim.core.identities import Identity
from sim.core.laws import Adjusted, Constant, Exponential, Law, Lognormal, Mixture
from sim.core.pinned import AskedStreams, PinnedStreams
from sim.core.streams import Streams

MIXED = Mixture(weights=(0.3, 0.7), parts=(Constant(value_us=7), Exponential(mean_us=1e4)))
LAWS: list[Law] = [
    Lognormal(median_us=1e6, p99_us=3e7),
    Constant(value_us=12.5),
    MIXED,
    Adjusted(law=MIXED, at_most_us=9e3),
]
ENDINGS = [(i, plane) for i in range(2) for plane in ("get", "list")]


def test_a_row_draws_what_each_draw_is_alone() -> None:
    row = Row(LAWS, ENDINGS, Inverses())
    kept: dict[Identity, float] = {("lag", "k", 3, 1, "get"): 0.75}
    for streams in (Streams(4), PinnedStreams(4, kept), AskedStreams(4)):
        for version in range(20):
            name = ("lag", "k", version)
            found = row.draw_us(streams, *name)
            alone = [
                draw_us(law, streams, *name, *end) for law, end in zip(LAWS, ENDINGS, strict=True)
            ]
            assert found == alone
    pinned_us = row.draw_us(PinnedStreams(4, kept), "lag", "k", 3)[2]
    assert pinned_us == MIXED.draw_us(0.75) != row.draw_us(Streams(4), "lag", "k", 3)[2]


def test_rows_of_several_names_are_each_what_they_are_alone() -> None:
    names = [("lag", "k", 3), ("lag", "k", 4), ("ack", "other", 3)]
    for laws in (LAWS, LAWS[:1] * 4, LAWS[1:2] * 4, [LAWS[0], LAWS[0], LAWS[2], LAWS[2]]):
        row = Row(laws, ENDINGS, Inverses())
        for streams in (Streams(4), AskedStreams(4)):
            together = row.draw_each_us(streams, names)
            assert together == [row.draw_us(streams, *name) for name in names]
            assert row.draw_each_us(streams, names[:1]) == together[:1]


def test_a_row_of_one_law_draws_what_each_draw_is_alone() -> None:
    streams = Streams(9)
    for law in LAWS:
        row = Row([law] * len(ENDINGS), ENDINGS, Inverses())
        for version in range(5):
            alone = [draw_us(law, streams, version, *end) for end in ENDINGS]
            assert row.draw_us(streams, version) == alone


def test_a_row_asks_for_what_is_not_constant_in_order() -> None:
    streams = AskedStreams(4)
    row = Row(LAWS, ENDINGS, Inverses())
    row.draw_us(streams, "a")
    assert list(streams.asked) == [("a", 0, "get"), ("a", 1, "get"), ("a", 1, "list")]


def test_rows_share_the_steps_of_equal_laws() -> None:
    inverses = Inverses()
    assert inverses[MIXED] is inverses[Mixture(weights=(0.3, 0.7), parts=MIXED.parts)]
    assert inverses[LAWS[3]] is not inverses[MIXED]
