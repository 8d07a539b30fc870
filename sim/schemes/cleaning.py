"""Another process cleans the bucket at intervals, with a delay of its own (``SEMANTICS.md`` D24).

It is a second deleter of the same kind, which knows nothing of the first: a job that runs the tools
of the bucket, a compactor of an older configuration, the removal of orphans beside the expiry of
snapshots. Sources: Thanos, cmd/thanos/tools_bucket.go, cleanup (``--delete-delay`` 48h); Apache
Iceberg, remove_orphan_files (``older_than`` 3d) beside expire_snapshots; rustic-rs/docs PR 144.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import Field

from sim.core.kernel import Phase
from sim.core.laws import Constant
from sim.core.units import format_duration
from sim.scenario.language.primitives import Besides, register
from sim.scenario.language.values import Duration, Longer
from sim.scenario.schema import DeletionMark, Scenario

if TYPE_CHECKING:
    from sim.model.parts import Parts
    from sim.model.rests import Rests
    from sim.model.store.transfer import Steps

__all__ = ["CleansUp"]

_PHASE: Final = Phase.OPERATOR.turn(1)
"""After people, who come before the first sync under way."""


@register("beside")
class CleansUp(Besides):
    """Another process deletes what is marked, and what was uploaded in part, by its own delays."""

    source: ClassVar = "Thanos, tools bucket cleanup; Apache Iceberg, remove_orphan_files"
    kind: Literal["cleanup"] = Field(
        "cleanup", description="Another process deletes what is marked or partial."
    )
    every_us: Longer = Field(
        alias="every", description="How often it does, from the beginning of the run."
    )
    delete_delay_us: Duration = Field(
        "48h",
        validate_default=True,
        alias="delete_delay",
        description="Age of a mark from which the block goes.",
    )
    partial_age_us: Duration | None = Field(
        None,
        alias="partial_age",
        description="Age from which a partial upload goes (as compactor.partial_age if left out).",
    )

    @property
    def mark_age_us(self) -> int:
        """Age of a mark from which it deletes the block."""
        return self.delete_delay_us

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """What it deletes, and when, is for no delay of the scheme."""
        yield from super().obstacles(scenario)
        yield "another process deletes by delays of its own (beside)"

    def made(self, scenario: Scenario) -> "_CleansUp":
        """What runs the tool."""
        return _CleansUp(self, scenario)


class _CleansUp:
    """Whoever runs the tool, again and again."""

    name = "operator/cleanup"

    def __init__(self, spec: CleansUp, scenario: Scenario) -> None:
        self._every_us = spec.every_us
        self._scenario = scenario
        delay = {"delete_delay": format_duration(spec.delete_delay_us)}
        table = {"name": self.name, "kind": "deletion-mark", **delay}
        self._tool = DeletionMark.model_validate(table)
        age_us = spec.partial_age_us
        update = {} if age_us is None else {"partial_age_us": age_us}
        self._spec = scenario.compactor.model_copy(update=update)

    def start(self, parts: "Parts", *, rests: "Rests") -> None:
        parts["kernel"].spawn(self._run(parts, rests), at_us=self._every_us, phase=_PHASE)

    def _run(self, parts: "Parts", rests: "Rests") -> "Steps":
        from sim.core.ticker import Ticker
        from sim.model.actors.janitor import Exited
        from sim.model.actors.tool import clean_up, record_failure
        from sim.model.schemes import acting
        from sim.model.store.client import RequestFailed
        from sim.model.views.listing import SyncAborted

        kernel, every = parts["kernel"], Constant(value_us=self._every_us)
        start_us = kernel.now_us
        ticker = Ticker(every, parts["streams"], self.name, start_us=start_us)
        while True:
            scheme = acting(self._tool, self._scenario)
            try:
                yield from clean_up(self._spec, scheme, parts, rests=rests, phase=_PHASE)
            except (RequestFailed, SyncAborted, Exited) as failure:
                record_failure(failure, parts)
            end_us = kernel.now_us
            start_us = ticker.next_run_us(start_us, end_us)
            if start_us > end_us:
                yield kernel.sleep(start_us - end_us, _PHASE)
                start_us = kernel.now_us
