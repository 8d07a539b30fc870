"""A component's place in a view that it may share with others."""

from sim.model.blocks.catalog import Block
from sim.model.views.listing import Instants
from sim.model.views.view import View


class Reader:
    """One component's place in a view, which several may share that would see the same."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._changes = len(view.log)
        self._metas = 0

    def sync(self, at: Instants) -> list[Block]:
        """Sync the view; the blocks that may have come or gone since this reader last asked.

        Raises as :meth:`View.sync`.
        """
        view, source = self.view, self.view.source
        view.sync(at)
        if source.is_shared:
            read = source.n_cached(source.metas_read[self._metas :])
            view.client.tally.count("get", at.check_us, read)
            self._metas = len(source.metas_read)
        return self.changes()

    def changes(self) -> list[Block]:
        """The blocks that may have come or gone since this reader last asked."""
        changed = self.view.log[self._changes :]
        self._changes = len(self.view.log)
        return changed
