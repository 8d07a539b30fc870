"""Every notebook runs from its source, and what is committed was made from that source."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests import notebooks


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda source: source.stem)
def test_every_notebook_runs(source: Path) -> None:
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
