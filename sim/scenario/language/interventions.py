"""What people do to the bucket with tools, and when: ``[[interventions]]``.

The key ``kind`` says what; a field exists only where it means something. Sources: Thanos 0.43,
cmd/thanos/tools_bucket.go (mark, cleanup, rewrite, upload-blocks), pkg/verifier/safe_delete.go.
"""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from sim.core.laws import Law
from sim.core.units import US_PER_S, format_duration
from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.language.schemes import DeletionMark
from sim.scenario.language.values import Duration, Frozen, Whole, refusal
from sim.scenario.laws.tables import ActivityLaw

__all__ = [
    "INTERVENTION_KINDS",
    "BreakMark",
    "Choice",
    "CleanUp",
    "DeleteBlocks",
    "ExcludeBlocks",
    "Intervention",
    "MarkBlocks",
    "RewriteBlocks",
    "UnmarkBlocks",
    "UploadBlocks",
]

_H: Final = 3_600 * US_PER_S


def _word_or_number(word: str, least: int) -> BeforeValidator:
    """A validator that refuses what is neither ``word`` nor a whole number from ``least``."""

    def read(value: object) -> object:
        is_number = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if value == word or is_number:
            return value
        rule = f'be "{word}" or a whole number >= {least}'
        raise refusal(rule, hint=did_you_mean(value, [word]))

    return BeforeValidator(read)


class _ByHand(Frozen):
    """Something that is done once."""

    kind: str
    at: Annotated[Law, ActivityLaw] = Field(description="When it is done.")


class Choice(_ByHand):
    """Something done to blocks that are named by what they are (``SEMANTICS.md`` O2)."""

    stream: Annotated[Literal["all"] | Annotated[int, Field(ge=0)], _word_or_number("all", 0)] = (
        Field("all", description="Blocks of all streams, or of one, from 0.")
    )
    level: Annotated[Literal["any"] | Annotated[int, Field(ge=1)], _word_or_number("any", 1)] = (
        Field("any", description="Blocks of any level, or of one.")
    )
    resolution: Literal["any", "raw", "5m", "1h"] = Field(
        "any", description="Blocks of any resolution, or of one."
    )
    older_than_us: Duration = Field(
        0, alias="older_than", description="Blocks whose data ended at least so long ago."
    )
    which: Literal["oldest", "newest", "all"] = Field(
        "oldest", description="Of those, which to take."
    )


class MarkBlocks(Choice):
    """Mark blocks for deletion (`thanos tools bucket mark`)."""

    kind: Literal["mark"] = Field(description="Blocks are marked by hand.")


class UnmarkBlocks(Choice):
    """Take marks away (`thanos tools bucket mark --remove`)."""

    kind: Literal["unmark"] = Field(description="Marks are taken away.")


class BreakMark(Choice):
    """Leave a deletion-mark.json that nobody can read, as a write that was cut short does."""

    kind: Literal["corrupt-mark"] = Field(description="Marks become unreadable.")


class ExcludeBlocks(Choice):
    """Keep blocks from being compacted (`bucket mark --marker=no-compact-mark.json`)."""

    kind: Literal["no-compact"] = Field(description="Blocks are kept from being compacted.")


class DeleteBlocks(Choice):
    """Delete blocks at once (`thanos tools bucket verify --repair` with no delete delay)."""

    kind: Literal["delete"] = Field(description="Blocks are deleted by hand.")
    leaves_mark: bool = Field(
        True, description="Whether a mark is put where the block was, as verify does."
    )


class RewriteBlocks(Choice):
    """Rewrite blocks, to change or delete series (`thanos tools bucket rewrite`)."""

    kind: Literal["rewrite"] = Field(
        description="Blocks are written again, by hand, and name themselves as their only source."
    )
    marks_old: bool = Field(
        False, description="Whether the old block is marked afterwards (--delete-blocks)."
    )


class UploadBlocks(_ByHand):
    """Upload level-1 blocks made elsewhere, with data that a stream has or had."""

    kind: Literal["upload"] = Field(
        description="Level-1 blocks from elsewhere: a backup, a second Prometheus."
    )
    stream: Whole = Field(0, description="Whose labels they have, from 0.")
    older_than_us: Duration = Field(
        0, alias="older_than", description="Blocks whose data ended at least so long ago."
    )
    which: Literal["oldest", "newest", "all"] = Field(
        "newest", description="Of those, which to upload."
    )
    names: Literal["itself", "nothing"] = Field(
        "itself", description="What meta.json of each names as its sources."
    )


class CleanUp(_ByHand):
    """Delete what is marked (`thanos tools bucket cleanup`)."""

    kind: Literal["cleanup"] = Field(description="Marked blocks are deleted by a second deleter.")
    delete_delay_us: Duration = Field(
        48 * _H, alias="delete_delay", description="Age of a mark from which the block goes."
    )

    @property
    def scheme(self) -> DeletionMark:
        """How the tool deletes, whatever the scheme that is compared."""
        own = {"name": self.kind, "kind": "deletion-mark"}
        return DeletionMark.model_validate(
            own | {"delete_delay": format_duration(self.delete_delay_us)}
        )


Intervention = Annotated[
    MarkBlocks
    | UnmarkBlocks
    | BreakMark
    | ExcludeBlocks
    | DeleteBlocks
    | CleanUp
    | RewriteBlocks
    | UploadBlocks,
    Field(discriminator="kind"),
]
"""Something that a person does."""

INTERVENTION_KINDS: Final = (
    "mark",
    "unmark",
    "corrupt-mark",
    "no-compact",
    "delete",
    "cleanup",
    "rewrite",
    "upload",
)
