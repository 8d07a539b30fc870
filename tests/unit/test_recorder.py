"""Records as lines, and the digest that tells runs apart."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence

import numpy as np
import pytest

from sim.errors import TraceError
from sim.trace import recorded, tables
from sim.trace.recorded import Records
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
from sim.trace.tables import Table
from tests.worlds import header, run, world

SOME: tuple[Record, ...] = (
    BlockRecord(1, 0, 0, 0, 0, 0, 2, 1, 100, (0, 1)),
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


def test_the_digest_is_that_of_the_columns() -> None:
    def numbers(*values: int) -> bytes:
        return struct.pack(f"<{len(values)}q", *values)

    def codes(*values: int) -> bytes:
        return struct.pack(f"<{len(values)}i", *values)

    some = (SOME[1], SOME[2], PutRecord(8, 1, (3,), (), (), 7))
    put, abort = (list(TYPE_OF).index(kind) for kind in ("put", "abort"))
    columns = [
        header().line().encode(),
        bytes([put, abort, put]),
        *(numbers(2, 8), numbers(0, 1)),  # t_us, block
        *(codes(0, 1), b"[[0,1,2],[3]]"),  # objects
        *(numbers(3, 0), numbers(3, 4, 5)),  # get
        *(numbers(0, 0), b""),  # list
        numbers(6, 7),  # stamp_us
        *(numbers(7), numbers(1), codes(0), b'["list"]'),
    ]
    hashed = b"".join(len(column).to_bytes(8, "little") + column for column in columns)
    assert digest_of(header(), Records.of(some)) == hashlib.sha256(hashed).hexdigest()


def test_the_digest_tells_records_and_headers_apart() -> None:
    def digest(records: Sequence[Record], **changes: int) -> str:
        return digest_of(header(**changes), Records.of(records))

    whole = digest(SOME)
    assert digest(SOME) == whole
    assert digest(SOME[:-1]) != whole
    assert digest(SOME, seed=8) != whole
    assert digest(SOME[::-1]) != whole
    one, other = UpRecord(1, 0), AbortRecord(1, 0, "get")
    assert digest((one, other)) != digest((other, one))


@pytest.mark.parametrize("size", [1, 2, 7])
def test_batches_leave_no_mark(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = Records.of(SOME * 3)
    monkeypatch.setattr(recorded, "_BATCH", size)
    monkeypatch.setattr(tables, "_CHUNK", size)
    cut = Records.of(SOME * 3)
    assert cut == whole
    assert [*cut] == [*SOME * 3]
    assert digest_of(header(), cut) == digest_of(header(), whole)


def test_records_are_a_sequence() -> None:
    records = Records.of(SOME)
    assert len(records) == len(SOME)
    assert [records[i] for i in range(-5, 5)] == [*SOME, *SOME]
    assert records[1:4] == [*SOME[1:4]]
    assert [*records.iter_of(AbortRecord, BlockRecord)] == [SOME[0], SOME[2]]
    assert [*records.each(NamesRecord)] == [SOME[3]]
    assert [*records.each(UpRecord)] == []
    assert records.places(PutRecord).tolist() == [1]
    assert [*records.without(PutRecord)] == [*SOME[:1], *SOME[2:]]
    assert records != Records.of(SOME[:-1])
    assert records != Records.of((*SOME[:-1], RequestsRecord(9, (1, 2, 3, 4, 6))))
    assert [*Records.of(())] == []
    with pytest.raises(IndexError):
        records[5]


def test_tables_are_put_in_order() -> None:
    mine = [PutRecord(t, t, (t % 3,), (t,) * (t % 2), (), 0) for t in range(6)]
    others = [UpRecord(t, 1) for t in range(3)]
    order = [8, 4, 0, 6, 2, 3, 5, 1, 7]
    parts = [
        Table.of(PutRecord, mine[:2]),
        Table.of(UpRecord, others),
        Table.of(PutRecord, mine[2:]),
    ]
    rows: list[Record] = [*mine[:2], *others, *mine[2:]]
    made = Records.ordered(parts, np.array(order))
    assert made == Records.of([rows[i] for i in order])


def test_a_recorder_keeps_what_it_is_given() -> None:
    recorder = Recorder(header())
    for record in SOME:
        recorder.record(record)
    trace = recorder.finish()
    assert [*trace.records] == [*SOME]
    assert trace.digest == digest_of(header(), Records.of(SOME))


def test_where_two_traces_part() -> None:
    def trace(*records: Record) -> Trace:
        return Trace.of(header(), records)

    assert first_difference(trace(*SOME), trace(*SOME)) is None
    found = first_difference(trace(*SOME), trace(SOME[0], SOME[2]))
    assert found == (2, encode(SOME[1]), encode(SOME[2]))
