"""A querier that checks its answers against an index of the bucket (S11).

What the index lists must have been answered from by some gateway, or the query is an error instead
of a silent gap. Two windows leave room for readers that know less, or more, than the querier: a
young block need not be there yet, one that was marked a while ago need not be there any more
(``SEMANTICS.md`` D11, Q7). Source: Cortex PR 2593, pkg/querier/blocks_consistency_checker.go; for
windows that overlap: Mimir PR 9224.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from sim.core.kernel import Kernel, Phase
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.store.client import Client, RequestFailed
from sim.model.store.transfer import Steps
from sim.scenario.language.primitives import Checks, Demands, register
from sim.scenario.language.values import Duration, Longer
from sim.scenario.schema import Scenario
from sim.schemes.bucket_index import BUCKET_INDEX, Index
from sim.trace.recorder import Recorder
from sim.trace.records import ExpectRecord

__all__ = ["Complete"]


@register("check")
class Complete(Checks):
    """A query is an error if no gateway has loaded a block that must be there."""

    source: ClassVar = "Cortex PR 2593"
    refuses: ClassVar = {"learn": ("listing", "manifest"), "miss": ("tolerate", "warn", "resync")}
    answers_in_full: ClassVar = True
    kind: Literal["bucket-index"] = Field(
        "bucket-index", description="Against the index; what should be there and is not, fails it."
    )
    required_after_us: Duration = Field(
        alias="required_after", description="Age of an upload from which a block must be there."
    )
    optional_after_us: Duration = Field(
        alias="optional_after", description="Age of a mark from which a block need not be there."
    )
    interval_us: Longer = Field(
        "15m",
        validate_default=True,
        alias="interval",
        description="How often the querier reads the index.",
    )

    @property
    def demands(self) -> Demands:
        """The two ages."""
        return Demands(self.required_after_us, self.optional_after_us)

    def made(self, scenario: Scenario) -> "_Querier":
        """A querier that has not read the index yet."""
        return _Querier(self.interval_us)

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """The querier may know of blocks that readers do not know of."""
        yield "a querier may ask for blocks that readers do not know yet, or no longer (check)"


class _Querier:
    """Reads the index, and writes down what it says."""

    def __init__(self, interval_us: int) -> None:
        self._interval_us = interval_us

    def phase_us(self, streams: Streams) -> int:
        return int(streams.uniform("querier", "phase") * self._interval_us)

    def run(self, client: Client, kernel: Kernel, recorder: Recorder) -> Steps:
        own = client.store.own(BUCKET_INDEX)
        known: Index = {}
        while True:
            now_us = kernel.now_us
            client.tally.count("get", now_us)
            try:
                index: Index = client.get_own(own, now_us) or {}
            except RequestFailed:
                index = known
            news = sorted(i for i in index if index[i] != known.get(i))
            gone = sorted(i for i in known if i not in index)
            if news or gone:
                stamps_us = (index[i].stamp_us for i in news)
                recorder.record(
                    ExpectRecord(
                        now_us,
                        tuple(news),
                        tuple(index[i].uploaded_us for i in news),
                        tuple(NEVER if t_us is None else t_us for t_us in stamps_us),
                        tuple(gone),
                    )
                )
            known = index
            yield kernel.sleep(self._interval_us, Phase.GATEWAY)
