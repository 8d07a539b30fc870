"""The store deletes what is old by a rule of the bucket, whatever marks say (``SEMANTICS.md`` D19).

It is a second deleter of another kind: it knows objects and when they were written, and neither
blocks, nor marks, nor readers. Sources: Amazon S3 User Guide, Expiring objects (the age counts from
the creation of the object, and is rounded up to the next midnight UTC; actions of a lifecycle are
not replicated); Grafana Loki, docs on retention, which asks for a rule longer than the retention
with all that comes after it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import Field

from sim.core.kernel import Kernel, Phase
from sim.core.units import NEVER, format_duration
from sim.scenario.language.primitives import Besides, register
from sim.scenario.language.values import Longer
from sim.scenario.schema import Scenario
from sim.trace.records import RETIRE_REASONS, RetireRecord

if TYPE_CHECKING:
    from sim.model.blocks.catalog import Block
    from sim.model.parts import Parts
    from sim.model.rests import Rests
    from sim.model.store.transfer import Steps
    from sim.model.store.versions import Store
    from sim.trace.recorder import Recorder

__all__ = ["Lifecycle"]

_STORE: Final = "store"
_BY_STORE: Final = RETIRE_REASONS.index("lifecycle")
_PHASE: Final = Phase.FAULT.turn(1)
"""Before all actors, and after what goes wrong."""


@register("beside")
class Lifecycle(Besides):
    """The store deletes every object of a block a time after it was put."""

    source: ClassVar = "Amazon S3 User Guide, Expiring objects"
    kind: Literal["lifecycle"] = Field(
        "lifecycle", description="The store deletes what is old, whatever marks say."
    )
    after_us: Longer = Field(
        alias="after", description="Age of an object, from its put, at which the store deletes it."
    )
    every_us: Longer = Field(
        "1d",
        validate_default=True,
        alias="every",
        description="How often the store looks, from the beginning of the run.",
    )

    @property
    def spares_us(self) -> int:
        """Whatever is younger stays."""
        return self.after_us

    def name_of(self, t_us: int, age_us: int) -> str:
        """The store, at its instants, if the object was old enough: it acts before all others."""
        return _STORE if t_us % self.every_us == 0 and age_us >= self.after_us else ""

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """What grows that old in the run, and is read by then, goes whether it is retired or not.

        No object is older than the newest data of its block. So one that is as old as the oldest
        data that a query asks for, when it ends, is of a block that no query uses.
        """
        yield from super().obstacles(scenario)
        asked_us = max(q.offset_us + q.range_us + q.takes.longest_us for q in scenario.queries)
        if self.after_us < min(asked_us, scenario.horizon_us):
            after = format_duration(self.after_us)
            yield f"the store deletes what is {after} old, retired or not (beside)"

    def made(self, scenario: Scenario) -> "_Lifecycle":
        """What the store does in one run."""
        return _Lifecycle(self.after_us, self.every_us)


class _Lifecycle:
    """A rule of the bucket."""

    name = _STORE

    def __init__(self, after_us: int, every_us: int) -> None:
        self._after_us = after_us
        self._every_us = every_us

    def start(self, parts: "Parts", *, rests: "Rests") -> None:
        kernel, store = parts["kernel"], parts["client"].store
        steps = self._run(kernel, store, parts["recorder"])
        kernel.spawn(steps, at_us=self._every_us, phase=_PHASE)

    def _run(self, kernel: Kernel, store: "Store", recorder: "Recorder") -> "Steps":
        while True:
            now_us = kernel.now_us
            for block in store.catalog.blocks:
                if old := self._old(store, block, now_us):
                    if block.committed_us <= now_us and block.retired_us == NEVER:
                        block.retired_us = now_us
                        recorder.record(RetireRecord(now_us, block.index, _BY_STORE))
                    store.expire(block, old)
            yield kernel.sleep(self._every_us, _PHASE)

    def _old(self, store: "Store", block: "Block", now_us: int) -> tuple[int, ...]:
        """Objects that are as old as the rule says."""
        put_us, history = now_us - self._after_us, block.history
        return tuple(i for i in store.held_objects(block) if history[i][-1].ack_us <= put_us)
