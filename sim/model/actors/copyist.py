"""Tools that put blocks into the bucket: rewrite, upload (``SEMANTICS.md`` O9, O10)."""

from collections.abc import Sequence

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.laws import Law
from sim.core.streams import Streams
from sim.model.actors.janitor import Exited
from sim.model.blocks.catalog import Block
from sim.model.store.client import Client
from sim.model.store.transfer import IndexLacks, Steps, download, until, upload
from sim.scenario.language.interventions import UploadBlocks
from sim.scenario.schema import Scenario
from sim.trace.recorder import Recorder


class Copyist:
    """Makes blocks of others, or of data from elsewhere.

    Parameters
    ----------
    scenario : Scenario
        How long it takes: tools share the settings of the compactor.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        kernel: Kernel,
        client: Client,
        streams: Streams,
        recorder: Recorder,
    ) -> None:
        self._spec = scenario.compactor
        self._producers = scenario.producers
        self._kernel = kernel
        self._client = client
        self._catalog = client.store.catalog
        self._streams = streams
        self._recorder = recorder

    def rewrite(self, old: Block) -> Steps:
        """Download a block, and upload one of the same data that names itself.

        Raises
        ------
        RequestFailed
            If a request failed.
        Exited
            If the copy lacks a file.
        """
        spec, now_us = self._spec, self._kernel.now_us
        takes_us = draw_us(
            spec.download_takes, self._streams, self._client.name, "download-takes", now_us
        )
        try:
            lacking = yield from download(
                [old], self._client, self._kernel, Phase.OPERATOR, takes_us
            )
        except IndexLacks as lack:
            raise Exited("listing lacks", *lack.args) from lack
        if lacking:
            raise Exited(lacking)
        block = self._catalog.create(
            stream=old.stream,
            resolution=old.resolution,
            min_us=old.min_us,
            max_us=old.max_us,
            level=old.level,
            sources=(self._catalog.new_name(),),
            data=old.data,
            created_us=self._client.clock_us(self._kernel.now_us),
            size_bytes=old.bytes,
            is_by_hand=True,
        )
        self._recorder.record_all(block.records(self._kernel.now_us))
        takes_us = self._draw(spec.compaction_takes, "compaction-takes", block)
        yield from until(self._kernel.now_us + takes_us, self._kernel, Phase.OPERATOR)
        yield from self._upload(block)

    def upload(self, tool: UploadBlocks) -> Steps:
        """Upload blocks with the data of a stream; raises RequestFailed."""
        length_us = self._producers.block_length_us
        for j in self._ended(tool):
            block = self._catalog.create(
                stream=tool.stream,
                resolution=0,
                min_us=j * length_us,
                max_us=(j + 1) * length_us,
                level=1,
                sources=() if tool.names == "nothing" else (self._catalog.new_name(),),
                data=(j,),
                created_us=(j + 1) * length_us,
                size_bytes=self._producers.block_bytes,
                is_by_hand=True,
            )
            self._recorder.record_all(block.records(self._kernel.now_us))
            yield from self._upload(block)

    def _ended(self, tool: UploadBlocks) -> Sequence[int]:
        """Ordinals of the blocks that are to be uploaded."""
        ends_us = self._client.clock_us(self._kernel.now_us) - tool.older_than_us
        ordinals = range(ends_us // self._producers.block_length_us)
        return {"all": ordinals, "oldest": ordinals[:1], "newest": ordinals[-1:]}[tool.which]

    def _upload(self, block: Block) -> Steps:
        takes_us = self._draw(self._spec.upload_takes, "upload-takes", block)
        yield from upload(block, self._client, self._kernel, Phase.OPERATOR, takes_us)

    def _draw(self, law: Law, purpose: str, block: Block) -> int:
        return draw_us(law, self._streams, "compactor", purpose, block.id)
