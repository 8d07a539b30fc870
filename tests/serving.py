"""A served bucket under a clock that a test moves, and what its clients do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sim.scenario.schema import Scenario
from sim.serving.bucket import ServedBucket
from sim.serving.contents import Condition, Wanted
from sim.serving.endpoint import Endpoint
from sim.serving.limits import Limits
from sim.serving.problems import Refused
from sim.serving.server import Server
from sim.serving.signatures import KeyPair
from sim.serving.uploads import content_of
from tests.reference.served import ABSENT, DONE, FAILED, UNMET, Asked
from tests.worlds import world

BUCKET = "sim"
SECRET = "of the test"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = (
    *("k0", "k1", "d/k2", "d/k.3", "d/e/ä +4"),
    *("b/chunks/000001", "b/index", "b/meta.json", "b/deletion-mark.json", "meta.json"),
)
LISTS = ("list", "old-list")
"""Both versions of a listing."""
WORDS = {404: ABSENT, 412: UNMET, 500: FAILED}


class HandClock:
    """Time that stands still unless a test moves it."""

    def __init__(self) -> None:
        self.t_us = 0

    def now_us(self) -> int:
        return self.t_us

    def date(self, t_us: int) -> datetime:
        return BEGAN + timedelta(microseconds=t_us)


class Served:
    """A bucket, and the door to it over HTTP."""

    def __init__(self, scenario: Scenario, trial: int = 0, **limits: int) -> None:
        self.clock = HandClock()
        self.limits = Limits(**limits)
        self.bucket = ServedBucket(scenario, trial=trial, clock=self.clock, limits=self.limits)
        self.own = KeyPair("sim", SECRET)
        self.endpoint = Endpoint(
            scenario, self.bucket, name=BUCKET, own=self.own, limits=self.limits
        )
        self.url = ""

    def boto(self, who: str = "producer/0", secret: str = SECRET) -> Any:
        """The client of boto3 that is one of the scenario; it never asks twice."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=access_key(who),
            aws_secret_access_key=secret,
            region_name="eu-north-1",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def options(self, who: str = "producer/0") -> dict[str, str]:
        """The same, as obstore and delta-rs want it."""
        return {
            "endpoint": self.url,
            "access_key_id": access_key(who),
            "secret_access_key": SECRET,
            "region": "eu-north-1",
            "allow_http": "true",
        }

    def direct(self, asked: Asked) -> object:
        """What somebody is answered without HTTP."""
        self.clock.t_us = asked.t_us
        bucket, who, key = self.bucket, asked.who, asked.key
        try:
            match asked.kind:
                case "put":
                    content = content_of(str(asked.value).encode(), ())
                    bucket.put(who, key, content, Condition(is_new=asked.is_new))
                case "delete":
                    bucket.delete(who, key)
                case "list" | "old-list":
                    return {k: int(c.body) for k, c in bucket.list(who, Wanted()).keys}
                case _:
                    return int(bucket.read(who, asked.kind, key).body)
        except Refused as refused:
            return WORDS[refused.status]
        return DONE


def access_key(who: str) -> str:
    """With what a client of the scenario signs."""
    return "sim" if who == "producer/0" else f"sim-{who.replace('/', '-')}"


@contextmanager
def serving(scenario: Scenario, trial: int = 0, **limits: int) -> Iterator[Served]:
    """Serve the bucket of a scenario over HTTP."""
    served = Served(scenario, trial, **limits)
    server = Server(served.endpoint, host="127.0.0.1", port=0, limits=served.limits)
    server.start()
    served.url = server.url
    try:
        yield served
    finally:
        server.close()


