"""What drawn queries meet, held against a look at every query and every row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from sim.analysis.intervals import Ints
from sim.analysis.queries import meetings
from sim.analysis.queries.meetings import Meetings, Rows
from sim.conventions.queries import Queries
from sim.core.arrivals import choose
from sim.core.streams import Streams
from sim.scenario.schema import Scenario
from tests.worlds import us, world

LAWS: dict[str, Any] = {
    "constant": "7m",
    "uniform": {"law": "uniform", "low": "0s", "high": "1h"},
    "exponential": {"law": "exponential", "mean": "5m"},
    "no mean": {"law": "pareto", "minimum": "2s", "alpha": 0.5},
    "values": {"law": "empirical", "samples": ["0s", "1m", "1m", "3h"]},
}


def asking(takes: object, n: int, streams: int | str) -> Scenario:
    query = {"name": "q", "rate": "1/m", "range": "6h", "takes": takes, "streams": streams}
    return world(horizon="1d", producers={"count": n}, queries=[query])


def drawn_rows(n_streams: int, number: int = 60) -> Rows:
    """Rows of some hours; some end before anything is absent, some begin after, some twice."""
    rng = np.random.default_rng(n_streams)
    start_us = rng.integers(us("3h"), us("12h"), number)
    end_us = start_us + rng.integers(1, us("4h"), number)
    absent_us = start_us + rng.integers(-us("1h"), us("8h"), number)
    what, stream = rng.integers(0, 3, number), rng.integers(0, n_streams, number)
    again = np.r_[np.arange(number), np.arange(0, number, 5)]
    return Rows(*(c[again] for c in (what, stream, start_us, end_us, absent_us)))


def met_one_by_one(
    scenario: Scenario, rows: Rows, numbered: Iterable[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Pairs (what, number of the query)."""
    query, streams = scenario.queries[0], Streams(3)
    k = scenario.producers.count if query.streams == "all" else int(query.streams)
    every = [tuple(row) for row in np.stack(rows).T.tolist()]
    found = set()
    for number, at_us in numbered:
        takes_us = query.takes.draw_us(streams.stream("query", "q", "takes").at(number))
        lots = streams.stream("query", "q", "streams")
        chosen = choose(lots, np.array([number]), scenario.producers.count, k)[0].tolist()
        for what, stream, start_us, end_us, absent_us in every:
            if stream in chosen and start_us <= at_us < end_us and at_us + takes_us >= absent_us:
                found.add((what, number))
    return found


def met(
    scenario: Scenario, queries: Queries, rows: Rows, number: Ints, at_us: Ints
) -> set[tuple[int, int]]:
    there = Meetings(queries, scenario.queries[0].takes, scenario.producers.count, rows)
    return {
        (what, int(number[place]))
        for kinds, places in there.of(number, at_us)
        for what, place in zip(kinds.tolist(), places.tolist(), strict=True)
    }


@pytest.mark.parametrize(("n", "streams"), [(4, 2), (70, 9), (3, "all")])
@pytest.mark.parametrize("law", LAWS)
def test_queries_meet_what_each_would_alone(
    law: str, n: int, streams: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario, rows = asking(LAWS[law], n, streams), drawn_rows(n)
    queries = Queries(scenario, scenario.queries[0], Streams(3))
    first, at_us = queries.arrivals_within(us("6h"), us("10h"))
    number = first + np.arange(at_us.size)
    expected = met_one_by_one(scenario, rows, zip(number.tolist(), at_us.tolist(), strict=True))
    assert met(scenario, queries, rows, number, at_us) == expected
    assert len({what for what, _ in expected}) > 1
    monkeypatch.setattr(meetings, "_AT_ONCE", 40)
    some = np.flatnonzero(at_us % 3 == 0)
    assert met(scenario, queries, rows, number[some], at_us[some]) == {
        pair for pair in expected if pair[1] - first in some
    }
    assert not met(scenario, queries, rows, number[:0], at_us[:0])


def test_every_length_of_query_meets_something() -> None:
    # Three slices of durations: each must have had its say above.
    law = LAWS["no mean"]
    scenario = asking(law, 1, "all")
    queries = Queries(scenario, scenario.queries[0], Streams(3))
    number, at_us = np.arange(40_000), np.arange(40_000) * 1_000
    uniforms = queries.takes_uniforms(number)
    for low, high in ((0.0, 1 - 2**-5), (1 - 2**-5, 1 - 2**-11), (1 - 2**-11, 1.0)):
        takes_us = scenario.queries[0].takes.draw_us(low)
        there = np.array([at_us[-1] + 1]), np.array([at_us[-1] + 1 + takes_us])
        rows = Rows(np.array([0]), np.array([0]), np.array([0]), *there)
        expected = np.flatnonzero(at_us + queries.takes_us(number) >= rows.absent_us[0])
        inside = (uniforms[expected] >= low) & (uniforms[expected] < high)
        assert inside.any()
        found = met(scenario, queries, rows, number, at_us)
        assert found == {(0, i) for i in expected.tolist()}


def test_nothing_is_drawn_of_queries_that_can_meet_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = asking(LAWS["uniform"], 4, 2)
    queries = Queries(scenario, scenario.queries[0], Streams(3))
    at_us = queries.arrivals()
    number = np.arange(at_us.size)
    hour = np.array([us("12h")])
    rows = Rows(np.array([0]), np.array([1]), hour, hour + us("1h"), hour + us("30m"))
    asked: list[int] = []
    for name in ("takes_uniforms", "stream_sets"):
        real = getattr(Queries, name)

        def noted(self: Queries, query: Ints, real: Any = real) -> Any:
            asked.extend(query.tolist())
            return real(self, query)

        monkeypatch.setattr(Queries, name, noted)
    assert met(scenario, queries, rows, number, at_us)
    near = np.flatnonzero((at_us >= us("12h")) & (at_us < us("13h")))
    assert 0 < near.size < number.size / 20
    assert set(asked) == set(near.tolist())
