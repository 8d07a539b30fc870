"""R2 of gaps, R3, R5 and R8: what a delay must be so that no data is missing without an error."""

from sim.analysis.rules.obstacles import gap_obstacles
from sim.analysis.rules.rule import Rule, Term, fixed, longest_of
from sim.analysis.rules.terms import Terms

__all__ = ["compactor_sees", "handed_over", "replacement_shows", "sources_outlast"]


def sources_outlast(of: Terms) -> Rule:
    """R2: the replacement shows, and can still be loaded, before a source is gone."""
    return Rule(
        name="R2",
        key="delete_delay",
        protects="answers while a replacement takes over",
        terms=_taken_over(of, of.sync),
        configured_us=of.delete_us,
        is_met=of.compacts,
        obstacles=gap_obstacles(of),
    )


def replacement_shows(of: Terms) -> Rule:
    """R3: a mark does not hide a source before its replacement shows."""
    assert of.hide_us is not None
    marks = of.sync.span.times(of.scenario.gateways.sync_stages.marks)
    reading = Term("m", "from the start of a sync to its reading of marks", marks)
    return Rule(
        name="R3",
        key="ignore_deletion_marks_delay",
        protects="answers from a source until its replacement shows",
        terms=_taken_over(of, reading),
        configured_us=float(of.hide_us),
        is_met=of.compacts,
        obstacles=gap_obstacles(of),
    )


def _taken_over(of: Terms, own: Term) -> tuple[Term, ...]:
    """From the retirement of a source until a reader answers from its replacement.

    Parameters
    ----------
    of : Terms
    own : Term
        What one sync takes up to there, at a reader that has both. Another reader loads the
        replacement in its own time: by the end of its next sync.
    """
    waits = (of.period, of.sync) if of.parts else (own,)
    margin = of.margin(of.arrived, *(wait.span for wait in waits)) if of.hide_us is not None else ()
    return (*of.visible, *margin, *waits)


def compactor_sees(of: Terms) -> Rule:
    """R5: the compactor does not lose a source from sight before it sees the replacement."""
    visible = Term("V", "until the compactor sees a put", of.written)
    compactor = of.scenario.compactor
    marks = longest_of(compactor.sync_takes).times(compactor.sync_stages.marks)
    if of.hide_us is None:
        terms: tuple[Term, ...] = (visible,)
    else:
        # It ignores what has been marked for half of the delete delay (C3).
        reading = Term("m", "from the start of its sync to its reading of marks", marks)
        terms = (visible, *of.margin(of.written, marks), reading)
        terms = tuple(term.twice() for term in terms)
    return Rule(
        name="R5",
        key="delete_delay",
        protects="the compactor's view of sources until their replacement shows",
        terms=terms,
        configured_us=of.delete_us,
        is_met=of.compacts and (of.lags_at_all or marks.most_us > 0),
        obstacles=of.rivalry,
    )


def handed_over(of: Terms) -> Rule:
    """R8: readers answer from an upload before its producer forgets the block."""
    spec, gateways = of.scenario.producers, of.scenario.gateways
    upload = longest_of(spec.upload_after).plus(longest_of(spec.upload_takes))
    held = fixed(gateways.consistency_delay_us).or_longer(of.arrived)
    obstacles = list(gap_obstacles(of))
    if upload.most_us > spec.block_length_us:
        obstacles.append("uploads may take longer than a block lasts (upload_takes)")
    return Rule(
        name="R8",
        key="producers.local_retention",
        protects="answers when the producer forgets a block",
        terms=(
            Term("U", "until a block is uploaded", upload),
            Term("C", "until a reader accepts it", held),
            of.period,
            of.sync,
        ),
        configured_us=float(spec.kept_us),
        obstacles=tuple(obstacles),
    )
