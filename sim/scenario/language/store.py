"""The object store of a scenario: ``[store]`` and the tables below it.

``profile`` names a store of `sim.scenario.stores.rows`; the keys that a file gives override it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from sim.core.laws import Constant, Law
from sim.scenario.complaints.nearest import did_you_mean, one_of
from sim.scenario.language.overlay import laid_over
from sim.scenario.language.values import (
    Bytes,
    Copies,
    Duration,
    Fraction,
    Frozen,
    Whole,
    refusal,
)
from sim.scenario.laws.tables import ActivityLaw
from sim.scenario.stores.profiles import PROFILES

__all__ = [
    "NO_TIME",
    "Lag",
    "Omitted",
    "PlaneLag",
    "Quorum",
    "Replication",
    "Store",
    "over_profile",
]

NO_TIME: Final = Constant(value_us=0.0)


class PlaneLag(Frozen):
    """Lag of one kind of change, in each plane."""

    get: Annotated[Law, ActivityLaw] = Field(NO_TIME, description="Until GET and HEAD show it.")
    list: Annotated[Law, ActivityLaw] = Field(NO_TIME, description="Until LIST shows it.")


class Lag(Frozen):
    """Time from an acknowledged change until a replica shows it (``SEMANTICS.md`` S2)."""

    create: PlaneLag = Field(
        PlaneLag(), description="A put of a key that does not exist, as the newest version says."
    )
    overwrite: PlaneLag = Field(PlaneLag(), description="A put of a key that exists.")
    delete: PlaneLag = Field(PlaneLag(), description="A delete.")


class Quorum(Frozen):
    """A store of `n` replicas with partial quorums, by the delays of its messages (S8)."""

    n: Copies = Field(description="Replicas that a write is sent to.")
    r: Copies = Field(description="Answers that a read waits for.")
    w: Copies = Field(description="Acknowledgements that a write waits for.")
    write: Annotated[Law, ActivityLaw] = Field(description="Write request to a replica.")
    ack: Annotated[Law, ActivityLaw] = Field(description="Its acknowledgement.")
    read: Annotated[Law, ActivityLaw] = Field(description="Read request to a replica.")
    response: Annotated[Law, ActivityLaw] = Field(description="Its response.")


Omitted = Literal["deletes", "marks"]
"""What a copy of a bucket may lack: deletions of any object; all changes of deletion marks."""


class Replication(Frozen):
    """Buckets in other regions that are fed from the bucket of the writers (S10)."""

    omits: tuple[Omitted, ...] | None = Field(None, description="Changes that are never copied.")
    bandwidth_bytes: Bytes | None = Field(
        None,
        alias="bandwidth",
        description="Bytes a second that are copied, one change after the other "
        "(any number if left out).",
    )

    @property
    def leaves_out(self) -> tuple[Omitted, ...]:
        """What is never copied, perhaps nothing."""
        return self.omits or ()


def _given(value: object) -> object:
    """Refuse None: a file cannot say it, and a profile's quorum cannot be taken away."""
    if value is None:
        raise refusal("be a table")
    return value


class Store(Frozen):
    """The object store."""

    profile: Annotated[str, Field(strict=True)] = Field(
        "strong",
        description="A named store; the other keys override it.",
        json_schema_extra={"enum": list(PROFILES)},
    )
    replicas: Copies = Field(1, description="Copies inside the store that answer reads.")
    read_from: Literal["any", "sticky", "nearest"] = Field(
        "any", description="any: drawn for each request; sticky: drawn once; nearest: by number."
    )
    primary: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="Replica 0 is always current and serves producers and compactor; "
        "gateways read the others.",
    )
    acks: Whole = Field(0, description="Replicas that show a change once it is acknowledged.")
    order: Literal["independent", "key", "log"] = Field(
        "independent",
        description="A replica shows changes in order of acknowledgement: log: all; key: those of "
        "one key.",
    )
    negative_cache_us: Duration = Field(
        0, alias="negative_cache", description="How long a client's front end remembers a 404."
    )
    error_rate: Fraction = Field(0.0, description="P(a request fails without effect).")
    lost_answer_rate: Fraction = Field(
        0.0, description="P(a request is applied, but answered with an error)."
    )
    delete_absent: Literal["ok", "error"] | None = Field(
        None,
        description="What a DELETE is answered whose object somebody else has deleted meanwhile "
        "(ok if left out, as S3; GCS and Azure: error).",
    )
    lag: Lag = Field(Lag(), description="From an acknowledged change until a replica shows it.")
    quorum: Annotated[Quorum | None, BeforeValidator(_given)] = Field(
        None, description="Lags from the delays of messages, instead of lag."
    )
    replication: Annotated[Replication | None, BeforeValidator(_given)] = Field(
        None, description="The replicas beside the primary are buckets that are copied from it."
    )

    @property
    def draws_replicas(self) -> bool:
        """Whether each read of a gateway draws the replica that answers it."""
        return self.read_from == "any" and self.replicas - int(self.primary) > 1

    @property
    def shows_at_once(self) -> bool:
        """Whether no change ever shows later than it is acknowledged, unless a fault delays it."""
        kinds = (self.lag.create, self.lag.overwrite, self.lag.delete)
        laws = (law for kind in kinds for law in (kind.get, kind.list))
        lags = any(not law.is_constant or law.longest_us > 0 for law in laws)
        return self.quorum is None and self.replication is None and not lags

    @model_validator(mode="before")
    @classmethod
    def _over_profile(cls, raw: Any) -> Any:
        return over_profile(raw) if isinstance(raw, Mapping) else raw


def over_profile(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the keys of a ``[store]`` table over those of its profile.

    Tables are laid over tables; a law, however it is written, replaces a law as a whole.
    """
    name = raw.get("profile", "strong")
    if not isinstance(name, str) or name not in PROFILES:
        raise refusal(one_of(PROFILES), hint=did_you_mean(name, PROFILES), at=("profile",))
    return laid_over(PROFILES[name].values, raw)
