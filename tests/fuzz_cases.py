"""Scenario files and options drawn from a seed: valid, mutated, and absurd."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

Raw = dict[str, Any]

HORRORS = (
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[31m",
    "\x9b31m",
    "a\rb",
    "abc\u202edef",
    "\u2066x\u2069",
    "zero\u200bwidth",
    "\ufeff",
    "\u2028",
    "\uffff",
    "\U000e0041",
    "e\u0301" * 50,
    "$\\frac{",
    "=cmd|' /C calc'!A1",
    "-1+1",
    "<script>&amp;",
    "[bold red]x[/]",
    "_",
    "\\",
    "'\"",
    "x" * 5_000,
    "日本語",
    "🎯",
    "%s%n{0}",
    "\t",
    "",
    " ",
    "../../etc/passwd",
    "nan",
)
NUMBERS: tuple[Any, ...] = (
    0,
    -1,
    1,
    2,
    63,
    10**9,
    10**9 + 1,
    2**62,
    2**63,
    2**64,
    -(2**70),
    10**400,
    0.0,
    -0.0,
    5e-324,
    1e308,
    -1e308,
    1e-9,
    0.5,
    float("inf"),
    float("nan"),
    True,
)
DURATIONS: tuple[str, ...] = (
    "0s",
    "1us",
    "1ms",
    "1s",
    "1m",
    "1h",
    "1d",
    "36500d",
    "3000000d",
    "99999999999w",
)
DURATIONS += ("-1s", "1.5h", "1h1w", "5", "1 h", "١s", "9" * 400 + "s", "1d1d")
TEXTS: tuple[str, ...] = (
    "1/s",
    "0/s",
    "1000000000/s",
    "99999999999/s",
    "0.000000001/d",
    "1e9/s",
    "512MiB",
    "99PB",
)
TEXTS += ("every 1us", "every", "every -1s", "in-pass", "all", "uniform", "warn", "log", "wars")
PATHS = (
    "horizon", "warmup", "trials", "seed", "name", "summary", "source", "schema",
    "store", "store.profile", "store.replicas", "store.read_from", "store.acks", "store.order",
    "store.primary", "store.negative_cache", "store.error_rate", "store.lost_answer_rate",
    "store.delete_absent",
    "store.lag.create.get", "store.lag.delete.list", "store.lag", "store.quorum",
    "store.replication", "store.replication.omits", "store.replication.bandwidth",
    "producers.count", "producers.block_length", "producers.upload_after",
    "producers.upload_takes", "producers.retry_after", "producers.local_retention",
    "producers.block_bytes", "producers.chunk_files", "producers.names", "producers.memory",
    "compactor.wait_interval", "compactor.sync_takes", "compactor.ranges",
    "compactor.compaction_takes",
    "compactor.delete_takes", "compactor.downsampling", "compactor.consistency_delay",
    "compactor.vertical_compaction", "compactor.count", "compactor.shards",
    "compactor.asks_index_size", "compactor.concurrency", "compactor.clock_guard",
    "compactor.retention", "compactor.retention.raw", "compactor.cleanup", "compactor.size_ratio",
    "gateways.count", "gateways.shards", "gateways.sync_interval", "gateways.sync_takes",
    "gateways.phase", "gateways.consistency_delay", "gateways.partial_response",
    "gateways.sync_stages", "gateways.cache", "gateways.cache.absent",
    "gateways.cache.shared", "gateways.cache.chunks", "gateways.unhealthy_after",
    "referrers", "referrers.every", "referrers.takes", "referrers.refresh", "referrers.within",
    "queries", "queries.0.name",
    "queries.0.rate", "queries.0.range", "queries.0.offset", "queries.0.streams",
    "queries.0.takes", "queries.0.max_resolution", "schemes", "schemes.0.name", "schemes.0.kind",
    "schemes.1.delete_delay", "schemes.1.ignore_deletion_marks_delay", "schemes.1.beside",
    "schemes.1.beside.after", "faults", "expect",
)  # fmt: skip


class Case(NamedTuple):
    """One file and one command line; ``{}`` stands for the file's path."""

    content: bytes
    words: tuple[str, ...]


def case(seed: int) -> Case:
    """Return the case of a seed; equal seeds give equal cases."""
    rng = random.Random(seed)
    raw = valid(rng)
    kind = rng.random()
    if kind < 0.25:
        content = toml(raw).encode()
    elif kind < 0.65:
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            mutate(rng, raw)
        content = toml(raw).encode("utf-8", "surrogatepass")
    elif kind < 0.9:
        content = spoil(rng, toml(raw).encode())
    else:
        content = rng.choice(ABSURD)(rng)
    return Case(content, words(rng))


