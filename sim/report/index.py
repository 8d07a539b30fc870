"""The index of a folder of runs: what each of them found, and a digest over the last ones.

A folder for several runs has a folder for each, and beside them ``index.json`` and ``index.md``.
Runs stand in the order in which they were made; one that repeats another takes its place at the
end. Nothing in it depends on the clock or the machine. A run whose folder a later one has replaced
stays as history, without files.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from sim import __version__, atomic
from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import Result, digest_of
from sim.errors import printable
from sim.report.document import to_json
from sim.report.names import INDEX, INDEX_FILES
from sim.report.reading import read_as
from sim.report.sentences import sentence

__all__ = [
    "Index",
    "IndexFinding",
    "RunEntry",
    "add_run",
    "entry_of",
    "index_markdown",
    "last_runs",
    "read_index",
    "run_lines",
    "with_run",
]

_FINDINGS_MAX: Final = 3
_WORST_FIRST: Final = (Verdict.INVALID, Verdict.UNKNOWN, Verdict.VALID)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class IndexFinding(_Part):
    """An expectation that does not hold, or of which that is not known; ``shown`` says why."""

    scheme: str
    rule: str
    verdict: Verdict
    shown: str


class RunEntry(_Part):
    """One run.

    Attributes
    ----------
    folder : str
        Relative to the index.
    files : tuple of str
        In that folder; none if a later run has replaced them.
    scenario, scenario_digest, seed, trials, mode, version, digest
        As in the result document.
    verdict : Verdict or None
        The worst; None without expectations.
    findings : tuple of IndexFinding
        The worst few.
    """

    folder: str = Field(min_length=1)
    files: tuple[str, ...]
    scenario: str
    scenario_digest: str
    seed: int
    trials: int
    mode: str
    version: str
    digest: str
    verdict: Verdict | None
    findings: tuple[IndexFinding, ...]

    @property
    def key(self) -> tuple[object, ...]:
        """What two runs have in common of which one repeats the other."""
        return (self.folder, self.scenario_digest, self.seed, self.trials, self.mode, self.digest)


class Index(_Part):
    """Runs, the last one last."""

    schema_version: Literal[1] = Field(1, alias="schema")
    runs: tuple[RunEntry, ...] = ()


def entry_of(
    result: Result, judgements: Sequence[Judgement], *, folder: str, files: Sequence[str]
) -> RunEntry:
    """Make the entry of a run."""
    scenario = result.scenario
    order = sorted(judgements, key=lambda judgement: _WORST_FIRST.index(judgement.verdict))
    bad = [judgement for judgement in order if judgement.verdict is not Verdict.VALID]
    return RunEntry(
        folder=folder,
        files=tuple(files),
        scenario=scenario.name,
        scenario_digest=scenario.digest,
        seed=scenario.seed,
        trials=scenario.trials,
        mode=result.mode,
        version=__version__,
        digest=result.digest,
        verdict=order[0].verdict if order else None,
        findings=tuple(_finding(judgement) for judgement in bad[:_FINDINGS_MAX]),
    )


def _finding(judgement: Judgement) -> IndexFinding:
    witness = "" if judgement.witness is None else sentence(judgement.witness)
    shown = judgement.reason or witness
    return IndexFinding(
        scheme=judgement.scheme, rule=judgement.rule, verdict=judgement.verdict, shown=shown
    )


def with_run(index: Index, entry: RunEntry) -> Index:
    """Return an index to which a run is added; earlier runs in its folder lose their files."""
    kept = [
        run.model_copy(update={"files": ()}) if run.folder == entry.folder else run
        for run in index.runs
        if run.key != entry.key
    ]
    return Index(runs=(*kept, entry))


def read_index(text: str, file: str = "") -> Index:
    """Read an index; raises ScenarioError with everything that is wrong with it."""
    return read_as(Index, text, file)


def add_run(root: Path, entry: RunEntry) -> None:
    """Add a run to the index of a folder; each of its files is replaced whole.

    Who calls it holds the folder, so that nobody else adds at the same time.

    Raises
    ------
    ScenarioError
        If the index that is there cannot be read; nothing is changed.
    OSError
        If it cannot be written.
    """
    path = root / INDEX
    found = read_index(path.read_text(encoding="utf-8"), str(path)) if path.exists() else Index()
    index = with_run(found, entry)
    content = index.model_dump(mode="json", by_alias=True)
    for name, text in zip(INDEX_FILES, (to_json(content), index_markdown(index)), strict=True):
        with atomic.whole_file(root / name) as stream:
            stream.write(text)


def index_markdown(index: Index) -> str:
    """Write an index for people: the last run first."""
    lines = [
        "# Runs",
        "",
        "| run | verdict | what was found | digest |",
        "| --- | --- | --- | --- |",
    ]
    for run in reversed(index.runs):
        name = _cell(run.scenario)
        if run.files:
            name = f"[{name}]({_link(run.folder)}/)"
        findings = "; ".join(_cell(_said(finding)) for finding in run.findings)
        lines.append(f"| {name} | {_verdict(run)} | {findings} | `{run.digest[:8]}` |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """A text that ends no cell and is no markup."""
    return "".join(f"\\{c}" if c in "\\|`*_[]<>" else c for c in printable(text))


def _link(folder: str) -> str:
    return quote(folder)


def _said(finding: IndexFinding) -> str:
    shown = f" ({finding.shown})" if finding.shown else ""
    return f"{finding.verdict} {finding.scheme}: {finding.rule}{shown}"


def _verdict(run: RunEntry) -> str:
    return "–" if run.verdict is None else str(run.verdict)


def last_runs(index: Index, count: int | None) -> tuple[RunEntry, ...]:
    """Return the last so many runs, in order; None is all of them."""
    return index.runs if count is None else index.runs[max(0, len(index.runs) - count) :]


def run_lines(runs: Sequence[RunEntry]) -> Iterator[str]:
    """Say of each run how it ended and what it found, then how many ended how.

    The digest in the last line is over those of the runs, in order.
    """
    for run in runs:
        replaced = "" if run.files else ", replaced since"
        trials = "1 trial" if run.trials == 1 else f"{run.trials} trials"
        digest = f"digest {run.digest[:8]}…"
        name = printable(run.scenario)
        yield f"{_verdict(run):<8}{name}: seed {run.seed}, {trials}, {digest}{replaced}"
        for finding in run.findings:
            yield f"        {printable(_said(finding))}"
    counts = {name: sum(_verdict(run) == name for run in runs) for name in map(_verdict, runs)}
    yield ""
    yield f"runs    {', '.join(f'{n} {name}' for name, n in counts.items()) or 'none'}"
    yield f"digest  {digest_of(run.digest for run in runs)}"
