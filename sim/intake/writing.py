"""The text of a scenario file, in which every value says whether it was read or assumed."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sim.core.units import format_duration, parse_duration
from sim.errors import printable
from sim.intake.facts import Facts
from sim.intake.lags import MeasuredLags
from sim.scenario.complaints.text import format_string, value_at
from sim.scenario.dump import inline
from sim.scenario.load import build

__all__ = ["scenario_text", "summary_lines"]

_WIDTH: Final = 100
_H: Final = 3_600_000_000
_TABLES: Final = ("store", "producers", "compactor", "gateways")
_QUERIES: Final = {"name": "week", "rate": "1/s", "range": "7d", "takes": "30s"}
_SCHEME: Final = {"name": "mark first", "kind": "deletion-mark"}
# Retention longer than this is not worth waiting for in a run.
_LONG_US: Final = 60 * 24 * _H
_ASSUMED: Final = (
    "store.profile",
    "producers.local_retention",
    "compactor.wait_interval",
    "compactor.compaction_takes",
    "compactor.consistency_delay",
    "gateways.count",
    "gateways.sync_interval",
)
"""Keys that matter to an answer, and that no bucket knows."""


def scenario_text(
    name: str, sources: Sequence[str], facts: Facts, lags: Sequence[MeasuredLags]
) -> str:
    """Return the text of a scenario.

    Parameters
    ----------
    name : str
        Its name.
    sources : sequence of str
        What was read, in words.
    facts : Facts
    lags : sequence of MeasuredLags

    Returns
    -------
    str
        Without a law that reads a file it is a scenario whatever was found, unless times in the
        bucket are absurd.
    """
    lines = [
        *_comment(f"Made by sim import of {'; '.join(sources)}."),
        "# read: the bucket says it. assumed: it does not, and you may know better.",
        "",
        "schema = 1",
        f"name = {format_string(name)}",
        f"source = {format_string('sim import: ' + '; '.join(sources))}",
        *_span(facts),
    ]
    defaults = _defaults()
    for table in _TABLES:
        inside = [*_read(table, facts), *_measured(table, lags)]
        inside += _assumed(table, facts, defaults)
        lines += ["", f"[{table}]", *inside]
    lines += ["", "# assumed: who asks for what", "[[queries]]"]
    lines += [f"{key} = {inline(value)}" for key, value in _QUERIES.items()]
    lines += [
        "",
        "# assumed: that blocks are marked first, and the delays of Thanos",
        "[[schemes]]",
    ]
    lines += [f"{key} = {inline(value)}" for key, value in _SCHEME.items()]
    for key in ("delete_delay", "ignore_deletion_marks_delay"):
        lines.append(f"{key} = {inline(defaults['schemes'][0][key])}")
    if facts.left_out:
        lines += ["", "# Not carried over:"]
        for sentence in facts.left_out:
            lines += _comment(f"- {sentence}")
    return "\n".join(lines) + "\n"


def summary_lines(facts: Facts, lags: Sequence[MeasuredLags]) -> Iterator[str]:
    """Yield what was read and what was not, for a screen."""
    for fact in facts.read:
        yield f"read     {fact.key} = {inline(fact.value)}: {fact.why}"
    for measured in lags:
        fact = measured.fact
        yield f"read     {fact.key} = {inline(fact.value)}: {fact.why}"
        for line in measured.lines:
            yield f"         {line}"
    for key, why in facts.unknown:
        yield f"unknown  {key}: {why}"
    for sentence in facts.left_out:
        yield f"left out {sentence}"


def _comment(text: str) -> list[str]:
    # Names of files and labels may hold anything, and a comment is a line.
    return textwrap.wrap(
        printable(text),
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_on_hyphens=False,
    )


def _defaults() -> dict[str, Any]:
    """What the language makes of a scenario that says nothing."""
    least = {"schema": 1, "name": "least", "horizon": "1d"}
    return build(least | {"queries": [_QUERIES], "schemes": [_SCHEME]}).raw()


def _span(facts: Facts) -> Iterator[str]:
    """How long to simulate: until the longest range has been filled a few times."""
    ranges = facts.value("compactor.ranges", None)
    longest_us = parse_duration(ranges[-1] if ranges else "14d")
    warmup_us = max(2 * longest_us, 48 * _H)
    kept_us = [
        parse_duration(fact.value)
        for fact in facts.read
        if fact.key.startswith("compactor.retention.")
    ]
    warmup_us += min((us for us in kept_us if us <= _LONG_US), default=0)
    uploads = facts.value("producers.upload_after", "0s")
    latest_us = max(
        map(parse_duration, [uploads] if isinstance(uploads, str) else uploads["samples"])
    )
    warmup_us += -(-latest_us // _H) * _H
    horizon_us = warmup_us + max(2 * longest_us, 96 * _H)
    yield "# assumed: long enough for two blocks of the longest range before and after the warm-up,"
    yield "#   in which the latest upload ends and retention begins"
    yield f'horizon = "{format_duration(horizon_us)}"'
    yield f'warmup = "{format_duration(warmup_us)}"'


def _read(table: str, facts: Facts) -> Iterator[str]:
    for fact in facts.read:
        first, _, rest = fact.key.partition(".")
        if first == table:
            yield from _comment(f"read: {fact.why}")
            yield f"{rest} = {inline(fact.value)}"


def _measured(table: str, lags: Sequence[MeasuredLags]) -> Iterator[str]:
    for measured in lags:
        first, _, rest = measured.fact.key.partition(".")
        if first == table:
            yield from _comment(f"read: {measured.fact.why}")
            for line in measured.lines:
                yield from _comment(f"  {line}")
            yield f"{rest} = {inline(measured.fact.value)}"


def _assumed(table: str, facts: Facts, defaults: dict[str, Any]) -> Iterator[str]:
    """Keys that stay as by default, as comments."""
    whys = dict(facts.unknown)
    for key in (*whys, *(key for key in _ASSUMED if key not in whys)):
        first, _, rest = key.partition(".")
        if first != table:
            continue
        if key in whys:
            yield from _comment(f"assumed: {whys[key]}")
            yield f"# {rest} = {inline(value_at(defaults, tuple(key.split('.'))))}"
        else:
            yield f"# {rest} = {inline(value_at(defaults, tuple(key.split('.'))))}  # assumed"
