"""Notebooks from their paired ``.py`` files: executed by a test, written by ``make notebooks``.

``notebooks/NAME.py`` (jupytext's percent format) is the source and is what a reader of a change
sees; ``NAME.ipynb`` beside it is made from it, outputs included, with the same bytes every time.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
# Where an object lives in memory differs between runs and says nothing.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def sources() -> list[Path]:
    """List the notebooks' source files, in order of name."""
    return sorted(FOLDER.glob("*.py"))


def read(source: Path) -> Any:
    """Make the notebook of a source file, without outputs and with the same cell ids every time."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return notebook


def execute(source: Path, timeout_s: int = 300) -> Any:
    """Make the notebook of a source file and run all its cells.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        With the traceback of the first cell that failed.
    """
    notebook = read(source)
    NotebookClient(
        notebook,
        timeout=timeout_s,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(source.parent)}},
    ).execute()
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            plain = output.get("data", {}).get("text/plain")
            if plain is not None:
                output["data"]["text/plain"] = _ADDRESS.sub("", plain)
    return notebook


def main() -> None:
    """Write every notebook anew."""
    for source in sources():
        nbformat.write(execute(source), source.with_suffix(".ipynb"))


if __name__ == "__main__":
    main()
