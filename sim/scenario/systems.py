"""Systems that are shipped, each a small scenario whose every value has a source.

``presets/systems`` has a file for each, a scenario as any other. Its first scheme deletes as the
system does by default; a second one, if there is one, has what an incident had. A file that is
dropped there is one system more.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, Final, NamedTuple

from sim.errors import Problem, ScenarioError
from sim.scenario.complaints.text import MISSING, format_path, value_at
from sim.scenario.inputs import read_file
from sim.scenario.language.sources import places_of
from sim.scenario.language.values import Path
from sim.scenario.origins import leaves
from sim.scenario.stores.provenance import Provenance

__all__ = ["System", "system", "system_paths", "systems"]

FOLDER: Final = FilePath(__file__).parents[1] / "presets" / "systems"

# What a run is and what is said of it; settings under a name have a source of their own.
_NO_VALUES: Final = (
    *("schema", "name", "summary", "source", "horizon", "warmup", "trials", "seed"),
    *("presets", "expect", "sources"),
)


class System(NamedTuple):
    """A system that is shipped.

    Attributes
    ----------
    name : str
    summary : str
        What it is, and what is shown of it.
    source : str
        Whose defaults these are, in which version.
    rows : sequence of Provenance
        Its values, each with where it comes from, and facts that are not simulated.
    """

    name: str
    summary: str
    source: str
    rows: tuple[Provenance, ...]


def system_paths() -> Mapping[str, FilePath]:
    """Files of the systems, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def systems() -> Mapping[str, System]:
    """Every system that is shipped, by name; raises ScenarioError as `system` does."""
    return {name: system(path) for name, path in system_paths().items()}


def system(path: FilePath) -> System:
    """Read a system.

    Raises
    ------
    ScenarioError
        If one of its values has no source, or a source speaks of nothing that the file says.
    """
    raw = tomllib.loads(read_file(path).decode())
    sources: Mapping[str, Mapping[str, Any]] = raw.get("sources", {})
    problems = [
        Problem(format_path(at), value, rule, file=str(path))
        for at, value, rule in _unsourced(raw, sources)
    ]
    if problems:
        raise ScenarioError(problems)
    places = places_of(raw, sources)
    rows = (_row(key, value_at(raw, places.get(key) or ()), row) for key, row in sources.items())
    return System(path.stem, raw.get("summary", ""), raw.get("source", ""), tuple(rows))


def _unsourced(raw: Mapping[str, Any], sources: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Values without a source and sources without a value, each with the rule that it breaks."""
    places = places_of(raw, sources)
    covered = {path for path in places.values() if path is not None}
    used: set[Path] = set()
    for at, value in leaves((), raw):
        if at[0] in _NO_VALUES or at[-1] == "name":
            continue
        over = [at[:n] for n in range(len(at), 0, -1) if at[:n] in covered]
        used.update(over[:1])
        if not over:
            yield at, value, "have a row in [sources]"
    for key, path in places.items():
        if path not in used:
            yield ("sources", key), MISSING, "speak of a value that the file says"


def _row(key: str, value: Any, row: Mapping[str, Any]) -> Provenance:
    from sim.scenario.dump import inline

    text = "" if key.startswith("(") else inline(value)
    source = ", ".join(row[part] for part in ("source", "version") if part in row)
    note = row.get("note", "")
    return Provenance(key=key, value=text, kind=row["label"], source=source, note=note)
