"""Producers: each cuts a block every block length and uploads it (``SEMANTICS.md`` P1-P3)."""

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.laws import Law
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.schemes import Commits
from sim.model.store.client import Client, RequestFailed
from sim.model.store.transfer import Steps, upload
from sim.scenario.schema import Producers
from sim.trace.recorder import Recorder
from sim.trace.records import ErrorRecord


class Producer:
    """One stream of level-1 blocks, uploaded strictly in order.

    What it keeps on disk (the next ordinal, the block under way) survives a crash, unless
    that takes its memory.

    Attributes
    ----------
    phase : int
        In which it acts.
    """

    def __init__(
        self,
        stream: int,
        spec: Producers,
        *,
        kernel: Kernel,
        client: Client,
        streams: Streams,
        recorder: Recorder,
        commits: Commits | None = None,
    ) -> None:
        self._stream = stream
        self._spec = spec
        self._kernel = kernel
        self._client = client
        self._streams = streams
        self._recorder = recorder
        self._commits = commits
        # Those that commit to one manifest at an instant have an order (T2).
        self.phase = Phase.PRODUCER if commits is None else Phase.PRODUCER.turn(stream)
        self._ordinal = 0
        self._made: dict[int, Block] = {}
        self._forgets = spec.memory == "lost"

    def run(self) -> Steps:
        """The life of the producer, from wherever it stands."""
        kernel, spec = self._kernel, self._spec
        if self._forgets:
            gone_us = kernel.now_us - spec.kept_us
            self._ordinal = min(self._ordinal, max(0, gone_us // spec.block_length_us))
        while True:
            j = self._ordinal
            end_us = (j + 1) * spec.block_length_us
            ready_us = end_us + self._draw(spec.upload_after, "upload-after", j)
            if ready_us > kernel.now_us:
                yield kernel.sleep(ready_us - kernel.now_us, self.phase)
            block = self._made.get(j) or self._cut(j)
            gone_us = end_us + spec.kept_us if spec.unuploaded == "dropped" else NEVER
            try:
                yield from self._ship(block, gone_us)
            except RequestFailed as failure:
                what = f"{failure.args[0]} {failure.args[1]}"
                self._recorder.record(ErrorRecord(kernel.now_us, self._client.name, what))
                yield kernel.sleep(spec.retry_after_us, self.phase)
            else:
                self._ordinal = j + 1
                if not self._forgets:
                    del self._made[j]

    def close(self) -> None:
        """Now, at the horizon, cut what was dropped before it and never cut (P5)."""
        spec = self._spec
        if spec.unuploaded == "dropped":
            end_us = self._kernel.now_us - spec.kept_us
            for j in range(self._ordinal, -(-end_us // spec.block_length_us) - 1):
                if j not in self._made:
                    self._cut(j)

    def _ship(self, block: Block, gone_us: int) -> Steps:
        """Upload the block until it goes, unless its meta.json is there; raises RequestFailed."""
        client, now_us = self._client, self._kernel.now_us
        if now_us >= gone_us:
            return
        meta = client.store.catalog.meta_object
        client.tally.count("head", now_us)
        client.raise_if_failing("head", block, meta, now_us)
        is_there = client.head(block, meta, now_us)
        if not is_there:
            takes_us = self._draw(self._spec.upload_takes, "upload-takes", self._ordinal)
            takes_us = self._kernel.lasts_us(takes_us)
            yield from upload(block, client, self._kernel, self.phase, takes_us, until_us=gone_us)
        commits = self._commits
        if commits is None or not client.store.holds(block, meta):
            return
        # One that was left out since is not brought back.
        if not is_there or not commits.has_listed(client, block):
            commits.commit(client, self._kernel.now_us, new=[block], gone=[])

    def _draw(self, law: Law, purpose: str, j: int) -> int:
        return draw_us(law, self._streams, "producer", self._stream, purpose, j)

    def _cut(self, j: int) -> Block:
        length_us = self._spec.block_length_us
        block = self._client.store.catalog.create(
            stream=self._stream,
            resolution=0,
            min_us=j * length_us,
            max_us=(j + 1) * length_us,
            level=1,
            sources=() if self._spec.names == "nothing" else (j,),
            data=(j,),
            created_us=(j + 1) * length_us,
            size_bytes=self._spec.block_bytes,
        )
        self._recorder.record_all(block.records(self._kernel.now_us))
        self._made[j] = block
        return block
