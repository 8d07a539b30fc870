"""What a served bucket does: real clients, what is kept, who is who, what is refused."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import obstore
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from deltalake import DeltaTable, write_deltalake
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from sim.core.units import US_PER_S
from sim.serving import has_libraries
from sim.serving.clients import client_of
from sim.serving.clock import WallClock
from sim.serving.contents import Condition, Wanted
from sim.serving.documents import keys_to_delete, parts_to_join
from sim.serving.problems import Refused
from sim.serving.uploads import Uploads, content_of
from tests.reference.served import ABSENT, DONE, UNMET, Asked
from tests.serving import BEGAN, BUCKET, Served, serving
from tests.worlds import lag, world

READER = "gateway/0"
ALWAYS = Condition()


def late(**store: Any) -> Any:
    """A scenario whose new keys are found after 10 s and listed after 60 s, and others likewise."""
    laws = {f"{kind}_get": "10s" for kind in ("create", "overwrite", "delete")}
    laws |= {f"{kind}_list": "60s" for kind in ("create", "overwrite", "delete")}
    return world(store={"lag": lag(**laws), **store}, gateways={"count": 2})


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_boto3_reads_back_what_it_writes() -> None:
    with serving(world()) as served:
        client = served.boto()
        where = {"Bucket": BUCKET, "Key": "a b/ä+%25.txt"}
        put = client.put_object(
            **where, Body=b"hello", ContentType="text/x", Metadata={"one": "two"}
        )
        got = client.get_object(**where)
        assert (got["Body"].read(), got["ContentType"]) == (b"hello", "text/x")
        assert got["Metadata"] == {"one": "two"}
        assert got["ETag"] == put["ETag"] == client.head_object(**where)["ETag"]
        assert client.get_object(**where, Range="bytes=-2")["Body"].read() == b"lo"
        with pytest.raises(ClientError) as beyond:
            client.get_object(**where, Range="bytes=5-9")
        assert code(beyond) == "InvalidRange"
        with pytest.raises(ClientError) as changed:
            client.get_object(**where, IfMatch='"another"')
        assert code(changed) == "PreconditionFailed"
        client.delete_object(**where)
        with pytest.raises(ClientError) as absent:
            client.get_object(**where)
        assert code(absent) == "NoSuchKey"


def test_boto3_lists_pages_and_groups_and_deletes_many() -> None:
    with serving(world()) as served:
        client = served.boto()
        keys = ["a/1", "a/2", "b", "c/1", "c/d/2", "ü x"]
        for key in keys:
            client.put_object(Bucket=BUCKET, Key=key, Body=b"")

        def listed(size: int, kind: str, **wanted: str) -> tuple[list[str], list[str]]:
            pages = client.get_paginator(kind)
            found = list(
                pages.paginate(Bucket=BUCKET, PaginationConfig={"PageSize": size}, **wanted)
            )
            entries = [entry for page in found for entry in page.get("Contents", [])]
            groups = [group for page in found for group in page.get("CommonPrefixes", [])]
            return [entry["Key"] for entry in entries], [group["Prefix"] for group in groups]

        for size, kind in product((1, 2, 5, 1000), ("list_objects", "list_objects_v2")):
            assert listed(size, kind) == (keys, [])
            assert listed(size, kind, Delimiter="/") == (["b", "ü x"], ["a/", "c/"])
            assert listed(size, kind, Prefix="c/", Delimiter="/") == (["c/1"], ["c/d/"])
            after = {"Marker" if kind == "list_objects" else "StartAfter": "b"}
            assert listed(size, kind, **after) == (keys[3:], [])
        gone = client.delete_objects(
            Bucket=BUCKET, Delete={"Objects": [{"Key": "b"}, {"Key": "nothing"}]}
        )
        assert [entry["Key"] for entry in gone["Deleted"]] == ["b", "nothing"]
        assert "b" not in listed(1000, "list_objects_v2")[0]


def test_a_marker_is_passed_as_a_key_or_as_a_group() -> None:
    with serving(world()) as served:
        client = served.boto()
        for key in ("a/1", "a/2", "b +", "c"):
            client.put_object(Bucket=BUCKET, Key=key, Body=b"")

        def page(**wanted: Any) -> dict[str, Any]:
            answer: dict[str, Any] = client.list_objects(Bucket=BUCKET, **wanted)
            return answer

        grouped = page(Delimiter="/", MaxKeys=1)
        assert (grouped["NextMarker"], grouped["IsTruncated"]) == ("a/", True)
        rest = page(Delimiter="/", Marker="a/")
        assert [entry["Key"] for entry in rest["Contents"]] == ["b +", "c"]
        assert (rest["Marker"], rest["IsTruncated"]) == ("a/", False)
        assert "CommonPrefixes" not in rest
        assert page(Delimiter="/", MaxKeys=2)["NextMarker"] == "b +"
        # Behind a key of a group there is more of the group.
        assert page(Delimiter="/", Marker="a/1")["CommonPrefixes"] == [{"Prefix": "a/"}]
        plain = page(MaxKeys=1)
        assert plain["IsTruncated"]
        assert "NextMarker" not in plain
        assert page(MaxKeys=0)["IsTruncated"] is False


def test_the_only_bucket_is_listed() -> None:
    with serving(world()) as served:
        (bucket,) = served.boto("gateway/0").list_buckets()["Buckets"]
        assert (bucket["Name"], bucket["CreationDate"]) == (BUCKET, BEGAN)


def test_obstore_sees_new_keys_late_and_listings_later() -> None:
    with serving(late()) as served:
        options: Any = served.options()
        writer = S3Store(BUCKET, config=options)
        obstore.put(writer, "d/x", b"one")
        with pytest.raises(FileNotFoundError):
            obstore.get(writer, "d/x")
        with pytest.raises(AlreadyExistsError):
            obstore.put(writer, "d/x", b"two", mode="create")
        served.clock.t_us = 10 * US_PER_S
        assert bytes(obstore.get(writer, "d/x").bytes()) == b"one"
        assert bytes(obstore.get_range(writer, "d/x", start=1, length=2)) == b"ne"
        assert list(obstore.list(writer).collect()) == []
        served.clock.t_us = 60 * US_PER_S
        assert [entry["path"] for entry in obstore.list(writer, "d").collect()] == ["d/x"]
        large = bytes(11 << 20)
        obstore.put(writer, "large", large, chunk_size=5 << 20)
        served.clock.t_us = 70 * US_PER_S
        head = obstore.head(writer, "large")
        assert (head["size"], str(head["e_tag"])[-3:]) == (len(large), '-3"')


def test_a_table_of_delta_is_read_at_the_version_that_the_store_shows() -> None:
    """Who writes reads the primary; who reads it is told of a commit later."""
    with serving(late(replicas=2, primary=True)) as served:
        url, writer, reader = f"s3://{BUCKET}/table", served.options(), served.options(READER)
        write_deltalake(url, pa.table({"a": [1]}), storage_options=writer)
        served.clock.t_us = 60 * US_PER_S
        write_deltalake(url, pa.table({"a": [2]}), mode="append", storage_options=writer)
        shown = {}
        for t_s in (60, 119, 120):
            served.clock.t_us = t_s * US_PER_S
            table = DeltaTable(url, storage_options=reader)
            keys = [key for key, _ in served.bucket.list(READER, Wanted(prefix="table/_")).keys]
            assert [key[-7:-5] for key in keys] == [f"0{n}" for n in range(table.version() + 1)]
            shown[t_s] = table.version(), len(table.file_uris())
        assert shown == {60: (0, 1), 119: (0, 1), 120: (1, 2)}
        assert DeltaTable(url, storage_options=writer).version() == 1


@pytest.mark.parametrize("count", [1, 2])
def test_conditions_are_judged_by_what_is_acknowledged(count: int) -> None:
    served = Served(late(replicas=count))

    def asked(kind: str, value: int = 0, *, is_new: bool = False, t_s: int = 0) -> object:
        request = Asked(t_s * US_PER_S, "producer/0", kind, "k", value, is_new)
        return served.direct(request)

    assert asked("put", 1, is_new=True) == DONE
    assert asked("put", 2, is_new=True) == UNMET
    assert asked("get") == ABSENT
    assert asked("delete") == DONE
    assert asked("put", 3, is_new=True) == DONE
    assert asked("get", t_s=10) == 3
    is_first = Condition(etag=content_of(b"1", ()).etag)
    with pytest.raises(Refused, match="PreconditionFailed"):
        served.bucket.put("producer/0", "k", content_of(b"4", ()), is_first)
    is_third = Condition(etag=content_of(b"3", ()).etag)
    served.bucket.put("producer/0", "k", content_of(b"4", ()), is_third)


def test_old_contents_are_let_go_of_once_nobody_can_see_them() -> None:
    served = Served(late(), held_bytes=300)
    bucket, body = served.bucket, content_of(bytes(100), ())
    for t_s in (0, 1, 2):
        served.clock.t_us = t_s * US_PER_S
        bucket.put("producer/0", "k", body, ALWAYS)
    with pytest.raises(Refused, match="bytes"):
        bucket.put("producer/0", "k", body, ALWAYS)
    served.clock.t_us = 61 * US_PER_S
    # The first is hidden everywhere, the second is listed: one may come in.
    bucket.put("producer/0", "other", body, ALWAYS)
    with pytest.raises(Refused, match="bytes"):
        bucket.put("producer/0", "other", body, ALWAYS)
    assert [key for key, _ in bucket.list("producer/0", Wanted()).keys] == ["k"]


def test_keys_are_counted_also_those_that_only_a_front_end_remembers() -> None:
    for store, n_known in (({}, 1), ({"negative_cache": "1m"}, 2)):
        served = Served(world(store=store), keys=n_known)
        for key in ("a", "b", "c")[:n_known]:
            with pytest.raises(Refused, match="NoSuchKey"):
                served.bucket.read("producer/0", "get", key)
        if n_known == 1:
            served.bucket.put("producer/0", "a", content_of(b"", ()), ALWAYS)
        with pytest.raises(Refused, match="keys"):
            served.bucket.put("producer/0", "d", content_of(b"", ()), ALWAYS)


def test_a_cut_answer_is_a_part_of_the_object() -> None:
    fault = {
        **{"kind": "request-errors", "at": "0s", "lasts": "1h", "answers": "truncated"},
        **{"requests": "get", "objects": "chunks", "who": "any"},
    }
    served = Served(world(faults=[fault]))
    for key in ("b/chunks/000001", "b/index"):
        served.bucket.put("producer/0", key, content_of(b"abcd", ()), ALWAYS)
    assert served.bucket.read("producer/0", "get", "b/chunks/000001").body == b"ab"
    assert served.bucket.read("producer/0", "get", "b/index").body == b"abcd"


@pytest.mark.parametrize(
    ("access_key", "client"),
    [
        ("sim", "producer/0"),
        ("sim-producer-1", "producer/1"),
        ("sim-gateway-0", "gateway/0"),
        ("sim-compactor", "compactor"),
        ("sim-operator", "operator"),
    ],
)
def test_an_access_key_is_of_a_client(access_key: str, client: str) -> None:
    scenario = world(producers={"count": 2})
    assert client_of(scenario, access_key, "sim") == client


@pytest.mark.parametrize(
    "access_key",
    ["", "sim-", "other", "sim-gateway-1", "sim-gateway-00", "sim-gateway", "sim-compactor-0"],
)
def test_an_access_key_of_nobody_is_refused(access_key: str) -> None:
    with pytest.raises(Refused, match="InvalidAccessKeyId"):
        client_of(world(), access_key, "sim")


def test_parts_are_joined_in_order_and_let_go_of() -> None:
    uploads = Uploads(Served(world(), held_bytes=10, uploads=1).limits)
    name = uploads.begin("k", ())
    tags = {number: uploads.add(name, "k", number, b"%d" % number * 4) for number in (2, 1)}
    whole = uploads.joined(name, "k", [(1, tags[1]), (2, tags[2])])
    assert (whole.body, whole.etag[-2:]) == (b"11112222", "-2")
    for wanted, word in (
        ([(2, tags[2]), (1, tags[1])], "InvalidPartOrder"),
        ([], "InvalidPartOrder"),
        ([(1, tags[2])], "InvalidPart"),
        ([(1, tags[1]), (3, tags[1])], "InvalidPart"),
    ):
        with pytest.raises(Refused, match=word):
            uploads.joined(name, "k", wanted)
    with pytest.raises(Refused, match="bytes"):
        uploads.add(name, "k", 3, b"123")
    with pytest.raises(Refused, match="uploads"):
        uploads.begin("other", ())
    with pytest.raises(Refused, match="NoSuchUpload"):
        uploads.end(name, "other")
    uploads.end(name, "k")
    assert uploads.add(uploads.begin("k", ()), "k", 1, bytes(10))


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete><Object><Key>a</Key></Object>",
        b"<Other/>",
        b"<Delete><Object/></Delete>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>',
        "<Delete><Object><Key>a</Key></Object></Delete>".encode("utf-16"),
    ],
)
def test_a_wrong_document_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="MalformedXML"):
        keys_to_delete(body)


def test_documents_are_read_with_and_without_a_namespace() -> None:
    plain = b"<Delete><Quiet>true</Quiet><Object><Key>a&amp;</Key></Object></Delete>"
    assert keys_to_delete(plain) == (["a&"], True)
    named = plain.replace(b"<Delete>", b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">')
    assert keys_to_delete(named) == (["a&"], True)
    part = b"<Part><PartNumber>%s</PartNumber><ETag>&quot;ab&quot;</ETag></Part>"
    whole = b"<CompleteMultipartUpload>%s</CompleteMultipartUpload>"
    assert parts_to_join(whole % (part % b"7")) == [(7, "ab")]
    with pytest.raises(Refused, match="MalformedXML"):
        parts_to_join(whole % (part % b"-7"))


def test_time_goes_on_faster_than_the_machines() -> None:
    clock = WallClock(speed=1000.0, start_us=5 * US_PER_S)
    time.sleep(0.02)
    t_us = clock.now_us()
    assert 25 * US_PER_S <= t_us < 1000 * US_PER_S
    wall_s = (clock.date(t_us) - clock.date(5 * US_PER_S)).total_seconds()
    assert wall_s == pytest.approx((t_us / US_PER_S - 5.0) / 1000.0, abs=1e-5)


def test_a_library_that_is_missing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_libraries()
    known = {"botocore": object(), "werkzeug": object(), "waitress": None}
    monkeypatch.setattr("importlib.util.find_spec", known.__getitem__)
    assert not has_libraries()
