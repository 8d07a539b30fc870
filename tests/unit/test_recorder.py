"""Records as lines, and the digest that tells runs apart."""

from __future__ import annotations

import hashlib
import json

import pytest

from sim.errors import TraceError
from sim.trace.recorder import Recorder, Trace, decode, digest_of, encode, first_difference
from sim.trace.records import (
    KIND_OF,
    TYPE_OF,
    AbortRecord,
    BlockRecord,
    NamesRecord,
    PutRecord,
    Record,
    RequestsRecord,
    UpRecord,
)
from tests.worlds import header, run, world

SOME: tuple[Record, ...] = (
    BlockRecord(1, 0, "0.raw.0-2.1.0", 0, 0, 0, 2, 1, 100, (0, 1)),
    PutRecord(2, 0, (0, 1, 2), (3, 4, 5), (), 6),
    AbortRecord(7, 1, "list"),
    NamesRecord(8, 0, (-1, 0), 1),
    RequestsRecord(9, (1, 2, 3, 4, 5)),
)


def test_a_record_is_a_line_and_back() -> None:
    assert encode(SOME[1]) == '["put",2,0,[0,1,2],[3,4,5],[],6]'
    assert [decode(encode(record)) for record in SOME] == list(SOME)


def test_every_kind_of_record_has_a_name_of_its_own() -> None:
    assert len(set(KIND_OF.values())) == len(KIND_OF) == len(TYPE_OF)
    assert all(TYPE_OF[name] is kind for kind, name in KIND_OF.items())


def test_every_record_of_a_run_survives_its_line() -> None:
    trace, _ = run(world())
    lines = list(trace.lines())
    assert [decode(line) for line in lines[1:-1]] == list(trace.records)
    footer = json.loads(lines[-1])
    assert footer == {"records": len(trace.records), "digest": trace.digest}


@pytest.mark.parametrize("line", ["", "{", "[]", '["nothing",1]', '["up",1]', '["up",1,2,3]', "7"])
def test_rejects_a_line_that_is_no_record(line: str) -> None:
    with pytest.raises(TraceError) as caught:
        decode(line, path="a.jsonl", number=3)
    assert "a.jsonl" in str(caught.value)
    assert "not a record" in str(caught.value)


def test_the_digest_is_that_of_the_lines() -> None:
    lines = [header().line(), *map(encode, SOME)]
    assert digest_of(header(), SOME) == hashlib.sha256(",".join(lines).encode()).hexdigest()
    many = [UpRecord(t, 0) for t in range(10_000)]
    lines = [header().line(), *map(encode, many)]
    assert digest_of(header(), many) == hashlib.sha256(",".join(lines).encode()).hexdigest()


def test_the_digest_tells_records_and_headers_apart() -> None:
    whole = digest_of(header(), SOME)
    assert digest_of(header(), SOME[:-1]) != whole
    assert digest_of(header(seed=8), SOME) != whole
    assert digest_of(header(), tuple(reversed(SOME))) != whole


def test_a_recorder_keeps_what_it_is_given() -> None:
    recorder = Recorder(header())
    for record in SOME:
        recorder.record(record)
    trace = recorder.finish()
    assert trace.records == SOME
    assert trace.digest == digest_of(header(), SOME)


def test_where_two_traces_part() -> None:
    def trace(*records: Record) -> Trace:
        return Trace(header=header(), records=records, digest="")

    assert first_difference(trace(*SOME), trace(*SOME)) is None
    found = first_difference(trace(*SOME), trace(SOME[0], SOME[2]))
    assert found == (2, encode(SOME[1]), encode(SOME[2]))
