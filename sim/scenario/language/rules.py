"""What the parts of a scenario must fulfil together.

Each rule is a small function from a scenario, whose parts are valid each, to the findings it has.
A finding says where, which rule, and which other places take part, so that a conflict between two
keys names both.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from sim.core.laws import Law
from sim.core.units import format_duration
from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.complaints.text import value_at
from sim.scenario.language.expectation import bound_value
from sim.scenario.language.faultrules import faults, target_rule
from sim.scenario.language.finding import Finding
from sim.scenario.language.referrers import referrers
from sim.scenario.language.storerules import store_rules
from sim.scenario.language.tables import DOWNSAMPLED_SPANS_US, OUTCOMES
from sim.scenario.language.values import Path
from sim.scenario.presets import scheme_presets

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["conflicts"]

_HALF_US: Final = 0.5
_RARE: Final = 1e-6

# Thanos refuses less: the blocks would go before they can be downsampled (compact.go).
_RETENTION_FLOORS: Final = tuple(zip(("raw", "5m"), DOWNSAMPLED_SPANS_US, strict=True))


def conflicts(scenario: "Scenario") -> list[Finding]:
    """Return every broken rule, in the order of the document."""
    findings = [finding for rule in _RULES for finding in rule(scenario)]
    if not findings:
        return []
    raw = scenario.raw()
    return [
        finding._replace(values=tuple(value_at(raw, place) for place in (at, *others)))
        for finding in findings
        for at, others in [(finding.at, finding.others)]
    ]


def _times(scenario: "Scenario") -> Iterator[Finding]:
    if scenario.warmup_us >= scenario.horizon_us:
        yield Finding(("warmup",), "be shorter than horizon", (("horizon",),))


def _ranges(scenario: "Scenario") -> Iterator[Finding]:
    place: Path = ("compactor", "ranges")
    ranges_us = scenario.compactor.ranges_us
    length = ("producers", "block_length")
    if not ranges_us:
        yield Finding(place, "begin with block_length", (length,))
        return
    if ranges_us[0] != scenario.producers.block_length_us:
        yield Finding((*place, 0), "be equal to block_length", (length,))
    for i in range(1, len(ranges_us)):
        below = f'the range before it, "{format_duration(ranges_us[i - 1])}"'
        if ranges_us[i] <= ranges_us[i - 1]:
            yield Finding((*place, i), f"be longer than {below}")
        elif ranges_us[i] % ranges_us[i - 1]:
            yield Finding((*place, i), f"be a multiple of {below}")


def _retention(scenario: "Scenario") -> Iterator[Finding]:
    if not scenario.compactor.downsampling:
        return
    kept_us = dict(zip(("raw", "5m"), scenario.compactor.retention_us[:2], strict=True))
    for resolution, floor_us in _RETENTION_FLOORS:
        if 0 < kept_us[resolution] < floor_us:
            yield Finding(
                ("compactor", "retention", resolution),
                f'be "0d" or at least "{format_duration(floor_us)}" with downsampling',
                (("compactor", "downsampling"),),
                "blocks would go before they are downsampled",
            )


def _cleanup(scenario: "Scenario") -> Iterator[Finding]:
    compactor = scenario.compactor
    if compactor.cleanup == "every" and compactor.cleanup_interval_us:
        yield Finding(
            ("compactor", "cleanup_interval"),
            'be "0s" where cleanup is "every …"',
            (("compactor", "cleanup"),),
            "such a cleaner deletes partial blocks as well",
        )


def _intervals(scenario: "Scenario") -> Iterator[Finding]:
    intervals: tuple[tuple[Path, Law], ...] = (
        (("compactor", "wait_interval"), scenario.compactor.wait_interval),
        (("compactor", "restart_after"), scenario.compactor.restart_after),
        (("gateways", "sync_interval"), scenario.gateways.sync_interval),
    )
    for place, law in intervals:
        # Work that takes no time, repeated at once, would never let time go on.
        if law.cdf(_HALF_US) > _RARE:
            yield Finding(place, "be longer than 0s, with any draw")
    phase_needs_mean = scenario.gateways.phase == "uniform"
    if phase_needs_mean and scenario.gateways.sync_interval.mean == float("inf"):
        yield Finding(
            ("gateways", "sync_interval"),
            'have a finite mean, or phase be other than "uniform"',
            (("gateways", "phase"),),
        )


def _gateways(scenario: "Scenario") -> Iterator[Finding]:
    gateways = scenario.gateways
    if gateways.count % gateways.shards:
        yield Finding(("gateways", "count"), "be a multiple of shards", (("gateways", "shards"),))


def _compactors(scenario: "Scenario") -> Iterator[Finding]:
    names, shards = scenario.compactor.names, scenario.compactor.n_shards
    if len(names) % shards:
        rule = "be a divisor of count"
        yield Finding(("compactor", "shards"), rule, (("compactor", "count"),))
    for i, scheme in enumerate(scenario.schemes if len(names) > 1 else ()):
        for slot, part in scheme.composed.primitives.items():
            if part.needs_one_compactor:
                rule = f'be 1 with {slot}, which is "{part.kind}"'
                yield Finding(("compactor", "count"), rule, (("schemes", i, slot),))


def _stages(scenario: "Scenario") -> Iterator[Finding]:
    gateways, compactor = scenario.gateways.sync_stages, scenario.compactor.sync_stages
    for table, key, value, before, least in (
        ("gateways", "marks", gateways.marks, "check", gateways.check),
        ("gateways", "load", gateways.load, "marks", gateways.marks),
        ("compactor", "marks", compactor.marks, "check", compactor.check),
    ):
        if value < least:
            place = (table, "sync_stages")
            yield Finding((*place, key), f"be at least {before}", ((*place, before),))
    if compactor.marks == 1.0:
        # Jobs that wait for a sync go on at its end, when it has read all.
        yield Finding(("compactor", "sync_stages", "marks"), "be less than 1.0")
    cache = scenario.gateways.cache
    if cache is not None and cache.shared and gateways.marks > 0.0:
        # One sync is worked out at its reading of marks, others would not meet what it remembers.
        yield Finding(
            ("gateways", "cache", "shared"),
            "be false unless syncs read all at their start",
            (("gateways", "sync_stages", "marks"),),
        )


def _queries(scenario: "Scenario") -> Iterator[Finding]:
    for i, query in enumerate(scenario.queries):
        if query.streams != "all" and query.streams > scenario.producers.count:
            yield Finding(
                ("queries", i, "streams"),
                "be at most the number of producers",
                (("producers", "count"),),
            )


def _names(scenario: "Scenario") -> Iterator[Finding]:
    for table, names in (
        ("queries", [query.name for query in scenario.queries]),
        ("schemes", [scheme.name for scheme in scenario.schemes]),
    ):
        counts = Counter(names)
        for i, name in enumerate(names):
            first = names.index(name)
            if counts[name] > 1 and i > first:
                yield Finding((table, i, "name"), "be unique", ((table, first, "name"),))


def _schemes(scenario: "Scenario") -> Iterator[Finding]:
    for i, scheme in enumerate(scenario.schemes):
        for name in scheme_presets()[scheme.preset].presets if scheme.preset else ():
            if name not in (scenario.presets or ()):
                rule = f'go with presets = ["{name}"]'
                yield Finding(("schemes", i, "preset"), rule, (("presets",),))
        if scheme.kind in ("immediate", "deletion-mark"):
            continue
        composed = scheme.composed
        parts = composed.primitives
        # What a scheme of somebody else is made of stands in no key.
        at = {slot: (*("schemes", i), slot if scheme is composed else "kind") for slot in parts}
        for slot, part in parts.items():
            for other, kinds in part.refuses.items():
                if parts[other].kind in kinds:
                    rule, beside = f'go with {other}, which is "{parts[other].kind}"', at[other]
                    if at[slot] == beside:
                        rule = f'have a {slot}, "{part.kind}", to {rule}'
                    yield Finding(at[slot], rule, () if at[slot] == beside else (beside,))
        if composed.checks.answers_in_full and scenario.gateways.partial_response != "abort":
            rule = 'be "nothing" unless partial_response is "abort"'
            hint = "a querier that checks its answers gives none in part"
            response = (("gateways", "partial_response"),)
            yield Finding(at["check"], rule, response, hint)
        if composed.misses.reads_one_replica and scenario.store.draws_replicas:
            # What a block lacks would be a matter of chance, query by query.
            rule = 'be "fail" where each read draws its replica'
            yield Finding(at["miss"], rule, (("store", "read_from"),))


def _chunks(scenario: "Scenario") -> Iterator[Finding]:
    """What is remembered of chunks is worked out for one gateway, one replica, and first tries."""
    cache = scenario.gateways.cache
    if cache is None or not cache.chunks_us:
        return
    again = [i for i, scheme in enumerate(scenario.schemes) if scheme.tries_again]
    place: Path = ("gateways", "cache")
    refused: tuple[tuple[bool, str, Path], ...] = (
        (cache.shared, "the cache is shared", (*place, "shared")),
        (scenario.store.draws_replicas, "each read draws its replica", ("store", "read_from")),
        (bool(again), "a query is tried again", ("schemes", *again[:1], "miss")),
    )
    for is_so, where, other in refused:
        if is_so:
            yield Finding((*place, "chunks"), f'be "0s" where {where}', (other,))


def _retries(scenario: "Scenario") -> Iterator[Finding]:
    """The second try of a query is worked out for raw blocks alone."""
    again = [i for i, scheme in enumerate(scenario.schemes) if scheme.tries_again]
    for i, query in enumerate(scenario.queries):
        if again and scenario.compactor.downsampling and query.max_resolution != "raw":
            rule = 'be "raw" where a reader that finds an object gone syncs'
            other = (("schemes", again[0], "miss"),)
            yield Finding(("queries", i, "max_resolution"), rule, other)


def _interventions(scenario: "Scenario") -> Iterator[Finding]:
    for i, intervention in enumerate(scenario.interventions or ()):
        stream: int | str = getattr(intervention, "stream", "all")
        if isinstance(stream, int) and stream >= scenario.producers.count:
            rule = target_rule("stream", scenario.producers.count)
            yield Finding(("interventions", i, "stream"), rule, (("producers", "count"),))


def _expect(scenario: "Scenario") -> Iterator[Finding]:
    names = [scheme.name for scheme in scenario.schemes]
    places: tuple[Path, ...] = tuple(("schemes", i, "name") for i in range(len(names)))
    for scheme, expected in scenario.expect.items():
        place: Path = ("expect", scheme)
        if scheme not in names:
            rule = f"belong to a scheme: {one_of(names)}"
            yield Finding(place, rule, hint=did_you_mean(scheme, names), silent=places)
        for i, outcome in enumerate(expected.never):
            if outcome in expected.sometimes:
                other = (*place, "sometimes", expected.sometimes.index(outcome))
                yield Finding((*place, "never", i), "not be expected sometimes as well", (other,))
            if expected.at_least.get(outcome):
                other = (*place, "at_least", outcome)
                yield Finding((*place, "never", i), "not be expected at_least as well", (other,))
        for key, bounds in (("at_most", expected.at_most), ("at_least", expected.at_least)):
            for outcome, bound in bounds.items():
                if outcome in OUTCOMES and bound_value(outcome, bound) > 1.0:
                    yield Finding((*place, key, outcome), "be at most 1, a fraction of queries")
        for outcome, least in expected.at_least.items():
            most = expected.at_most.get(outcome, least)
            if bound_value(outcome, least) > bound_value(outcome, most):
                other = (*place, "at_most", outcome)
                yield Finding((*place, "at_least", outcome), "be at most at_most", (other,))


_RULES: Final = (
    _times,
    store_rules,
    _ranges,
    _retention,
    _cleanup,
    _intervals,
    _gateways,
    _compactors,
    _stages,
    _queries,
    _names,
    _schemes,
    _retries,
    _chunks,
    faults,
    _interventions,
    referrers,
    _expect,
)
