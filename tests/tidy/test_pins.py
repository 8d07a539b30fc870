"""Which constraints are accepted and rejected."""

from __future__ import annotations

from tests.tidy.pins import malformed, pins, unpinned

METADATA = {
    "us": ["numpy>=1", "us[more]; extra == 'dev'", "orjson; extra == 'never'"],
    "numpy": ["tiny_dep; python_version >= '3'", "old-dep; python_version < '3'"],
}
METADATA["us"].append("Extra.One; extra == 'more'")


def test_pins_are_read_by_canonical_name() -> None:
    assert pins("# versions\nTyping_Extensions==4.1\n\nnumpy==2.4.6\n") == {
        "typing-extensions": 2,
        "numpy": 4,
    }


def test_accepts_what_is_pinned() -> None:
    text = "numpy==2\ntiny-dep==1\nextra_one==1\n"
    assert malformed(text) == []
    assert unpinned(text, "us", ["dev"], METADATA) == []


def test_rejects_what_is_not() -> None:
    findings = unpinned("numpy==2\n", "us", ["dev"], METADATA)
    assert [finding.message.split()[0] for finding in findings] == ["extra-one", "tiny-dep"]
    assert [finding.line for finding in malformed("numpy==2\nscipy>=1\n-r more.txt\n")] == [2, 3]