def valid(rng: random.Random) -> Raw:
    """Return a small scenario that runs in a moment."""
    shards = rng.choice((1, 1, 2))
    producers = rng.choice((1, 1, 2, 3))
    raw: Raw = {
        "schema": 1,
        "name": rng.choice(("small", "=x", "a_b$c", "µ")),
        "summary": rng.choice(("", "a summary", rng.choice(HORRORS))),
        "horizon": rng.choice(("8h", "12h", "1d")),
        "warmup": rng.choice(("0s", "2h")),
        "trials": rng.choice((1, 1, 2)),
        "producers": {"count": producers, "local_retention": "2h", "block_length": "1h"},
        "compactor": {
            "ranges": ["1h", "2h"],
            "wait_interval": "20m",
            "consistency_delay": "0s",
            "downsampling": False,
        },
        "gateways": {"count": shards, "shards": shards, "sync_interval": "15m"},
        "queries": [
            {
                "name": "day",
                "rate": "6/m",
                "range": "6h",
                "streams": rng.choice(("all", 1, producers)),
                "takes": rng.choice(("0s", "1m", law(rng, 0))),
            }
        ],
        "schemes": [
            {"name": "at once", "kind": "immediate"},
            {
                "name": "mark, 2h",
                "kind": "deletion-mark",
                "delete_delay": "2h",
                "ignore_deletion_marks_delay": "1h",
            },
        ],
    }
    if rng.random() < 0.3:
        raw["store"] = {
            "replicas": rng.choice((1, 2)),
            "lag": {"create": {"get": law(rng, 0), "list": "0s"}},
            "error_rate": rng.choice((0.0, 0.1)),
        }
    if rng.random() < 0.3:
        raw["gateways"]["partial_response"] = "warn"
    if rng.random() < 0.3:
        outage = {"kind": "gateway-outage", "target": 0, "at": "5h", "lasts": law(rng, 0)}
        raw["faults"] = [outage, {"kind": "compactor-crash", "at": "3h", "lasts": "1h"}]
    if rng.random() < 0.2:
        raw["compactor"] |= {"count": 2, "shards": rng.choice((1, 2))}
    elif rng.random() < 0.2:
        raw["compactor"]["concurrency"] = rng.choice((1, 2, 1000))
    if rng.random() < 0.1:
        raw["gateways"]["cache"] = {"chunks": rng.choice(("1us", "1h", "24h"))}
    elif rng.random() < 0.1:
        again = {"kind": "resync", "rest": rng.choice(("0s", "1m"))}
        raw["schemes"].append({"name": "again", "kind": "composed", "miss": again})
    if rng.random() < 0.3:
        raw["expect"] = {"at once": {"sometimes": ["query-error"]}}
    return raw


def law(rng: random.Random, depth: int) -> Any:
    """Return a law, or one like it."""
    weighted = [{"weight": rng.choice((1.0, 3.0, 1e308, 5e-324)), "law": "constant", "value": "1m"}]
    laws: list[Any] = [
        "1m",
        {"law": "uniform", "low": "0s", "high": "10m"},
        {"law": "exponential", "mean": "1m"},
        {"law": "lognormal", "median": "1m", "p99": "5m", "at_most": "1h"},
        {"law": "weibull", "scale": "1m", "shape": rng.choice((0.05, 1.0, 1000.0))},
        {"law": "pareto", "minimum": "1m", "alpha": rng.choice((0.1, 1.0, 2.5))},
        {"law": "empirical", "samples": ["1m", "2m"]},
        {"law": "mixture", "parts": weighted * 2},
    ]
    found = rng.choice(laws)
    if depth < 30 and rng.random() < 0.1:
        inner = law(rng, depth + 1)
        part = {"law": "constant", "value": inner} if isinstance(inner, str) else inner
        return {"law": "mixture", "parts": [{**part, "weight": 1.0}]}
    return found


def junk(rng: random.Random) -> Any:
    """Return a value that is hardly ever right."""
    deep: Any = rng.choice(HORRORS)
    for _ in range(rng.choice((0, 1, 3, 60, 300))):
        deep = [deep] if rng.random() < 0.5 else {"x": deep}
    choices: tuple[Callable[[], Any], ...] = (
        lambda: rng.choice(NUMBERS),
        lambda: rng.choice(NUMBERS),
        lambda: rng.choice(DURATIONS),
        lambda: rng.choice(DURATIONS),
        lambda: rng.choice(TEXTS),
        lambda: rng.choice(HORRORS),
        lambda: law(rng, 0),
        lambda: [],
        lambda: {},
        lambda: deep,
        lambda: {rng.choice(HORRORS): rng.choice(NUMBERS)},
    )
    return rng.choice(choices)()


