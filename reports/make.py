"""Makes the reports, each a folder of a page, figures and data: ``python -m reports.make [NAME]``.

Equal programs give equal bytes. What else stands in ``reports/`` is made by ``sim``, see the
Makefile.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from reports import delays, incidents, matrix, stores, systems, verification
from sim.atomic import work_folder

HERE: Final = Path(__file__).parent
REPORTS: Final[Mapping[str, Callable[[], Iterator[tuple[str, bytes]]]]] = {
    "delays-judged": delays.files,
    "incidents-2018-2020": incidents.files,
    "stores": stores.files,
    "systems": systems.files,
    "thanos-matrix": matrix.files,
    "verification": verification.files,
}
WHEN_ASKED: Final = ("thanos-matrix",)
"""Reports that take many minutes, and are only made by their names."""


def make(name: str, folder: Path = HERE) -> None:
    """Write one report below a folder; it takes the place of the one before in one step."""
    target = (folder / name).resolve()
    with work_folder(target) as work, work.replacement(is_own=lambda _: True) as fresh:
        for file, content in REPORTS[name]():
            (fresh / file).write_bytes(content)


def main(names: list[str]) -> int:
    """Write the reports of these names, or all that take no more than minutes."""
    unknown = [name for name in names if name not in REPORTS]
    if unknown:
        sys.stderr.write(f"no report {', '.join(unknown)}; there are {', '.join(REPORTS)}\n")
        return 2
    for name in names or [name for name in REPORTS if name not in WHEN_ASKED]:
        make(name)
        sys.stdout.write(f"reports/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
