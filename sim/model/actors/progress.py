"""A job of the compactor's process that only looks (``SEMANTICS.md`` C2)."""

from sim.core.kernel import Phase
from sim.core.laws import Constant
from sim.model.actors.janitor import Janitor
from sim.model.rests import Account
from sim.model.store.transfer import Steps


class Progress(Janitor):
    """Syncs beside the passes, to tell how far they are: the others know of it what it saw."""

    name = "progress"
    phase = Phase.PROGRESS
    deletes = False

    def run(self) -> Steps:
        """Sync at every tick."""
        yield from self.repeat(self.sync, Constant(value_us=self.spec.progress_interval_us))

    def rests_until_us(self) -> int:
        """Until something shows."""
        return self.syncer.stays_until_us()

    def finds_nothing(self) -> Account:
        """One sync."""
        return self.syncer.repeats(times=1, looks=False)
