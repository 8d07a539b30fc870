"""R1, R2, R4, R6 and R11: what a delay must be so that no read meets the absence of an object."""

from sim.analysis.rules.obstacles import gap_obstacles, read_obstacles
from sim.analysis.rules.rule import Rule, Term, fixed
from sim.analysis.rules.terms import STAMP, Terms

__all__ = [
    "at_half",
    "blocks_hidden_by_mark",
    "blocks_hidden_by_wrong_clocks",
    "blocks_replaced",
    "files_shown",
]


def blocks_hidden_by_mark(of: Terms) -> Rule:
    """R1: readers let go of a block for its mark alone, and then it goes."""
    assert of.hide_us is not None
    marked = of.marked.plus(STAMP.span)
    aged = fixed(of.hide_us).plus(of.reread)
    if aged.most_us >= marked.most_us:
        late = ", of a mark that is written again" if of.reread.most_us else ""
        hide = Term("H", f"hide delay{late}", aged)
    else:
        hide = Term("H", "until a mark shows, which is longer than the hide delay", marked)
    ways = ["retention", "by hand"]
    ways += ["shard_by"] if of.parts else []
    ways += ["replaced, but kept"] if of.keeps else []
    return Rule(
        name="R1",
        key="delete_delay",
        protects=f"reads of blocks that only a mark hides ({', '.join(ways)})",
        terms=of.unless_all_stays(hide, of.period, of.sync, of.query),
        configured_us=of.delete_us,
        is_met=of.waits_for_marks,
        obstacles=read_obstacles(of),
    )


def blocks_hidden_by_wrong_clocks(of: Terms) -> Rule:
    """R11: R1 where who deletes may be early, and readers late, for their clocks are wrong.

    A mark is old to a gateway by its own clock, and due by the clock of who deletes; until it shows
    it is by real time that nobody hides the block, and a jump takes that off the delay.
    """
    assert of.hide_us is not None
    # A mark that is written again has both stamps by clocks that may have been set in between.
    again = of.jump if of.reread.most_us else fixed(0.0)
    aged = fixed(of.hide_us).plus(of.reread, of.apart, again)
    marked = of.marked.plus(STAMP.span, of.jump)
    if aged.most_us >= marked.most_us:
        jump, hide = of.apart.plus(again), fixed(of.hide_us).plus(of.reread)
    else:
        jump, hide = of.jump, of.marked.plus(STAMP.span)
    plain = blocks_hidden_by_mark(of)
    return Rule(
        name="R11",
        key=plain.key,
        protects=f"{plain.protects} while clocks are wrong",
        terms=of.unless_all_stays(
            Term("J", "how far who deletes is ahead, by clocks", jump),
            Term("H", "hide delay, or until a mark shows", hide),
            of.period,
            of.sync,
            of.query,
        ),
        configured_us=plain.configured_us,
        is_met=plain.is_met,
        obstacles=read_obstacles(of, "clock"),
    )


def blocks_replaced(of: Terms) -> Rule:
    """R2: readers let go of a block for its replacement, and then it goes."""
    # Who deletes at once also deletes what no replacement hides.
    is_met = of.compacts or of.scenario.compactor.downsampling
    if of.hide_us is None:
        is_met = is_met or of.expires
    elif of.keeps:
        # No replacement hides any: that is for R1.
        is_met = False
    stamp = (STAMP,) if of.hide_us is not None else ()
    return Rule(
        name="R2",
        key="delete_delay",
        protects="reads of blocks that a replacement hides",
        terms=of.unless_all_stays(*of.visible, *stamp, of.period, of.sync, of.query),
        configured_us=of.delete_us,
        is_met=is_met,
        obstacles=read_obstacles(of),
    )


def at_half(of: Terms, hiding: Rule) -> Rule:
    """R4: R1 and R3 as one, for who keeps the hide delay at half of the delete delay.

    Parameters
    ----------
    of : Terms
    hiding : Rule
        R3 of the same scheme.
    """
    reads = (Term("H", "a mark that is written again", of.reread),) if of.reread.most_us else ()
    is_marked = of.waits_for_marks
    sides = [(*reads, of.period, of.sync, of.query)] if is_marked or not of.compacts else []
    sides += [hiding.terms] if of.compacts else []
    wholes = [tuple(term.twice() for term in terms) for terms in sides]
    if is_marked and of.marked.most_us:
        # A mark that shows after half of the delay: from then on as much as ever.
        late = Term("H", "until a mark shows", of.marked.plus(STAMP.span))
        wholes.append((late, of.period, of.sync, of.query))
    longest = max(wholes, key=lambda terms: sum(term.span_us for term in terms))
    return Rule(
        name="R4",
        key="delete_delay",
        protects="reads and answers alike, with the hide delay at half of the delete delay",
        terms=longest,
        configured_us=of.delete_us,
        is_met=is_marked or of.compacts,
        obstacles=tuple(dict.fromkeys((*read_obstacles(of), *gap_obstacles(of)))),
    )


def files_shown(of: Terms) -> Rule:
    """R6: a block is not loaded before all of its files show."""
    is_uneven = of.is_uneven("create")
    is_exempt = of.compacts or of.scenario.compactor.downsampling
    return Rule(
        name="R6",
        key="gateways.consistency_delay",
        protects="blocks of which files do not show yet from being read",
        terms=(Term("F", "until the files of a block show", of.shown),),
        configured_us=float(of.scenario.gateways.consistency_delay_us),
        # Files that show in the order in which they were put show before meta.json does.
        is_met=is_uneven,
        obstacles=("compacted blocks are exempt from the consistency delay",)
        if is_uneven and is_exempt
        else (),
    )