def alike(rng: random.Random, value: Any) -> Any:
    """Return an extreme value of the same kind."""
    if isinstance(value, bool | dict | list):
        return value
    if isinstance(value, int):
        return rng.choice((0, 1, 2, 7, 64, 1_000, 10**6, 10**9))
    if isinstance(value, float):
        return rng.choice((0.0, 1e-9, 0.5, 1.0, 1000.0))
    if value[:1].isdigit() and value[-1:] in "smhd" and "/" not in value:
        return law(rng, 0) if rng.random() < 0.3 else rng.choice(DURATIONS[:9])
    return rng.choice((*TEXTS, "=a", "x" * 100, "warn", "abort"))


KINDS: dict[str, tuple[str, ...]] = {
    "count": ("1", "2", "64", "1000", "1000000", "1000000000"),
    "time": DURATIONS[:9],
    "share": ("0.0", "1e-9", "0.5", "1.0"),
}
TYPED = {
    "count": ("producers.count", "producers.chunk_files", "gateways.count", "store.replicas",
              "trials", "seed", "queries.0.streams"),
    "time": ("horizon", "warmup", "producers.upload_after", "producers.upload_takes",
             "producers.retry_after", "producers.local_retention", "compactor.wait_interval",
             "compactor.sync_takes", "compactor.compaction_takes", "compactor.delete_takes",
             "compactor.consistency_delay", "compactor.retention.raw", "gateways.sync_interval",
             "gateways.sync_takes", "gateways.consistency_delay", "gateways.unhealthy_after",
             "store.negative_cache", "store.lag.create.get", "store.lag.delete.list",
             "queries.0.range", "queries.0.offset", "queries.0.takes",
             "schemes.1.delete_delay", "schemes.1.ignore_deletion_marks_delay"),
    "share": ("store.error_rate", "store.lost_answer_rate", "compactor.size_ratio"),
}  # fmt: skip


def mutate(rng: random.Random, raw: Raw) -> None:
    """Put junk somewhere, or take something away, or write a key wrong."""
    container: Any = raw
    while True:
        if not container:
            return
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        key = rng.choice(keys)
        if not isinstance(container[key], dict | list) or not container[key] or rng.random() < 0.2:
            break
        container = container[key]
    act = rng.random()
    if act < 0.5:
        container[key] = alike(rng, container[key])
    elif act < 0.7 or not isinstance(container, dict):
        container[key] = junk(rng)
    elif act < 0.8:
        del container[key]
    elif act < 0.9:
        container[rng.choice((f"{key}x", f"{key}".upper(), rng.choice(HORRORS)))] = junk(rng)
    else:
        path = rng.choice(PATHS).split(".")
        inner: Any = raw
        for part in path[:-1]:
            inner = inner.setdefault(part, {}) if isinstance(inner, dict) else None
        if isinstance(inner, dict):
            inner[path[-1]] = junk(rng)


def spoil(rng: random.Random, content: bytes) -> bytes:
    """Damage a text as an editor, a disk or a hand does."""
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    at = rng.randrange(len(content) + 1)
    acts: tuple[Callable[[], bytes], ...] = (
        lambda: content[:at],
        lambda: content[:at] + rng.randbytes(rng.choice((1, 4, 100))) + content[at:],
        lambda: b"\n".join([*lines[:place], lines[place], *lines[place:]]),
        lambda: b"\n".join([*lines[:place], *lines[place + 1 :]]),
        lambda: content.replace(b"=", rng.choice((b":", b"==", b"")), 1),
        lambda: content[:at] + rng.choice(HORRORS).encode() + content[at:],
        lambda: content.replace(b"\n", b"\r\n"),
        lambda: content.replace(b"\n", b"\r"),
        lambda: content.decode().encode("utf-16"),
        lambda: content + b"\n" + content,
        lambda: content[:at] + rng.choice((b"[[", b"]]", b'"', b"'''", b"#", b"{")) + content[at:],
    )
    return rng.choice(acts)()


def _dotted(rng: random.Random) -> bytes:
    return b".".join([b"a"] * rng.choice((50, 500, 3_000))) + b" = 1\n"


def _nested(rng: random.Random) -> bytes:
    n = rng.choice((41, 100, 300, 5_000))
    left, right = rng.choice(((b"[", b"]"), (b"{x=", b"}")))
    return b"x = " + left * n + b"1" + right * n + b"\n"


def _many(rng: random.Random) -> bytes:
    table = rng.choice(("schemes", "queries", "faults", "expect"))
    return f'[[{table}]]\nname = "x"\nkind = 5\n'.encode() * 2_000


