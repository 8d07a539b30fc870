"""Who references again what is in a store of content: the table ``[referrers]``.

A backup client, a push to a registry, a commit to a repository: it looks whether content is there
already, and if so it does not upload it, but refers to it (``SEMANTICS.md`` R).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sim.core.laws import Law
from sim.scenario.language.finding import Finding
from sim.scenario.language.values import Count, Duration, Fraction, Frozen, Longer
from sim.scenario.laws.tables import ActivityLaw

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["Referrers", "referrers"]


class Referrers(Frozen):
    """Writers whose sessions reference again what nothing else references any more."""

    count: Count = Field(1, description="How many, one session at a time each.")
    every: Annotated[Law, ActivityLaw] = Field(description="Interval at which a session begins.")
    takes: Annotated[Law, ActivityLaw] = Field(
        description="From the beginning of a session, which looks, to its commit."
    )
    refresh_us: Duration | None = Field(
        None,
        alias="refresh",
        description="How often what a referrer knows is read anew; asked in each session if left "
        "out.",
    )
    wants: Fraction = Field(
        1.0, description="Chance that a session wants content which has expired."
    )
    verifies: bool = Field(
        False,
        description="Whether a session looks again when it commits, and references only what is "
        "there.",
    )
    within_us: Longer = Field(
        alias="within", description="How long ago the content that it wants may have expired."
    )


def referrers(scenario: "Scenario") -> Iterator[Finding]:
    """What must hold of the table: something expires, and sessions do not begin all the time."""
    spec = scenario.referrers
    if spec is None:
        return
    if not scenario.compactor.retention_us[0]:
        rule = "be left out unless blocks expire"
        yield Finding(("referrers",), rule, (("compactor", "retention", "raw"),))
    if spec.every.cdf(0.5) > 1e-6 or spec.every.mean == float("inf"):
        rule = "be longer than 0s, with any draw, and have a finite mean"
        yield Finding(("referrers", "every"), rule)
