"""Every result of a trial is read back from its file as it was."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.analysis.queries.outcomes import ClassOutcome
from sim.analysis.results import TrialResult
from sim.study.finished import TrialFiles, decoded, encoded
from sim.trace.records import BlockRecord

NUMBERS = st.one_of(st.integers(), st.floats(), st.booleans())
TEXTS = st.text(st.characters(codec=None))
LEAVES = st.one_of(st.none(), NUMBERS, TEXTS)
CLASSES = st.builds(
    ClassOutcome, name=TEXTS, queries=st.floats(), fractions=st.dictionaries(TEXTS, st.floats())
)
RECORDS = st.builds(BlockRecord, *(st.integers() for _ in BlockRecord._fields))
KEYS = st.one_of(st.integers(), TEXTS, st.tuples(st.integers(), TEXTS))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(LEAVES, CLASSES, RECORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)
RESULTS = st.builds(
    TrialResult,
    scheme=st.integers(0, 9),
    trial=st.integers(0, 10**9),
    seed=st.integers(0, 2**62),
    digest=TEXTS,
    records=st.integers(0),
    classes=st.lists(CLASSES, max_size=3).map(tuple),
    counts=st.dictionaries(TEXTS, VALUES, max_size=4),
    garbage_byte_seconds=st.floats(),
    window_count=st.integers(0),
    windows_us=st.lists(st.integers(), max_size=5).map(tuple),
)


# As text: nan differs from itself, and 1 from True and 1.0 only there.


@given(VALUES)
def test_a_value_is_read_back_as_it_was(value: Any) -> None:
    assert repr(decoded(json.loads(json.dumps(encoded(value))))) == repr(value)


@given(RESULTS)
def test_a_result_is_read_back_from_its_file(result: TrialResult) -> None:
    with tempfile.TemporaryDirectory() as folder:
        said: list[str] = []
        files = TrialFiles(Path(folder), "key", said.append)
        files[result.scheme, result.trial] = result
        assert repr(dict(files)) == repr({(result.scheme, result.trial): result})
        assert not said


@given(st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1)))
def test_numbers_of_numpy_become_numbers(number: float) -> None:
    scalar = np.float64(number) if isinstance(number, float) else np.int64(number)
    assert repr(decoded(encoded(scalar))) == repr(number)
