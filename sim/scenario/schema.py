"""What a scenario is: frozen values, each default next to its meaning.

A scenario is made from a mapping with the keys of the TOML file::

    Scenario.model_validate({
        "schema": 1, "name": "small", "horizon": "10d",
        "queries": [{"name": "day", "rate": "1/s", "range": "1d"}],
        "schemes": [{"name": "at once", "kind": "immediate"}],
    })

This room knows what is sensible to ask for, and nothing about how it is simulated. The parts are
`Store` (`sim.scenario.language.store`), `Compactor` (`sim.scenario.language.compactor`),
`Producers`, `Gateways`, `QueryClass` (`sim.scenario.language.tables`), schemes
(`sim.scenario.language.schemes`), `Expectation` (`sim.scenario.language.expectation`), faults
(`sim.scenario.language.faults`), interventions (`sim.scenario.language.interventions`) and pinned
draws (`sim.scenario.language.draws`). Times are whole microseconds; where an activity takes time,
the field is a law of `sim.core.laws`.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from sim.core.pinned import PinnedStreams
from sim.core.strata import is_spread, spread_uniform
from sim.core.streams import Identity, Streams
from sim.scenario.language.caches import GatewayCache
from sim.scenario.language.cleanup import Cleanup
from sim.scenario.language.compactor import Compactor, Retention
from sim.scenario.language.draws import PinnedDraw, PinnedDraws
from sim.scenario.language.expectation import Expectation
from sim.scenario.language.faults import AnyFault, Fault
from sim.scenario.language.interventions import INTERVENTION_KINDS, Intervention
from sim.scenario.language.ownscheme import OwnScheme, SchemeSpec
from sim.scenario.language.referrers import Referrers
from sim.scenario.language.rules import conflicts
from sim.scenario.language.schemes import SCHEME_KINDS, Composed, DeletionMark, Immediate
from sim.scenario.language.sources import Sourced, misplaced
from sim.scenario.language.store import Lag, PlaneLag, Quorum, Replication, Store
from sim.scenario.language.tables import (
    OBSERVATIONS,
    OUTCOMES,
    Gateways,
    Prices,
    Producers,
    QueryClass,
    SyncStages,
)
from sim.scenario.language.values import (
    RULE,
    AtLeastOne,
    Count,
    Duration,
    Frozen,
    Longer,
    Name,
    Whole,
    refusal,
)
from sim.scenario.presets import over_settings

__all__ = [
    "INTERVENTION_KINDS",
    "OBSERVATIONS",
    "OUTCOMES",
    "SCHEME_KINDS",
    "Cleanup",
    "Compactor",
    "Composed",
    "DeletionMark",
    "Expectation",
    "Fault",
    "GatewayCache",
    "Gateways",
    "Immediate",
    "Intervention",
    "Lag",
    "OwnScheme",
    "PinnedDraw",
    "PlaneLag",
    "Prices",
    "Producers",
    "QueryClass",
    "Quorum",
    "Referrers",
    "Replication",
    "Retention",
    "Scenario",
    "SchemeSpec",
    "Sourced",
    "Store",
    "SyncStages",
]

_NOT_IN_DIGEST: Final[dict[str, Any]] = {
    "name": True,
    "summary": True,
    "source": True,
    "expect": True,
    "prices": True,
    "sources": True,
    "store": {"profile"},
    "schemes": {"__all__": {"preset"}},
    "presets": True,
}

_DIGEST_VERSION: Final = "scenario 1\n"


def _version(value: object) -> object:
    """Refuse other versions, and what equals 1 without being it."""
    if type(value) is not int or value != 1:
        raise refusal("be 1, the only version there is")
    return value


class Scenario(Frozen):
    """One environment, and the schemes that are compared on it."""

    schema_version: Annotated[Literal[1], BeforeValidator(_version)] = Field(
        alias="schema", description="Version of the scenario language."
    )
    name: Name = Field(description="Short name, for results.")
    summary: str = Field("", description="What it shows, in a sentence.")
    source: str = Field("", description="Where the numbers come from.")
    horizon_us: Longer = Field(alias="horizon", description="The run covers [0, horizon).")
    warmup_us: Duration = Field(
        0, alias="warmup", description="What happens before it is in no statistic."
    )
    trials: Count = Field(8, description="Independent runs, with the seeds seed, seed + 1, …")
    seed: Whole = Field(0, description="Seed of the first trial.")
    presets: tuple[str, ...] | None = Field(
        None, description="Settings that are shipped; what the file says overrides them."
    )
    store: Store = Field(Store(), description="The object store.")
    producers: Producers = Field(Producers(), description="Who uploads blocks.")
    compactor: Compactor = Field(Compactor(), description="Who merges and deletes blocks.")
    gateways: Gateways = Field(Gateways(), description="Who answers queries from blocks.")
    queries: Annotated[tuple[QueryClass, ...], AtLeastOne] = Field(
        description="Classes of queries.", json_schema_extra={"minItems": 1}
    )
    schemes: Annotated[tuple[SchemeSpec, ...], AtLeastOne] = Field(
        description="Ways to delete, compared with each other under common random numbers.",
        json_schema_extra={"minItems": 1},
    )
    faults: tuple[AnyFault, ...] = Field((), description="What goes wrong, and when.")
    referrers: Referrers | None = Field(
        None, description="Who references again what is being collected."
    )
    interventions: tuple[Intervention, ...] | None = Field(
        None, description="What people do to the bucket with tools, and when."
    )
    draws: PinnedDraws | None = Field(
        None, description="Draws that have the same value whatever the seed is."
    )
    prices: Prices | None = Field(None, description="What the store charges.")
    expect: dict[str, Expectation] = Field(
        {}, description="By the name of a scheme: what must come out."
    )
    sources: dict[str, Sourced] | None = Field(
        None, description="By the path of a key: where its value comes from."
    )

    @model_validator(mode="before")
    @classmethod
    def _over_presets(cls, raw: Any) -> Any:
        is_begun = isinstance(raw, Mapping) and raw.get("presets") is not None
        return over_settings(raw) if is_begun else raw

    @model_validator(mode="after")
    def _without_conflicts(self, info: ValidationInfo) -> Self:
        """Refuse parts that are fine each but do not fit together; all conflicts at once."""
        findings = [finding._asdict() for finding in (*conflicts(self), *misplaced(self))]
        if findings:
            raise PydanticCustomError(RULE, "parts do not fit together", {"findings": findings})
        return self

    def __repr__(self) -> str:
        """Return what tells it from others, in a line; `sim.scenario.dump` prints all of it."""
        schemes = ", ".join(repr(scheme.name) for scheme in self.schemes)
        return f"<Scenario {self.name!r}, {schemes}, seed {self.seed}, digest {self.digest[:8]}…>"

    __str__ = __repr__

    def scheme_index(self, name: str) -> int:
        """Position of a scheme in ``schemes``; raises ValueError if there is none of the name."""
        return [scheme.name for scheme in self.schemes].index(name)

    def streams(self, seed: int) -> Streams:
        """All draws of the trial of a seed."""
        decided = self.decided(seed)
        return PinnedStreams(seed, decided) if decided else Streams(seed)

    def decided(self, seed: int) -> dict[Identity, float]:
        """The draws of the trial of a seed that its seed alone does not make."""
        return self._strata(seed - self.seed) | self.pins

    @property
    def is_spread(self) -> bool:
        """Whether phases are spread over the trials, and no trial is independent of all others."""
        return bool(self.gateways.stratified) and is_spread(self.trials)

    def _strata(self, trial: int) -> dict[Identity, float]:
        """The phases of a trial, where they are spread."""
        if not self.is_spread or not 0 <= trial < self.trials:
            return {}
        names: list[Identity] = [("gateway", g, "phase") for g in range(self.gateways.count)]
        return {name: spread_uniform(self.seed, trial, self.trials, name) for name in names}

    @property
    def pins(self) -> dict[Identity, float]:
        """The uniforms that are pinned, by what they decide."""
        return {draw.decides: draw.uniform for draw in self.draws or ()}

    def with_pins(self, pins: Mapping[Identity, float]) -> Self:
        """The scenario with these draws pinned, uniforms in [0, 1), and no others."""
        draws = [PinnedDraw.model_construct(decides=d, uniform=u) for d, u in pins.items()]
        return self.model_copy(update={"draws": tuple(draws) or None})

    def cleanup(self, scheme_index: int) -> Cleanup:
        """When the blocks that a scheme has retired are deleted."""
        return self.schemes[scheme_index].cleanup(self.compactor.cleanup_rule)

    def raw(self) -> dict[str, Any]:
        """Return the mapping that this scenario is made from, with every value spelled out.

        Raises
        ------
        ValueError
            If a law has a parameter that the scenario language cannot say.
        """
        return self.model_dump(by_alias=True, exclude_none=True)

    @property
    def digest(self) -> str:
        """Fingerprint of everything that changes the simulated world or its statistics.

        SHA-256, in hexadecimal, of the resolved values: defaults and profiles count as if they
        were written out; comments, the order of keys, the form of a value ("60s", "1m") and the
        place of the file do not count. Left out are what only names or judges: name, summary,
        source, sources, prices, expect and the name of the store's profile. Names of schemes and
        query classes count: results are keyed by them, and draws are named after the latter.
        """
        raw = self.model_dump(by_alias=True, exclude_none=True, exclude=_NOT_IN_DIGEST)
        text = json.dumps(raw, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256((_DIGEST_VERSION + text).encode()).hexdigest()
