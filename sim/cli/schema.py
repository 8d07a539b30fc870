"""``sim schema``: the JSON Schema of scenario files, or of result documents."""

import click

from sim.cli import common, files

__all__ = ["command"]


@click.command(
    "schema",
    epilog=common.examples("sim schema > scenario.schema.json", "sim schema --result"),
)
@click.option("--result", "is_result", is_flag=True, help="Of result documents instead.")
def command(is_result: bool) -> int:
    """Print the JSON Schema of scenarios, or of results.

    An editor that knows it completes and checks keys: put it beside a scenario whose first line is
    #:schema scenario.schema.json
    """
    if is_result:
        from sim.report.reading import document_schema

        text = document_schema()
    else:
        from sim.scenario.editor import SCHEMA_PATH

        text = SCHEMA_PATH.read_text(encoding="utf-8")
    files.write_text(files.STANDARD, text)
    return 0
