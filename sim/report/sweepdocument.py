"""The document of a sweep, and its numbers as one long table: CSV, and Parquet where it is wanted.

Equal inputs give equal bytes: no time of day, no host, no path, no number of workers.
"""

import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sim import __version__
from sim.analysis.costs import garbage_bytes, price_of_30_days
from sim.analysis.evidence.exercised import lacking
from sim.analysis.results import estimate, proofs
from sim.analysis.rules.safety import safe_delay_us
from sim.analysis.sweep import (
    FAILING,
    Cell,
    Sweep,
    origin_of,
)
from sim.analysis.totals import total_counts
from sim.core.units import US_PER_S
from sim.report.csvtable import CSV_COLUMNS, csv_rows, csv_text
from sim.report.document import estimate_fields, plain
from sim.report.names import csv_name
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.results import Result, SchemeResult
    from sim.scenario.knobs import Knob

__all__ = [
    "PARQUET_EXTRA",
    "has_parquet",
    "sweep_csv",
    "sweep_document",
    "sweep_parquet",
    "sweep_rows",
]

SCHEMA_VERSION: Final = 1

PARQUET_EXTRA: Final = 'writing Parquet needs the extra "data": pip install "consistency-sim[data]"'
"""What to say where the library is missing."""

# What a knob's numbers are called and divided by in a table, whose times are in seconds.
_TABLE_UNITS: Final[Mapping[str, tuple[str, float]]] = MappingProxyType(
    {"us": ("_s", US_PER_S), "per_s": ("_per_s", 1.0), "bytes": ("_bytes", 1.0)}
)
_NUMBERS: Final = ("value", "low", "high", "expected")


def sweep_document(sweep: Sweep) -> dict[str, Any]:
    """Build the document as plain data: JSON values only, nan has become None.

    ``digest`` is over the numbers of the cells, however they were found. A cell that was read off
    the trace of another delay has no trace of its own, and so no digest. ``untried`` says why a
    zero of a cell says nothing, if so.
    """
    cells = plain([_cell(sweep, cell) for cell in sweep.cells])
    first = sweep.cells[0].result.scenario
    return {
        "schema": SCHEMA_VERSION,
        "scenario": sweep.name,
        "seed": first.seed,
        "trials": first.trials,
        "version": __version__,
        "digest": _digest(cells),
        "together": sweep.is_together,
        "knobs": [
            {
                "path": knob.path,
                "unit": knob.unit or None,
                "values": list(knob.texts),
                "numbers": None if knob.numbers is None else list(knob.numbers),
            }
            for knob in sweep.knobs
        ],
        "cells": cells,
    }


def _digest(cells: list[dict[str, Any]]) -> str:
    """SHA-256, hexadecimal, of all numbers; not of where they are from."""
    numbers = [
        {
            **cell,
            "schemes": [
                {key: value for key, value in scheme.items() if key not in ("origin", "digest")}
                for scheme in cell["schemes"]
            ],
        }
        for cell in cells
    ]
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()


def _cell(sweep: Sweep, cell: Cell) -> dict[str, Any]:
    return {
        "setting": {
            knob.path: knob.texts[i] for knob, i in zip(sweep.knobs, cell.setting, strict=True)
        },
        "scenario_digest": cell.result.scenario.digest,
        "schemes": [_scheme(cell.result, scheme) for scheme in cell.result.schemes],
    }


def _scheme(result: "Result", scheme: "SchemeResult") -> dict[str, Any]:
    scenario, origin = result.scenario, origin_of(scheme)
    has_delay = scenario.schemes[scheme.index].hide_delay_us is not None
    counts = total_counts([trial.counts for trial in scheme.trials])
    has_prices = scenario.prices is not None
    price = {"price_per_30d": price_of_30_days(scenario, scheme)} if has_prices else {}
    return {
        "name": scheme.name,
        "kind": scheme.kind,
        "origin": origin,
        "digest": scheme.digest if origin == "simulated" else None,
        "failing": estimate_fields(estimate(scheme, FAILING), total=True),
        "outcomes": _outcomes(scheme, None),
        "by_query": {query.name: _outcomes(scheme, query.name) for query in scenario.queries},
        "garbage_bytes": garbage_bytes(scenario, scheme),
        **price,
        "stored_bytes": counts.get("stored-bytes"),
        "requests": counts.get("requests", {}),
        "counts": counts,
        "untried": lacking(scheme.exercised, is_gap=False) or None,
        "safe_delay_us": safe_delay_us(scenario, scheme.index) if has_delay else None,
    }


def _outcomes(scheme: "SchemeResult", query: str | None) -> dict[str, Any]:
    return {
        outcome: {
            **estimate_fields(estimate(scheme, (outcome,), query), total=True),
            "proof": proofs(scheme, outcome, query) or None,
        }
        for outcome in OUTCOMES
    }


def sweep_csv(sweep: Sweep) -> str:
    """Write one long table, one number a line: that of a run, with the setting before it.

    A knob has a column named by its path, with its values as they are written, and one with its
    numbers if they have a unit: ``…_s``, ``…_per_s``, ``…_bytes``. ``origin`` is "simulated" or
    "curve".
    """
    rows = ({csv_name(key): value for key, value in row.items()} for row in sweep_rows(sweep))
    return csv_text(_columns(sweep), rows)


def _columns(sweep: Sweep) -> list[str]:
    named = [name for knob in sweep.knobs for name, _ in _knob_columns(knob, 0)]
    return [*map(csv_name, named), "origin", *CSV_COLUMNS]


def _knob_columns(knob: "Knob", index: int) -> Iterator[tuple[str, Any]]:
    yield knob.path, csv_name(knob.texts[index])
    if knob.numbers is not None and knob.unit:
        suffix, divisor = _TABLE_UNITS[knob.unit]
        yield f"{knob.path}{suffix}", knob.numbers[index] / divisor


def sweep_rows(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Give the lines of the table of a sweep, by column; columns that do not apply are left out."""
    for cell in sweep.cells:
        setting = dict(
            column
            for knob, i in zip(sweep.knobs, cell.setting, strict=True)
            for column in _knob_columns(knob, i)
        )
        for scheme in cell.result.schemes:
            own = {"origin": origin_of(scheme), "scheme": csv_name(scheme.name)}
            for row in csv_rows(cell.result, scheme):
                yield {**setting, **own, **row}


def has_parquet() -> bool:
    """Whether the library that writes Parquet is installed."""
    return importlib.util.find_spec("pyarrow") is not None


def sweep_parquet(sweep: Sweep) -> bytes:
    """Write the table of :func:`sweep_csv` as Parquet: numbers as float64, what is empty as null.

    Raises
    ------
    ImportError
        If the extra ``data`` is not installed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    measured = {name for knob in sweep.knobs for name, _ in list(_knob_columns(knob, 0))[1:]}
    rows = list(sweep_rows(sweep))
    columns = {}
    for name in _columns(sweep):
        values = [plain(row.get(name)) for row in rows]
        kind = pa.float64() if name in measured or name in _NUMBERS else pa.string()
        columns[name] = pa.array(values, kind)
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    content = sink.getvalue().to_pybytes()
    assert isinstance(content, bytes)
    return content
