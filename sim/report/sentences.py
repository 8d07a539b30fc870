"""Witnesses in words."""

from sim.analysis.evidence.witness import (
    Counted,
    DrawnOnly,
    Exceeded,
    FailedRead,
    Measured,
    MissingData,
    QueryWitness,
    Seen,
    TooMany,
    Unexplained,
    Witness,
)
from sim.report.formats import format_amount, format_count, format_fraction, format_span
from sim.report.names import block_name

__all__ = ["sentence"]


def sentence(witness: Witness) -> str:
    """Say what a witness shows, from the whole to the part."""
    match witness:
        case Seen():
            return f"trial {witness.trial} (seed {witness.seed}), {_what(witness.what)}"
        case Exceeded():
            low, high = format_fraction(witness.low), format_fraction(witness.high)
            fraction = f"{format_fraction(witness.fraction)} ({low} – {high})"
            return fraction if witness.worst is None else f"{fraction}, {sentence(witness.worst)}"
        case TooMany():
            return f"{format_count(witness.total)} in all, {sentence(witness.worst)}"
        case Measured():
            return _measured(witness)


def _measured(found: Measured) -> str:
    value, low, high, worst = (
        format_amount(number, found.unit)
        for number in (found.value, found.low, found.high, found.worst_value)
    )
    shown = value if found.low == found.high else f"{value} ({low} – {high})"
    return f"{shown}, {worst} in trial {found.worst_trial} (seed {found.worst_seed})"


def _what(what: QueryWitness | Counted) -> str:
    match what:
        case FailedRead():
            block = f"the block of {block_name(what.block)}"
            return f"{_when(what)}, gateway {what.gateway} reads {block}"
        case MissingData():
            return f"{_when(what)}, data of stream {what.stream} is missing"
        case Unexplained():
            return _when(what)
        case DrawnOnly():
            return f"query {what.query}, for some of the streams only"
        case Counted():
            return "once" if what.count == 1 else f"{format_count(what.count)} times"


def _when(what: FailedRead | MissingData | Unexplained) -> str:
    span = format_span(what.until_us - what.at_us)
    return f"query {what.query}, from {format_span(what.at_us)} for {span}"
