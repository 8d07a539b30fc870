"""A component's place in a view that it may share with others."""

from sim.model.catalog import Block
from sim.model.view import Instants, View


class Reader:
    """One component's place in a view, which several may share that would see the same."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._changes = len(view.log)
        self._metas = 0

    def sync(self, at: Instants) -> list[Block]:
        """Sync the view; the blocks that may have come or gone since this reader's last sync.

        Raises as :meth:`View.sync`.
        """
        view = self.view
        view.sync(at)
        if view.is_shared:
            read = view.n_cached(view.metas_read[self._metas :])
            view.client.tally.count("get", at.check_us, read)
            self._metas = len(view.metas_read)
        changed = view.log[self._changes :]
        self._changes = len(view.log)
        return changed
