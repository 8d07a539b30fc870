"""Who retires and deletes: what compactor and cleaner share, and the cleaner (C2-C4, C9)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.laws import Law
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.model.blocks.catalog import Block, by_creation
from sim.model.schemes import Scheme
from sim.model.store.client import Client, RequestFailed
from sim.model.store.transfer import Steps, delete
from sim.model.views.listing import Bucket, Instants, SyncAborted
from sim.model.views.reader import Reader
from sim.model.views.view import Filters, View
from sim.scenario.schema import Compactor as CompactorSpec
from sim.trace.recorder import Recorder
from sim.trace.records import RETIRE_REASONS, ErrorRecord, RetireRecord


class Exited(Exception):
    """The process came to an end that its supervisor answers with a new one; ``args``: why."""


@contextmanager
def fatal() -> Iterator[None]:
    """Turn a failed request into the end of the process."""
    try:
        yield
    except RequestFailed as failure:
        raise Exited(*failure.args) from failure


class Janitor:
    """What compactor and cleaner share: a view of the bucket, retiring and deleting."""

    phase = Phase.COMPACTOR

    def __init__(
        self,
        spec: CompactorSpec,
        scheme: Scheme,
        *,
        kernel: Kernel,
        client: Client,
        streams: Streams,
        recorder: Recorder,
    ) -> None:
        self.spec = spec
        self.scheme = scheme
        self.kernel = kernel
        self.recorder = recorder
        self.streams = streams
        self.view = View(
            Bucket(client),
            Filters(
                consistency_delay_us=spec.consistency_delay_us,
                mark_delay_us=scheme.hide.compactor_us,
            ),
        )
        self._reader = Reader(self.view)
        self._marks_told = 0

    def sync(self) -> Steps:
        """Read everything now, take the view when the sync ends.

        Raises
        ------
        SyncAborted
            If the view could not be had in full.
        """
        now_us = self.kernel.now_us
        takes_us = draw_us(
            self.spec.sync_takes, self.streams, self.view.client.name, "sync-takes", now_us
        )
        aborted: SyncAborted | None = None
        try:
            self.absorb(
                self._reader.sync(Instants(list_us=now_us, check_us=now_us, marks_us=now_us))
            )
        except SyncAborted as abort:
            aborted = abort
        else:
            client, source = self.view.client, self.view.source
            client.tally.sync(client.name, now_us, now_us, source.n_listed)
        if takes_us:
            yield self.kernel.sleep(takes_us, self.phase)
        if aborted is not None:
            raise aborted
        if self.view.source.is_incomplete:
            raise SyncAborted("meta")

    def absorb(self, changed: Iterable[Block]) -> None:
        """Act on the blocks that a sync brought or took; nothing to do here."""

    def work(self, law: Law, purpose: str, subject: str | int) -> Steps:
        """Be busy for a time drawn from ``law``."""
        takes_us = self.draw(law, purpose, subject)
        if takes_us:
            yield self.kernel.sleep(takes_us, self.phase)

    def draw(self, law: Law, purpose: str, subject: str | int) -> int:
        """How long a piece of work takes, in microseconds."""
        return draw_us(law, self.streams, "compactor", purpose, subject)

    def retire(self, blocks: Iterable[Block], why: str) -> Steps:
        """Declare blocks obsolete, oldest first, in the way of the scheme."""
        for block in sorted(blocks, key=by_creation):
            now_us = self.kernel.now_us
            try:
                self.scheme.record.write(block, self.view, now_us)
            finally:
                if block.retired_us > now_us and self.scheme.record.is_written(block, self.view):
                    block.retired_us = now_us
                    reason = RETIRE_REASONS.index(why)
                    self.recorder.record(RetireRecord(now_us, block.index, reason))
            if self.scheme.delete.is_immediate:
                yield from self.remove(block)

    def remove(self, block: Block) -> Steps:
        """Delete what is left of a block."""
        takes_us = self.draw(self.spec.delete_takes, "delete-takes", block.id)
        yield from delete(block, self.view.client, self.kernel, self.phase, takes_us)

    def delete_marked(self) -> Steps:
        """Delete what the scheme says is due; return the ordinals deleted."""
        scheme, now_us, view = self.scheme, self.kernel.now_us, self.view
        if not scheme.delete.is_immediate:
            view.client.tally.look(now_us, view.learnt[self._marks_told :])
            self._marks_told = len(view.learnt)
        due = [
            block
            for block in scheme.delete.due(view, now_us)
            if scheme.hold.may_delete(block, now_us)
        ]
        for block in due:
            yield from self.remove(block)
        scheme.listing.publish(view, self.kernel.now_us)
        return {block.index for block in due}

    def repeat(self, job: Callable[[], Steps], interval: Law) -> Steps:
        """Do ``job`` now and at every tick of ``interval``; a failed request ends one of them."""
        name = self.view.client.name
        start_us = self.kernel.now_us
        ticker = Ticker(interval, self.streams, name, start_us=start_us)
        while True:
            try:
                yield from job()
            except (RequestFailed, SyncAborted) as failure:
                self.record_error(*failure.args)
            end_us = self.kernel.now_us
            start_us = ticker.next_run_us(start_us, end_us)
            if start_us > end_us:
                yield self.kernel.sleep(start_us - end_us, self.phase)

    def record_error(self, *what: object) -> None:
        """Record that work ended early, and on what."""
        text = " ".join(str(part) for part in what)
        self.recorder.record(ErrorRecord(self.kernel.now_us, self.view.client.name, text))


class Cleaner(Janitor):
    """A job of its own that deletes marked blocks, as Thanos had from 0.17 to 0.39."""

    phase = Phase.CLEANER

    def run(self, every: Law) -> Steps:
        """Sync and delete at every tick of ``every``."""
        yield from self.repeat(self._round, every)

    def _round(self) -> Steps:
        yield from self.sync()
        yield from self.delete_marked()
