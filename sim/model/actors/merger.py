"""What a compactor does with a plan: download, merge, upload, retire (``SEMANTICS.md`` C8, C14)."""

from collections.abc import Iterable, Sequence

from sim.core.laws import Law
from sim.model.actors.janitor import Exited, Janitor, fatal
from sim.model.blocks.catalog import Block, by_creation
from sim.model.store.transfer import IndexLacks, Steps, download, upload
from sim.trace.records import CompactRecord


class Halted(Exception):
    """The compactor met what it must not touch; ``args`` is the reason."""


class Merger(Janitor):
    """Makes one block of several."""

    def compact(self, parents: list[Block]) -> Steps:
        """Download, merge, upload and retire them; raises Halted, Exited or RequestFailed."""
        if self.spec.asks_index_size:
            self._ask_index_sizes(parents)
        lacking = yield from self.download(parents)
        if lacking:
            raise Halted(lacking)
        yield from self.make(parents, parents[0].resolution, self.spec.compaction_takes)
        yield from self.retire(parents, "compacted")

    def download(self, parents: list[Block]) -> Steps:
        """Read the parents; what the copies lack without a word, or nothing."""
        now_us = self.kernel.now_us
        names = self.download_names(parents)
        takes_us = self.draw(self.spec.download_takes, "download-takes", now_us, *names)
        try:
            return (
                yield from download(parents, self.view.client, self.kernel, self.phase, takes_us)
            )
        except IndexLacks as lack:
            raise Exited("listing lacks", *lack.args) from lack

    def make(self, parents: list[Block], resolution: int, law: Law) -> Steps:
        """Work, then upload a block made of ``parents``."""
        catalog = self.view.client.store.catalog
        size_bytes = round(sum(parent.bytes for parent in parents) * self.spec.size_ratio)
        block = catalog.create(
            stream=parents[0].stream,
            resolution=resolution,
            min_us=parents[0].min_us,
            max_us=max(parent.max_us for parent in parents),
            level=1 + max(parent.level for parent in parents),
            sources=_union(parent.sources for parent in parents),
            data=_union(parent.data for parent in parents),
            created_us=self.view.client.clock_us(self.kernel.now_us),
            size_bytes=size_bytes,
        )
        self.recorder.record_all(block.records(self.kernel.now_us))
        purpose = (
            "compaction-takes" if resolution == parents[0].resolution else "downsampling-takes"
        )
        yield from self.work(law, purpose, block.id)
        takes_us = self.draw(self.spec.upload_takes, "upload-takes", block.id)
        is_duplicate = any(t.committed_us <= self.kernel.now_us for t in catalog.twins(block))
        try:
            yield from upload(block, self.view.client, self.kernel, self.phase, takes_us)
        finally:
            if block.committed_us <= self.kernel.now_us:
                made_of = tuple(parent.index for parent in parents)
                self.recorder.record(
                    CompactRecord(self.kernel.now_us, block.index, made_of, int(is_duplicate))
                )
        replaces = resolution == parents[0].resolution
        self.commit([block], sorted(parents, key=by_creation) if replaces else [], "compacted")

    def download_names(self, parents: Sequence[Block]) -> tuple[str, ...]:
        """What else than its begin names the download of a plan."""
        return ()

    def _ask_index_sizes(self, plan: list[Block]) -> None:
        """HEAD the index of each planned block; how large it is does not matter here."""
        client, now_us = self.view.client, self.kernel.now_us
        index = client.store.catalog.index_object
        for block in plan:
            client.tally.count("head", now_us)
            with fatal():
                client.raise_if_failing("head", block, index, now_us)
            if not client.head(block, index, now_us):
                raise Exited("not-found", client.store.catalog.key(block, index))


def _union(parts: Iterable[Sequence[int]]) -> list[int]:
    return sorted({one for part in parts for one in part})
