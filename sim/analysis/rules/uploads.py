"""R7: an upload under way is not taken for one that was abandoned."""

from math import ceil, inf, isinf

from sim.analysis.rules.rule import Rule, Span, Term, fixed, longest_of
from sim.analysis.rules.terms import Terms
from sim.analysis.rules.work import listing_age

__all__ = ["partial_uploads"]


def partial_uploads(of: Terms) -> Rule:
    """R7: what the age of an abandoned upload must not be shorter than (``SEMANTICS.md`` B2, C11).

    The cleanup looks at the newest object of blocks that showed no meta.json in its listing. While
    a block is uploaded, that is as old as the longest silence between two of its objects;
    afterwards as old as meta.json can be without being seen, and the listing with it. A store that
    lists no times has the age of the block instead, which then counts as a whole.
    """
    compactor, scenario = of.scenario.compactor, of.scenario
    uploads = longest_of(scenario.producers.upload_takes, compactor.upload_takes)
    n_objects = scenario.producers.chunk_files + 2
    silence = Span(*(us if isinf(us) else float(ceil(us / n_objects)) for us in uploads))
    unseen: tuple[Term, ...] = (
        Term("V", "until the compactor sees a put", of.written),
        Term("l", "from a listing of the compactor to the end of the cleanup", listing_age(of)),
    )
    if compactor.partial_age_from == "created":
        terms = (
            Term("U", "from the making of a block to the end of its upload", _made(of)),
            *unseen,
        )
    elif silence.most_us >= sum(term.span_us for term in unseen):
        terms = (Term("G", "longest silence inside an upload", silence),)
    else:
        terms = unseen
    if of.jump.most_us:
        terms = (Term("J", "how far the clock of the compactor may go ahead", of.jump), *terms)
    obstacles = (*of.rivalry, *of.prolonged)
    if compactor.partial_age_from == "listed" and of.lags_at_all:
        obstacles = (*obstacles, "a listing may tell an older time of an object (partial_age_from)")
    if compactor.cleanup_interval_us and not compactor.progress_interval_us:
        blind = "a compactor that halts cleans up by its last listing (progress_interval)"
        obstacles = (*obstacles, blind)
    return Rule(
        name="R7",
        key="compactor.partial_age",
        protects="uploads from being deleted as abandoned",
        terms=terms,
        configured_us=float(compactor.partial_age_us),
        is_met=max(uploads.most_us, of.written.most_us) > 0,
        obstacles=obstacles,
    )


def _made(of: Terms) -> Span:
    """From the creation of a block to the end of its upload (B3)."""
    spec, compactor = of.scenario.producers, of.scenario.compactor
    upload = longest_of(spec.upload_after).plus(longest_of(spec.upload_takes))
    if upload.most_us > spec.block_length_us:
        # Uploads wait for each other, so nothing bounds how late one is.
        return fixed(inf)
    work = longest_of(compactor.compaction_takes, compactor.downsampling_takes)
    return upload.or_longer(work.plus(longest_of(compactor.upload_takes)))
