"""Static safety conditions: what the delays of a scenario prove, before anything is simulated.

A rule compares a delay that somebody configured with what the worst case asks for, term by term.
Where the terms are bounded and nothing else goes wrong, a rule that holds proves that an outcome
never happens; where it is broken, the shortfall bounds how long one deletion can do harm.

=====  ========================================================================================
rule   asks
=====  ========================================================================================
R1     delete_delay >= H + P + s + Q: blocks that only their mark hides
R2     delete_delay >= V + n + stamp + P + s + Q: what a replacement hides; at once is 0s
R3     ignore_deletion_marks_delay >= V + n + stamp + m: no source is hidden before its replacement
R4     delete_delay >= 2 max(P + s + Q, V + n + stamp + m), R1: both, where the hide delay is half
R5     delete_delay / 2 >= V + stamp + m: the compactor sees a replacement before it loses a source
R6     consistency_delay >= F: no block is loaded of which files do not show yet
R7     compactor.partial_age >= max(G, V + l): no upload is taken for one that was abandoned
R8     local_retention >= U + max(C, V + n) + P + s: the bucket answers before the producer forgets
R9     retention >= w + L + U + max(C, V) + W: no block expires before it is made coarser
R10    compactor.consistency_delay >= V - A: no block shows inside what was merged without it
R11    delete_delay >= J + H + P + s + Q: R1 while clocks are wrong
R12    compactor.sync_timeout >= f: no sync of the compactor is given up
=====  ========================================================================================

H is the time from a mark's stamp until readers must hide the block: the hide delay I, or the time
until the mark shows if that is longer. P and s are the longest interval and duration of a sync, Q
the longest query, V the time until a put shows to whoever must see it, n the longer of what a cache
of the gateways remembers of a listing and of an absence, m the time from the start of a sync to its
reading of marks, F that until the files of a block show, G the longest silence inside an upload, l
the age of a listing when the compactor has worked it off, U the time until a block is uploaded, C
the consistency delay of whoever reads; w the step between the range that is downsampled and the one
below, L a block, W what a pass still does after its last merge, A the least time from an upload to
the next but one, J how far the clock of who deletes may go ahead of those by which marks are
stamped and hidden, f the longest sync of the compactor; stamp is a second, for marks have no finer
one.

Where deletions never reach the bucket that is read (`store.replication.omits`), R1, R2 and R11 ask
for no delay at all.

Where `shard_by = "block"` parts a block from what replaces it, its mark alone hides it (R1), and
the replacement answers only after a sync of another gateway: R3 asks for stamp + P + s in the place
of stamp + m, and so does what R2 asks for answers.

Rules that were thought to be longer, or shorter, and what showed it:

=====  ========================================================================================
rule   what is not so
=====  ========================================================================================
R2     it was to speak of what readers keep although it is replaced (keeps_superseded): only its
       mark hides that, which is for R1
R5     it asked for the whole sync of the compactor: only what lies between its listing and its
       reading of marks can make hidden sources and a replacement not seen of different times
R7     the length of the upload counted: one of 144h in three objects is never silent for more
       than 48h, and is safe; one that has ended long ago is not, while meta.json does not show
R9     the interval of passes counted: a pass merges and downsamples before it lets anything
       expire, however late it comes; what loses data is the pass that just missed the window
R9     5m data was to outlast a 5m block behind its window: if raw blocks are still there, they are
       merged, and downsampled as a whole, in the pass that sees the last of them
R10    the lag of an upload counted: uploads in order are never overtaken, however late they are
       (thanos-io/thanos#1670, #2753 are from before that order); only a store that shows the
       later one first, or a front end that remembers an absence, opens a hole
=====  ========================================================================================

`tests/unit/test_safety_edges.py` has what fails just below a rule, `tests/property/test_safety*.py`
what never does at it.

What nothing bounds leaves a rule open; it then says as well what is enough but for one draw in a
million of each law.

Sources: the numbers are those of a rule set read off Thanos' code and threads (R1, R2:
thanos-io/thanos#2022, #2136; R6: docs/design, consistency delay; R8: docs/components/sidecar.md);
the terms follow from ``SEMANTICS.md`` B2-B4, C1-C12, G2-G5, P1 and S2.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.analysis.rules.conditions import Conditions
from sim.analysis.rules.rule import Rule, Status

if TYPE_CHECKING:
    from sim.scenario.language.primitives import Misses
    from sim.scenario.schema import QueryClass, Scenario

__all__ = ["Rule", "Status", "proof", "rules", "safe_delay_us", "shortfall_us"]

_DELETIONS: Final = ("R1", "R2", "R11")
"""Rules about the deletion of what readers may still use."""


def rules(
    scenario: "Scenario", scheme_index: int, classes: "Sequence[QueryClass] | None" = None
) -> tuple[Rule, ...]:
    """Every rule that says something about a scheme, in the order of their numbers.

    Parameters
    ----------
    scenario : Scenario
    scheme_index : int
        From 0.
    classes : sequence of QueryClass or None
        Whose longest query counts; None takes all.
    """
    return tuple(Conditions(scenario, scheme_index, classes).rules())


def proof(
    scenario: "Scenario",
    scheme_index: int,
    outcome: str,
    classes: "Sequence[QueryClass] | None" = None,
) -> str:
    """Say what proves that no query has an outcome; empty if nothing does.

    Parameters
    ----------
    scenario, scheme_index, classes
        As for :func:`rules`.
    outcome : str
        One of ``OUTCOMES``; ``ok`` is never excluded.

    Returns
    -------
    str
        Names of rules, ``"R1, R2, R6"``, or the setting that excludes the outcome.
    """
    if outcome == "duplicated":
        return "nothing counts data twice"
    misses = scenario.schemes[scheme_index].composed.misses
    if setting := _setting(scenario, misses, outcome):
        return setting
    conditions = Conditions(scenario, scheme_index, classes)
    if outcome == "silent-gap":
        silent = not (misses.loses_gateway or misses.warns)
        return _names([*conditions.gaps(), *(conditions.reads() if silent else ())])
    return "" if outcome == "ok" else _names(conditions.reads())


def _setting(scenario: "Scenario", misses: "Misses", outcome: str) -> str:
    """The setting that excludes an outcome of reads that meet an absence; empty without one."""
    is_abort = scenario.gateways.partial_response == "abort"
    if outcome == "query-error" and not is_abort:
        return 'partial_response = "warn"'
    is_told = outcome in ("partial-response", "warned")
    if is_told and is_abort and not misses.may_warn:
        return 'partial_response = "abort"'
    if misses.loses_gateway:
        return ""
    gateways = (f"gateway/{g}" for g in range(scenario.gateways.count))
    if any(fault.befalls(g) for g in gateways for fault in scenario.faults):
        return ""
    if outcome == "query-error" or (is_told and not misses.warns):
        return f'miss = "{misses.kind}"'
    return ""


def safe_delay_us(
    scenario: "Scenario",
    scheme_index: int,
    classes: "Sequence[QueryClass] | None" = None,
    *,
    with_compactor: bool = False,
) -> float:
    """Smallest delete delay from which on rules prove that no read fails, µs.

    Everything else stays as it is, so what the scheme's own delay is does not matter. inf if no
    delete delay is enough. ``with_compactor`` asks as well that the compactor sees what it made
    before it loses what that was made of (R5), without which data may be missing later.
    """
    met = [r for r in Conditions(scenario, scheme_index, classes).reads() if r.is_met]
    deletions = [rule for rule in met if rule.name in _DELETIONS]
    others = [rule for rule in met if rule.name not in _DELETIONS]
    if any(rule.status is not Status.HOLDS for rule in others):
        return math.inf
    if any(rule.obstacles for rule in deletions):
        return math.inf
    if with_compactor:
        deletions += [r for r in rules(scenario, scheme_index) if r.name == "R5" and r.is_met]
    return max((rule.required_us for rule in deletions), default=0.0)


def shortfall_us(
    scenario: "Scenario", scheme_index: int, classes: "Sequence[QueryClass] | None" = None
) -> float:
    """How long, at most, one deletion can fail the reads of queries, µs.

    It does so for arrivals in [absence - Q, absence - Q + shortfall), whichever reader they meet,
    Q being the longest query. 0 if reads never fail; inf if nothing bounds it.
    """
    conditions = Conditions(scenario, scheme_index, classes)
    reads = [rule for rule in conditions.reads() if rule.is_met]
    deletions = [rule for rule in reads if rule.name in _DELETIONS]
    others = [rule for rule in reads if rule.name not in _DELETIONS]
    if any(rule.status is not Status.HOLDS for rule in others) or any(
        rule.status is Status.OPEN or rule.obstacles for rule in deletions
    ):
        return math.inf
    return max((max(0.0, -rule.slack_us) for rule in deletions), default=0.0)


def _names(needed: Sequence[Rule]) -> str:
    """Names of the rules if all of them hold; those that protect nothing need not."""
    met = [rule for rule in needed if rule.is_met]
    if any(rule.status is not Status.HOLDS for rule in met):
        return ""
    return ", ".join(dict.fromkeys(rule.name for rule in met))