class BotoClients:
    """Clients of boto3, and what they are answered."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.clients: dict[str, Any] = {}
        self.values: dict[str, int] = {}

    def answer(self, asked: Asked) -> object:
        """What somebody is answered, as the reference says it."""
        self.served.clock.t_us = asked.t_us
        if asked.who not in self.clients:
            self.clients[asked.who] = self.served.boto(asked.who)
        try:
            return self._answer(self.clients[asked.who], asked)
        except ClientError as error:
            return WORDS[error.response["ResponseMetadata"]["HTTPStatusCode"]]

    def _answer(self, client: Any, asked: Asked) -> object:
        named = {"Bucket": BUCKET, "Key": asked.key}
        match asked.kind:
            case "put":
                # Also a put without an answer may be seen.
                content = content_of(str(asked.value).encode(), ())
                self.values[f'"{content.etag}"'] = asked.value
                client.put_object(
                    **named, Body=content.body, **({"IfNoneMatch": "*"} if asked.is_new else {})
                )
            case "delete":
                client.delete_object(**named)
            case "list" | "old-list":
                ask = client.list_objects_v2 if asked.kind == "list" else client.list_objects
                shown = ask(Bucket=BUCKET).get("Contents", [])
                return {entry["Key"]: self.values[entry["ETag"]] for entry in shown}
            case "head":
                return self.values[client.head_object(**named)["ETag"]]
            case _:
                return int(client.get_object(**named)["Body"].read())
        return DONE


def drawn(seed: int, n: int, *, who: tuple[str, ...], step_us: int) -> list[Asked]:
    """``n`` requests, of which some come at one instant."""
    rng = random.Random(seed)
    asked, t_us = [], 0
    for number in range(n):
        t_us += rng.choice((0, 1, rng.randrange(step_us), rng.randrange(10 * step_us)))
        kind = rng.choice(("put", "put", "delete", "get", "get", "get", "head", *LISTS))
        key = "" if kind in LISTS else rng.choice(KEYS)
        is_new = kind == "put" and rng.random() < 0.2
        asked.append(Asked(t_us, rng.choice(who), kind, key, number + 1, is_new))
    return asked


WHO = ("producer/0", "producer/1", "gateway/0", "gateway/1", "gateway/2", "compactor", "operator")

_LAG = {
    kind: {
        "get": {"law": "uniform", "low": "0s", "high": "20s"},
        "list": {"law": "uniform", "low": "0s", "high": "60s"},
    }
    for kind in ("create", "overwrite", "delete")
}
_STORES: dict[str, dict[str, Any]] = {
    "any": {"replicas": 3, "read_from": "any", "lag": _LAG},
    "nearest-in-log-order": {
        **{"replicas": 3, "read_from": "nearest", "order": "log", "lag": _LAG},
        "delete_absent": "error",
    },
    "primary": {"replicas": 3, "primary": True, "read_from": "sticky", "lag": _LAG},
    "forgetful": {
        **{"replicas": 2, "acks": 1, "lag": _LAG, "negative_cache": "30s"},
        **{"error_rate": 0.03, "lost_answer_rate": 0.03},
    },
    "copied": {
        **{"replicas": 2, "primary": True, "order": "key"},
        "lag": {kind: {"get": planes["get"], "list": "0s"} for kind, planes in _LAG.items()},
        "replication": {"omits": ["marks"], "bandwidth": "1B"},
    },
    "wars": {"profile": "wars"},
}
_FAULTS: dict[str, list[dict[str, Any]]] = {
    "any": [
        {
            **{"kind": "request-errors", "at": "1m", "lasts": "1d", "answers": "not-found"},
            **{"objects": ["index", "meta.json"], "requests": ["get"], "who": "gateways"},
        },
        {"kind": "cut-off", "at": "5m", "lasts": "2m", "replicas": [1]},
    ],
    "forgetful": [
        {
            **{"kind": "crash", "at": "1m", "lasts": "1m", "who": "any"},
            **{"at_request": {"request": "put", "object": "index", "nth": 2}},
        }
    ],
}


def lagging(name: str) -> Scenario:
    """A scenario whose store lags in one of some ways."""
    others = {"gateways": {"count": 3}, "producers": {"count": 2}}
    return world(store=_STORES[name], faults=_FAULTS.get(name, []), horizon="20d", **others)


LAGGING = tuple(_STORES)
STEP_US = {name: 1_000 if name == "wars" else 400_000 for name in _STORES}
"""Between requests, as `drawn` takes it: so that about a third of reads meet a lag."""
