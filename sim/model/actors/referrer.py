"""Referrers: sessions that reference again what is being collected (``SEMANTICS.md`` R)."""

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.model.blocks.catalog import Block, by_creation
from sim.model.schemes import HearsOfSessions, Scheme
from sim.model.store.client import Client, RequestFailed
from sim.model.store.references import Committed, object_of
from sim.model.store.transfer import Steps
from sim.scenario.schema import Scenario
from sim.trace.recorder import Recorder
from sim.trace.records import ReferenceRecord


class Referrer:
    """One writer, session after session.

    Parameters
    ----------
    number : int
        Which it is, from 0.
    scenario : Scenario
        With a table that says how all of them work.
    """

    def __init__(
        self,
        number: int,
        scenario: Scenario,
        scheme: Scheme,
        *,
        kernel: Kernel,
        client: Client,
        streams: Streams,
        recorder: Recorder,
    ) -> None:
        assert scenario.referrers is not None
        self._number = number
        self._spec = scenario.referrers
        self._retention_us = scenario.compactor.retention_us[0]
        self._mark_age_us = scheme.hide.gateways_us
        self._hears = scheme.hold if isinstance(scheme.hold, HearsOfSessions) else None
        self._kernel = kernel
        self._client = client
        self._streams = streams
        self._recorder = recorder
        self._blocks: frozenset[int] = frozenset()

    def start(self) -> None:
        """Let its first session begin, at a time that is drawn."""
        at_us = self._drawn(int(self._spec.every.mean), "phase")
        self._kernel.spawn(self._run(), at_us=at_us, phase=Phase.GATEWAY)

    def _run(self) -> Steps:
        """Look, work and commit, beginning now and at every tick."""
        kernel, spec, name = self._kernel, self._spec, self._client.name
        start_us = kernel.now_us
        ticker = Ticker(spec.every, self._streams, name, start_us=start_us)
        while True:
            wanted = self._wanted(start_us)
            found = wanted if wanted is not None and self._finds(wanted, start_us) else None
            if not self._may_rely(found, start_us):
                found = None
            takes_us = draw_us(spec.takes, self._streams, name, "takes", start_us)
            if takes_us:
                yield kernel.sleep(takes_us, Phase.GATEWAY)
            end_us = kernel.now_us
            if found and spec.verifies and not self._finds(found, end_us):
                found = None
            self._commit(found, start_us)
            start_us = ticker.next_run_us(start_us, end_us)
            if start_us > end_us:
                yield kernel.sleep(start_us - end_us, Phase.GATEWAY)

    def _may_rely(self, found: Block | None, start_us: int) -> bool:
        """Tell the scheme that a session begins, if it asks; whether what it found will stay."""
        hears, client = self._hears, self._client
        return hears is None or hears.session_began(client, self._number, found, start_us)

    def _drawn(self, n: int, *purpose: str | int) -> int:
        """One of so many, from 0, each as likely."""
        return int(self._streams.uniform(self._client.name, *purpose) * n)

    def _wanted(self, start_us: int) -> Block | None:
        """The content that a session wants of what has expired; None if it wants nothing old."""
        name, spec = self._client.name, self._spec
        if not self._streams.happens(spec.wants, name, "wants", start_us):
            return None
        since_us = start_us - self._retention_us
        expired = [
            block
            for block in self._client.store.catalog.blocks
            if since_us - spec.within_us < block.max_us <= since_us
            and block.resolution == 0
            and block.committed_us <= start_us
        ]
        if not expired:
            return None
        expired.sort(key=by_creation)
        return expired[self._drawn(len(expired), "what", start_us)]

    def _finds(self, block: Block, t_us: int) -> bool:
        """Whether it takes the content for present, by what it knows then."""
        client, catalog = self._client, self._client.store.catalog
        client.tally.count("head", t_us)
        known_us = self._known_us(t_us)
        if known_us < 0 or client.get_unremembered(block, catalog.meta_object, known_us) is None:
            return False
        if self._mark_age_us is None:
            return True
        client.tally.count("get", t_us)
        mark = client.get_unremembered(block, catalog.mark_object, known_us)
        stamp_us = None if mark is None else mark.told_us
        return stamp_us is None or client.clock_us(known_us) - stamp_us <= self._mark_age_us

    def _known_us(self, t_us: int) -> int:
        """Of when it is what a referrer knows; below 0: it knows nothing yet."""
        period_us = self._spec.refresh_us
        if not period_us:
            return t_us
        return t_us - (t_us - self._drawn(period_us, "refresh")) % period_us

    def _commit(self, block: Block | None, begun_us: int) -> None:
        """Put all that was ever referenced, and when this session began."""
        own, now_us = object_of(self._client, self._number), self._kernel.now_us
        new = self._blocks if block is None else self._blocks | {block.index}
        n_versions = len(own)
        try:
            self._client.put_own(own, Committed(new, begun_us), now_us)
        except RequestFailed:
            if len(own) == n_versions:
                return
        self._blocks = new
        if block is not None:
            record = ReferenceRecord(now_us, block.index, self._number, begun_us)
            self._recorder.record(record)
