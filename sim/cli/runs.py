"""``sim runs``: what the runs of a folder found; and the folder that several runs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.cli import common, complete, files
from sim.errors import EXIT_BAD_INPUT, ScenarioError

if TYPE_CHECKING:
    from sim.analysis.expect import Judgement
    from sim.analysis.results import Result
    from sim.scenario.schema import Scenario

__all__ = ["add_to_index", "command", "run_folders", "shared_root"]


@click.command("runs", epilog=common.examples("sim runs out", "sim runs out --last 10"))
@click.argument("folder", metavar="DIR", shell_complete=complete.any_folder)
@click.option("--last", type=click.IntRange(min=1), help="Only the last so many runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: str, last: int | None, as_json: bool) -> int:
    """Show the runs of a folder that sim run A B … --out DIR has written, the last one last.

    Exit code: that of the runs whose files are there: 0 all expectations hold, 1 one does not,
    3 unknown; 2 if DIR has no index.
    """
    from sim.analysis.expect import exit_code_of
    from sim.report.document import to_json
    from sim.report.index import Index, last_runs, read_index, run_lines
    from sim.report.names import INDEX
    from sim.scenario.inputs import read_file

    path = Path(folder, INDEX)
    try:
        index = read_index(read_file(path).decode("utf-8"), str(path))
    except ScenarioError as error:
        common.show_problems(str(path), error, "")
        return EXIT_BAD_INPUT
    except OSError as error:
        common.show_unreadable(str(path), error)
        return EXIT_BAD_INPUT
    runs = last_runs(index, last)
    if as_json:
        content = Index(runs=runs).model_dump(mode="json", by_alias=True)
        files.write_text(files.STANDARD, to_json(content))
    else:
        for line in run_lines(runs):
            click.echo(line)
    return exit_code_of([run for run in runs if run.files])


def shared_root(out: str | None, paths: Sequence[str]) -> Path | None:
    """Folder for several runs that ``--out`` means; None where it means that of a single run.

    It does where several scenarios run, or where there are such runs already.
    """
    from sim.report.names import INDEX

    if out is None or (len(paths) == 1 and not Path(out, INDEX).is_file()):
        return None
    return Path(out)


def run_folders(root: Path, scenarios: "Sequence[Scenario]") -> list[Path]:
    """Folder of each run: named after its scenario.

    Raises
    ------
    click.BadParameter
        With every name that is there twice or can be no folder, and for a folder that is
        somebody else's.
    ScenarioError
        If there is an index that cannot be read.
    """
    from sim.report.index import read_index
    from sim.report.names import INDEX, INDEX_FILES, MARKER

    names = [scenario.name for scenario in scenarios]
    wrong = [
        f"two scenarios are called {name!r}"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    wrong += [
        f"no folder can be called {name!r}, as the scenario is"
        for name in names
        if name.startswith(".") or set(name) & set("/\\:") or name in INDEX_FILES
    ]
    if wrong:
        raise click.BadParameter("\n".join(wrong), param_hint="--out")
    for name in names:
        if (root / name).exists():
            files.check_folder_target(str(root / name), "--out", marker=MARKER)
    if (root / INDEX).exists():
        read_index((root / INDEX).read_text(encoding="utf-8"), str(root / INDEX))
    return [root / name for name in names]


def add_to_index(root: Path, result: "Result", judgements: "Sequence[Judgement]") -> None:
    """Add a run, whose files are in its folder, to the index of the root."""
    from sim.report.index import add_run, entry_of
    from sim.report.names import FILES

    folder = result.scenario.name
    there = [name for name in FILES if (root / folder / name).is_file()]
    add_run(root, entry_of(result, judgements, folder=folder, files=there))
