"""Every notebook runs from its source, and what is committed was made from that source."""

from __future__ import annotations

import nbformat

from tests import notebooks


def test_every_notebook_runs() -> None:
    for source in notebooks.sources():
        notebooks.execute(source)


def test_every_notebook_is_made_from_its_source() -> None:
    made = sorted(notebooks.FOLDER.glob("*.ipynb"))
    assert [path.with_suffix(".py") for path in made] == notebooks.sources()
    for path in made:
        cells = nbformat.read(path, as_version=4).cells
        wanted = notebooks.read(path.with_suffix(".py")).cells
        assert [(c.cell_type, c.source) for c in cells] == [
            (c.cell_type, c.source) for c in wanted
        ], f"{path.name} is stale: make notebooks"
