"""Names of the files a bundle may hold, apart so that knowing them loads no plotting."""

from typing import Final

__all__ = ["FIGURES", "FILES", "MARKER"]

MARKER: Final = "result.json"
"""The file by which a folder is known to be a bundle."""

FIGURES: Final = ("outcomes", "deletion", "windows")

FILES: Final = (
    MARKER,
    "result.csv",
    *(f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")),
)
