"""R7: an upload under way is not taken for one that was abandoned."""

import math

from sim.analysis.rules.rule import Rule, Span, Term, longest_of
from sim.analysis.rules.terms import Terms
from sim.core.objects import RESOLUTIONS
from sim.scenario.language.tables import PARTIAL_UPLOAD_AGE_US

__all__ = ["partial_uploads"]


def partial_uploads(of: Terms) -> Rule:
    """R7: what the age of an abandoned upload must not be shorter than (``SEMANTICS.md`` B2, C11).

    The cleanup looks at the newest object of blocks that showed no meta.json in its last listing.
    While a block is uploaded, that is as old as the longest silence between two of its objects;
    afterwards as old as meta.json can be without being seen, and the listing with it.
    """
    scenario = of.scenario
    uploads = longest_of(scenario.producers.upload_takes, scenario.compactor.upload_takes)
    n_objects = scenario.producers.chunk_files + 2
    silence = Span(*(us if math.isinf(us) else float(math.ceil(us / n_objects)) for us in uploads))
    listing = _listing(of)
    if silence.most_us >= of.written.plus(listing).most_us:
        terms: tuple[Term, ...] = (Term("G", "longest silence inside an upload", silence),)
    else:
        terms = (
            Term("V", "until the compactor sees a put", of.written),
            Term("l", "from a listing of the compactor to the cleanup", listing),
        )
    return Rule(
        name="R7",
        key="partial-upload age",
        protects="uploads from being deleted as abandoned",
        terms=terms,
        configured_us=float(PARTIAL_UPLOAD_AGE_US),
        is_met=max(uploads.most_us, of.written.most_us) > 0,
    )


def _listing(of: Terms) -> Span:
    """How old a listing can be when all that it says is to be deleted has been."""
    scenario = of.scenario
    per_stream = math.ceil(scenario.horizon_us / scenario.producers.block_length_us)
    # Merging two or more into one makes at most as many again, at each resolution.
    n_blocks = scenario.producers.count * per_stream * 2 * len(RESOLUTIONS)
    deletions = longest_of(scenario.compactor.delete_takes).times(n_blocks)
    return longest_of(scenario.compactor.sync_takes).plus(deletions)
