"""What the jobs of the compactor's process know of the bucket, and share (C2-C4)."""

from dataclasses import dataclass

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.streams import Streams
from sim.model.blocks.catalog import Block
from sim.model.rests import Account, Rests
from sim.model.schemes import Scheme
from sim.model.store.client import Client
from sim.model.store.transfer import Steps, until
from sim.model.views.listing import Bucket, Instants, SyncAborted
from sim.model.views.sharded import BucketOfShard
from sim.model.views.view import Filters, View
from sim.scenario.schema import Compactor as CompactorSpec


@dataclass(slots=True)
class _Flight:
    """A sync under way; whoever asks for one before it ends is given its outcome."""

    at: Instants
    end_us: int
    failure: SyncAborted | None = None


class Syncer:
    """One view of the bucket, and one sync of it at a time.

    Attributes
    ----------
    view : View
        What the last sync saw, from the instant on at which it read marks.
    partial : dict
        Blocks without a readable meta.json in the last sync that did not fail, by ordinal.
    is_cleaning : bool
        Whether somebody deletes partial blocks just now.
    rests : Rests
        Who sleeps through ticks; what they do is noted before anybody else does something.
    """

    def __init__(
        self,
        spec: CompactorSpec,
        scheme: Scheme,
        *,
        kernel: Kernel,
        client: Client,
        streams: Streams,
        rests: Rests,
        number: int | None = None,
        reads_no_compact: bool = False,
    ) -> None:
        is_partial = bool(spec.marked_are_partial)
        source = Bucket(client, marked_are_partial=is_partial)
        if number is not None and spec.n_shards > 1:
            source = BucketOfShard(client, spec.n_shards, number, marked_are_partial=is_partial)
        if scheme.commits is not None:
            source = scheme.commits.writer_source(client, marked_are_partial=is_partial)
        self.view = View(
            source,
            Filters(
                consistency_delay_us=spec.consistency_delay_us,
                mark_delay_us=scheme.hide.compactor_us,
                remembers_marks=spec.remember_marks,
                reads_no_compact=reads_no_compact,
            ),
        )
        self.rests = rests
        self.partial: dict[int, Block] = {}
        self.is_cleaning = False
        self._spec = spec
        self._kernel = kernel
        self._turn = Phase.SYNC.turn(number or 0)
        self._streams = streams
        self._flight: _Flight | None = None
        self._takes_no_time = spec.sync_takes.is_constant and not spec.sync_takes.draw_us(0.5)
        self._marks_told = 0

    def sync(self, phase: int) -> Steps:
        """Bring the view up to date, or wait for the sync under way.

        Raises
        ------
        SyncAborted
            If the view could not be had in full.
        """
        flight = self._flight
        if flight is None or flight.end_us <= self._kernel.now_us:
            flight = self._flight = self._begin()
            if flight.at.marks_us > flight.at.list_us:
                # Whoever acts at the instants of its stages has acted by then.
                yield from until(flight.at.marks_us, self._kernel, self._turn)
            if flight.failure is None:
                self._read(flight)
        if flight.end_us > self._kernel.now_us:
            yield from until(flight.end_us, self._kernel, phase)
        if flight.failure is not None:
            raise SyncAborted(*flight.failure.args)

    def stays_until_us(self) -> int:
        """Until when a sync finds what the last one found, unless the store is changed; 0: now."""
        return self.view.stays_until_us() if self._takes_no_time else 0

    def repeats(self, *, times: int, looks: bool) -> Account:
        """What notes so many syncs at each tick, one after the other, that find nothing new.

        With ``looks`` somebody looks for what is due, after the first of them.
        """
        view, client = self.view, self.view.client
        sees = view.sees()

        def account(ticks: range) -> None:
            view.repeat(sees, ticks, times=times)
            client.tally.pass_each(client.name, ticks, sees.n_listed, syncs=times, looks=looks)

        return account

    @property
    def has_told_all(self) -> bool:
        """Whether no mark became known since somebody last looked for what is due."""
        return self._marks_told == len(self.view.learnt)

    def tell_marks(self, t_us: int) -> None:
        """Note that somebody looks for what is due at ``t_us``, and which marks are known."""
        self.rests.settle()
        self.view.client.tally.look(t_us, self.view.learnt[self._marks_told :])
        self._marks_told = len(self.view.learnt)

    def _begin(self) -> _Flight:
        kernel, now_us = self._kernel, self._kernel.now_us
        if self._takes_no_time:
            return _Flight(Instants(now_us, now_us, now_us), now_us)
        identity = (self.view.client.name, "sync-takes", now_us)
        takes_us = kernel.lasts_us(draw_us(self._spec.sync_takes, self._streams, *identity))
        timeout_us, stages = self._spec.sync_timeout_us, self._spec.sync_stages
        if 0 < timeout_us < takes_us:
            at = Instants(list_us=now_us, check_us=now_us, marks_us=now_us)
            return _Flight(at, kernel.due_us(now_us + timeout_us), SyncAborted("timeout"))
        at = Instants(
            list_us=now_us,
            check_us=kernel.due_us(now_us + int(takes_us * stages.check)),
            marks_us=kernel.due_us(now_us + int(takes_us * stages.marks)),
        )
        return _Flight(at, kernel.due_us(now_us + takes_us))

    def _read(self, flight: _Flight) -> None:
        client, source = self.view.client, self.view.source
        self.rests.settle()
        try:
            self.view.sync(flight.at)
        except SyncAborted as abort:
            flight.failure = abort
            return
        at = flight.at
        client.tally.sync(client.name, at.marks_us, at.list_us, len(source.listed))
        if source.is_incomplete:
            flight.failure = SyncAborted("meta")
        elif source.partial and self._spec.without_meta == "fails":
            flight.failure = SyncAborted("no-meta")
        else:
            self.partial = dict(source.partial)
