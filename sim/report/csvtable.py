"""The numbers of a run as one long CSV table, equal bytes for equal inputs."""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sim.analysis.results import Result, SchemeResult, estimate, fractions_per_trial
from sim.analysis.totals import flat_counts, total_counts
from sim.core.units import US_PER_S
from sim.report.document import plain
from sim.report.names import csv_name
from sim.report.tables import delays
from sim.scenario.metrics import METRICS
from sim.scenario.schema import OUTCOMES

__all__ = ["ALL_QUERIES", "CSV_COLUMNS", "csv_rows", "csv_text", "to_csv"]

ALL_QUERIES: Final = "*"
"""Stands in the CSV's column ``query`` for all classes together."""

CSV_COLUMNS: Final = (
    "scheme",
    "query",
    "metric",
    "value",
    "unit",
    "low",
    "high",
    "method",
    "expected",
)


def to_csv(result: Result) -> str:
    """Write one tidy table, one number and its unit a line.

    Per scheme: per query class and for all of them together (``*``) the number of queries, and per
    outcome the fraction with its interval, its method, and how many queries it stands for;
    then, with an empty ``query``, the delays of the scheme and everything that was counted.
    Names of counts are those of the document, joined by dots (``requests.list``). An unknown
    number, and a column that does not apply, is an empty field. A name that a spreadsheet would
    take for a formula has an apostrophe before it (`csv_name`).
    """
    return csv_text(
        CSV_COLUMNS,
        (
            {"scheme": csv_name(scheme.name), **row}
            for scheme in result.schemes
            for row in csv_rows(result, scheme)
        ),
    )


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as CSV under a line of columns; what is unknown or not there is an empty field."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _field(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _field(value: Any) -> str:
    content = plain(value)
    if content is None:
        return ""
    return content if isinstance(content, str) else repr(content)


def csv_rows(result: Result, scheme: SchemeResult) -> Iterator[dict[str, Any]]:
    """Give the lines of one scheme, by column; columns that do not apply are left out."""
    yield from _query_rows(result, scheme)
    yield from _count_rows(result, scheme)


def _query_rows(result: Result, scheme: SchemeResult) -> Iterator[dict[str, Any]]:
    for query in (None, *(query_class.name for query_class in result.scenario.queries)):
        name = ALL_QUERIES if query is None else csv_name(query)
        _, queries = fractions_per_trial(scheme, (), query)
        asked = math.fsum(queries)
        yield {"query": name, "metric": "queries", "value": asked, "unit": "count"}
        for outcome in OUTCOMES:
            found = estimate(scheme, (outcome,), query)
            interval = found.interval
            yield {
                "query": name,
                "metric": outcome,
                "value": interval.fraction,
                "unit": "fraction",
                "low": interval.low,
                "high": interval.high,
                "method": interval.method,
                "expected": found.expected,
            }


def _count_rows(result: Result, scheme: SchemeResult) -> Iterator[dict[str, Any]]:
    for key, delay_us in delays(result.scenario.schemes[scheme.index]).items():
        yield {"metric": key, "value": delay_us / US_PER_S, "unit": "s"}
    garbage = math.fsum(trial.garbage_byte_seconds for trial in scheme.trials)
    yield {"metric": "garbage_byte_seconds", "value": garbage, "unit": "byte-seconds"}
    counts = total_counts([trial.counts for trial in scheme.trials])
    for metric, value in flat_counts(counts):
        yield {"metric": metric, "value": value, "unit": METRICS[metric].unit}
    for name, value in asdict(scheme.exercised).items():
        yield {"metric": f"exposure.{name}", "value": value, "unit": "count"}
