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

    @property
    def has_read_all(self) -> bool:
        """Whether no block has come or gone, nor a meta.json been read, since it last asked."""
        view, metas_read = self.view, self.view.source.metas_read
        is_ahead = self.view.source.is_shared and self._metas < len(metas_read)
        return self._changes == len(view.log) and not is_ahead

    def changes(self) -> list[Block]:
        """The blocks that may have come or gone since this reader last asked."""
        changed = self.view.log[self._changes :]
        self._changes = len(self.view.log)
        return changed
