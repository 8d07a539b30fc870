"""Who retires and deletes, and what all jobs of the compactor's process do (C2-C4, C9, C11)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.laws import Constant, Law
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.core.units import NEVER, US_PER_S
from sim.model.actors.syncer import Syncer
from sim.model.actors.timekeeper import SkewSeen, check_clock
from sim.model.blocks.catalog import Block, by_creation
from sim.model.rests import Account
from sim.model.schemes import Scheme
from sim.model.store.client import RequestFailed
from sim.model.store.transfer import Steps, delete, delete_all, last_listed_us
from sim.model.views.listing import SyncAborted
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
    """A job of the compactor's process: it may sync, retire and delete.

    Parameters
    ----------
    number : int or None
        Which compactor's it is, where there are several.

    Attributes
    ----------
    owner : str
        Whose it is: the name that draws are made in.
    deletes : bool
        Whether the job may delete, so that a wrong clock does harm.
    """

    name = "compactor"
    phase: int = Phase.COMPACTOR
    deletes = True

    def __init__(
        self,
        spec: CompactorSpec,
        scheme: Scheme,
        *,
        syncer: Syncer,
        kernel: Kernel,
        streams: Streams,
        recorder: Recorder,
        number: int | None = None,
    ) -> None:
        self.owner = "compactor"
        if number is not None:
            self.owner, self.name = f"compactor/{number}", f"{self.name}/{number}"
            self.phase = Phase(self.phase).turn(number)
        self.spec = spec
        self.scheme = scheme
        self.syncer = syncer
        self.view = syncer.view
        self.kernel = kernel
        self.recorder = recorder
        self.streams = streams

    def run(self) -> Steps:
        """Do the job until the end of the process; raises what ends it."""
        raise NotImplementedError

    def sync(self) -> Steps:
        """Bring the view up to date; raises SyncAborted if it could not be had in full."""
        yield from self.syncer.sync(self.phase)

    def work(self, law: Law, purpose: str, subject: str | int) -> Steps:
        """Be busy for a time drawn from ``law``."""
        takes_us = self.draw(law, purpose, subject)
        if takes_us:
            yield self.kernel.sleep(takes_us, self.phase)

    def draw(self, law: Law, purpose: str, *subject: str | int) -> int:
        """How long a piece of work takes that begins now, in microseconds."""
        takes_us = draw_us(law, self.streams, self.owner, purpose, *subject)
        return self.kernel.lasts_us(takes_us)

    def retire(self, blocks: Iterable[Block], why: str) -> Steps:
        """Declare blocks obsolete, oldest first, in the way of the scheme."""
        scheme, view = self.scheme, self.view
        self.syncer.rests.settle()
        blocks = sorted(blocks, key=by_creation)
        self.commit((), blocks, why)
        for block in blocks:
            now_us = self.kernel.now_us
            try:
                scheme.record.write(block, view, now_us, why)
            finally:
                is_retired = self._note_retired(block, why)
            if is_retired and scheme.delete.is_immediate and scheme.hold.may_delete(block, now_us):
                yield from self.remove(block)

    def commit(self, new: Sequence[Block], gone: Sequence[Block], why: str) -> None:
        """Tell of blocks that come, and of others that are retired by that, where one tells."""
        if self.scheme.commits is None:
            return
        try:
            now_us = self.kernel.now_us
            self.scheme.commits.commit(self.view.client, now_us, new=new, gone=gone)
        finally:
            for block in gone:
                self._note_retired(block, why)

    def _note_retired(self, block: Block, why: str) -> bool:
        """Whether a block counts as retired; if it does so from now on, that is recorded."""
        now_us = self.kernel.now_us
        is_retired = self.scheme.record.is_written(block, self.view)
        if is_retired and block.retired_us > now_us:
            block.retired_us = now_us
            reason = RETIRE_REASONS.index(why)
            self.recorder.record(RetireRecord(now_us, block.index, reason))
        return is_retired

    def remove(self, block: Block) -> Steps:
        """Delete what is left of a block."""
        takes_us = self._delete_takes_us(block)
        yield from delete(block, self.view.client, self.kernel, self.phase, takes_us)

    def delete_marked(self) -> Steps:
        """Look for what is due and delete it; as :meth:`delete_due`."""
        if not self.scheme.delete.is_immediate:
            self.syncer.tell_marks(self.kernel.now_us)
        return (yield from self.delete_due())

    def delete_due(self) -> Steps:
        """Delete what the scheme says is due; return the ordinals deleted.

        Raises
        ------
        Exited
            If a request failed; all others have been deleted by then.
        """
        scheme, now_us, view = self.scheme, self.kernel.now_us, self.view
        due = scheme.delete.due(scheme.record, view, now_us)
        if due:
            scheme.hold.look(view.client, now_us)
            due = [block for block in due if scheme.hold.may_delete(block, now_us)]
        if due:
            failures = yield from delete_all(
                due,
                view.client,
                self.kernel,
                self.phase,
                workers=1 if scheme.rate_per_s else self.spec.delete_workers,
                takes_us=self._delete_takes_us,
            )
            if failures:
                raise Exited(*failures[0].args)
        scheme.learn.publish(view, self.kernel.now_us)
        return {block.index for block in due}

    def clean_partial(self) -> Steps:
        """Delete uploads that were begun or touched long ago and are not committed (C11).

        As Thanos 0.12.0 did it they are marked, and left for who looks for marks of such blocks:
        nobody does.
        """
        shared, marks = self.syncer, self.spec.partial_cleanup == "mark"
        if shared.is_cleaning:
            return
        shared.is_cleaning = True
        for block in sorted(shared.partial.values(), key=by_creation):
            is_retired = block.index in self.view.marks or self.scheme.record.remembers(block)
            try:
                if is_retired or not self._is_abandoned(block):
                    continue
                if marks:
                    shared.rests.settle()
                    self.view.mark(block, self.kernel.now_us)
                else:
                    yield from self.remove(block)
            except RequestFailed:
                continue
        shared.is_cleaning = False

    def repeat(self, job: Callable[[], Steps], interval: Law) -> Steps:
        """Do ``job`` now and at every tick of ``interval``; a failed request ends one of them."""
        start_us = self.kernel.now_us
        ticker = Ticker(interval, self.streams, self.name, start_us=start_us)
        guard_us = self.spec.clock_guard_us if self.deletes else None
        is_steady = self.kernel.is_steady and ticker.period_us
        may_rest = self.syncer.rests.are_allowed and is_steady and guard_us is None
        while True:
            rests_until_us = 0
            try:
                if guard_us is not None:
                    check_clock(self.view.client, guard_us, self.kernel.now_us)
                yield from job()
                if may_rest:
                    rests_until_us = self.rests_until_us()
            except (RequestFailed, SyncAborted, SkewSeen) as failure:
                self.record_error(*failure.args)
            end_us = self.kernel.now_us
            start_us = ticker.next_run_us(start_us, end_us)
            if start_us > end_us:
                if rests_until_us > start_us:
                    yield from self.syncer.rests.rest(
                        start_us,
                        ticker.period_us,
                        rests_until_us,
                        phase=self.phase,
                        account=self.finds_nothing(),
                    )
                else:
                    yield self.kernel.sleep(start_us - end_us, self.phase)
                start_us = self.kernel.now_us

    def rests_until_us(self) -> int:
        """Until when the job finds nothing at its ticks; 0: not now.

        A change of the store ends that as well.
        """
        return 0

    def finds_nothing(self) -> Account:
        """What notes what the job does at ticks at which it finds nothing."""
        raise NotImplementedError

    def _cleans_from_us(self) -> int:
        """From when on there may be a partial block to delete, of those that are known; 0: now."""
        spec, store = self.spec, self.view.client.store
        from_us = NEVER
        if spec.partial_age_from == "listed" and self.syncer.partial:
            return 0
        for block in self.syncer.partial.values():
            held = store.held_objects(block)
            if not held:
                return 0
            from_us = min(from_us, self._since_us(block, held) + spec.partial_age_us + 1)
        return from_us

    def _deletes_from_us(self) -> int:
        """From when on a marked block may be due; 0: now, or nobody but the scheme can tell."""
        delay_us = self.scheme.due_after_us
        if delay_us is None:
            return 0
        if self.scheme.delete.is_immediate:
            return NEVER
        if not self.syncer.has_told_all:
            return 0
        return NEVER if delay_us == NEVER else self.view.next_due_us(delay_us)

    def record_error(self, *what: object) -> None:
        """Record that work ended early, and on what."""
        text = " ".join(str(part) for part in what)
        self.recorder.record(ErrorRecord(self.kernel.now_us, self.name, text))

    def _delete_takes_us(self, block: Block) -> int:
        rate_per_s = self.scheme.rate_per_s
        if rate_per_s is not None:
            n_objects = len(self.view.client.store.held_objects(block))
            return self.kernel.lasts_us(ceil(n_objects * US_PER_S / rate_per_s))
        return self.draw(self.spec.delete_takes, "delete-takes", block.id)

    def _is_abandoned(self, block: Block) -> bool:
        held = self.view.client.store.held_objects(block)
        if not held:
            return False
        age_us = self.view.client.clock_us(self.kernel.now_us) - self._since_us(block, held)
        return age_us > self.spec.partial_age_us

    def _since_us(self, block: Block, held: tuple[int, ...]) -> int:
        """Since when a partial block is old, of which some objects are there."""
        if self.spec.partial_age_from == "modified":
            return max(block.history[i][-1].ack_us for i in held)
        if self.spec.partial_age_from == "listed":
            return last_listed_us(block, self.view.client, self.kernel.now_us)
        return block.created_us


class Cleaner(Janitor):
    """Deletes marked and partial blocks beside the passes, as Thanos did from 0.17 to 0.39."""

    name = "cleaner"
    phase = Phase.CLEANER

    def run(self) -> Steps:
        """Sync and delete at every tick."""
        yield from self.repeat(self._round, Constant(value_us=self.scheme.cleanup.every_us))

    def _round(self) -> Steps:
        yield from self.sync()
        yield from self.clean_partial()
        yield from self.delete_marked()

    def rests_until_us(self) -> int:
        """Until something shows, or may be deleted."""
        times_us = (self.syncer.stays_until_us(), self._cleans_from_us(), self._deletes_from_us())
        return min(times_us)

    def finds_nothing(self) -> Account:
        """One sync, and a look where something is deleted later."""
        return self.syncer.repeats(times=1, looks=not self.scheme.delete.is_immediate)


class Sweeper(Janitor):
    """Deletes partial blocks beside the passes, by what the last sync of another job found."""

    name = "cleaner"
    phase = Phase.CLEANER

    def run(self) -> Steps:
        """Delete at every tick."""
        yield from self.repeat(self.clean_partial, Constant(value_us=self.spec.cleanup_interval_us))