ABSURD: tuple[Callable[[random.Random], bytes], ...] = (
    lambda rng: b"",
    lambda rng: rng.randbytes(rng.choice((10, 10_000))),
    lambda rng: b"x = " + b"9" * rng.choice((100, 5_000)) + b"\n",
    lambda rng: b"x = 0x" + b"f" * 20_000 + b"\n",
    lambda rng: b"trials = 0x" + b"f" * 20_000 + b"\n",
    lambda rng: b'name = "' + b"x" * 1_000_000 + b'"\n',
    lambda rng: b"\x00" * 100,
    lambda rng: b"#" * 100_000,
    lambda rng: b"x\xff = 1\n",
    _dotted,
    _nested,
    _many,
)


# Lines of the commands that answer a question; some are wrong.
QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("plan", "{}"),
    ("explain", "{}"),
    ("explain", "{}", "--outcome", "silent-gap", "--json", "-"),
    ("explain", "{}", "--object", "0.raw.0-3600000000.1.0", "--at", "5h"),
    ("explain", "{}", "--object", "\x1b[2J"),
    ("advise", "{}", "--slo", "query-error=0"),
    ("advise", "{}", "--slo", "silent-gap=1e-3", "--slo", "day.query-error=0.5", "--json", "-"),
    ("advise", "{}", "--slo", "query-error=2", "--slo", "x"),
    ("sweep", "{}", "--vary", "schemes.1.delete_delay=0s,2h", "--workers", "1"),
    ("sweep", "{}", "--vary", "gateways.count=1,2", "--vary", "trials=1", "--csv", "-"),
    ("compare", "{}", "--set-b", "schemes.1.delete_delay=10m", "--workers", "1"),
    ("compare", "{}", "{}", "--fail-if", "query-error > +1e-5", "--fail-if", "x"),
    ("knobs", "{}", "--vary", "schemes.1.delete_delay=log:1m..4h", "--samples", "2", "--json", "-"),
    ("knobs", "{}", "--vary", "gateways.count=9..1", "--json", "-"),
    ("trace", "{}"),
    ("history", "{}", "--lasts", "5s", "--ages", "0s,1s,1d"),
    ("history", "{}", "--read"),
    ("history", "{}", "--format", "edn", "--plane", "list", "--keys", "0"),
    ("history", "{}", "--format", "porcupine", "--writes", "1e9/s", "--deletes", "nan"),
)


def words(rng: random.Random) -> tuple[str, ...]:
    """Return a command line, mostly a sane one."""
    which = rng.random()
    line = ["check", "{}"] if which < 0.3 else ["run", "{}", "--workers", "1"]
    if which > 0.75:
        line = [*rng.choice(QUESTIONS)]
    if line[0] == "run":
        line += rng.choice(([], [], ["-q"], ["--mode", "sampled"], ["--json", "-"], ["--csv", "-"]))
        line += rng.choice(([], [], [], ["--check"]))
    if rng.random() < 0.4:
        for _ in range(rng.choice((1, 1, 3))):
            line += ["--set", assignment(rng)]
    if rng.random() < 0.1:
        number = rng.choice(("1", "0", "x", "9" * 30))
        line += rng.choice(
            (
                ["--scheme", rng.choice(HORRORS)],
                ["--trials", number],
                ["--max-memory", rng.choice((*TEXTS, "1B"))],
                ["--" + rng.choice(HORRORS)],
                [rng.choice(HORRORS)],
                ["--seed=1e9"],
            )
        )
    return tuple(word.replace("\0", "") for word in line)


def assignment(rng: random.Random) -> str:
    """Return a word for ``--set``."""
    if rng.random() < 0.6:
        kind = rng.choice(tuple(TYPED))
        return f"{rng.choice(TYPED[kind])}={rng.choice(KINDS[kind])}"
    absurd = rng.random()
    if absurd < 0.05:
        return ".".join(["x"] * rng.choice((41, 500, 5_000))) + "=1"
    if absurd < 0.1:
        return "trials=" + "[" * rng.choice((50, 900, 5_000))
    if absurd < 0.15:
        return rng.choice(HORRORS) + rng.choice(("", "=", "=1"))
    if absurd < 0.2:
        return rng.choice(('schemes."\\q".name=x', "schemes[99999999999].name=x", "a..b=1", ".=1"))
    value = rng.choice((*DURATIONS, *TEXTS, *HORRORS, *map(str, NUMBERS)))
    return f"{rng.choice(PATHS)}={value}"


def toml(raw: Raw) -> str:
    """Return a mapping as TOML: its own writer, for values that no scenario has."""
    return "".join(f"{_text(key)} = {_value(value)}\n" for key, value in raw.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
