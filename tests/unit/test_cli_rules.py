"""``sim check --rules``: the safety rules as a table, as JSON, and as an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli import main

SCENARIO = """
schema = 1
name = "safe"
horizon = "30d"
warmup = "1d"

[producers]
local_retention = "6h"
upload_takes = "1m"

[compactor]
downsampling = false
retention = { raw = "7d" }

[gateways]
sync_interval = "15m"
sync_takes = "1m"

[[queries]]
name = "q"
takes = "2m"

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "marks"
kind = "deletion-mark"
delete_delay = "2h"
ignore_deletion_marks_delay = "30m"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("safe.toml").write_text(SCENARIO)


def test_every_rule_is_a_row_of_a_narrow_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--rules", "safe.toml", "--scheme", "marks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:3] == [
        "safe.toml",
        "marks",
        "rule  status      required    configured  slack       dominating term",
    ]
    assert "R1    holds       48m         2h          1h12m       H 30m, 62 %" in lines
    assert "      delete_delay 2h, needs 48m = H 30m + P 15m + s 1m + Q 2m" in lines
    assert "      reads of blocks that only a mark hides (retention, by hand)" in lines
    names = [line.split()[0] for line in lines if line.startswith("R")]
    assert names == ["R1", "R2", "R3", "R5", "R6", "R7", "R8", "R10"]
    # Also what nothing here depends on.
    assert "R6    not needed  0s          0s          0s          –" in lines


def test_the_exit_code_judges_what_something_depends_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check = ["check", "--rules", "safe.toml", "--scheme"]
    assert main([*check, "at once"]) == 1
    assert "R2    broken      18m         0s          -18m        P 15m, 83 %" in (
        capsys.readouterr().out.splitlines()
    )
    assert main([*check, "marks", "--scheme", "at once"]) == 1
    assert main([*check, "marks", "--set", "store.error_rate=0.1"]) == 3
    assert "open: requests fail, so syncs may fail any number of times" in capsys.readouterr().out
    assert main([*check, "marks", "--set", "schemes.1.delete_delay=47m"]) == 1
    # Without retention nothing is hidden by its mark alone.
    kept = ["--set", "compactor.retention.raw=0s"]
    assert main([*check, "marks", "--set", "schemes.1.delete_delay=47m", *kept]) == 0


def test_the_rules_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    takes = 'queries.0.takes={law="exponential", mean="1s"}'
    assert main(["check", "--rules", "--json", "safe.toml", "--set", takes]) == 3
    (document,) = json.loads(capsys.readouterr().out)
    assert [scheme["name"] for scheme in document["schemes"]] == ["at once", "marks"]
    rule = document["schemes"][1]["rules"][0]
    assert (rule["rule"], rule["key"], rule["status"]) == ("R1", "delete_delay", "open")
    assert (rule["required_us"], rule["slack_us"], rule["dominant"]) == (None, None, "Q")
    assert rule["usual_us"] == pytest.approx((46 * 60 + 13.8156) * 1e6, abs=100)
    assert rule["terms"][1] == {
        "term": "P",
        "meaning": "longest interval of syncs",
        "us": 900e6,
        "usual_us": 900e6,
    }


def test_what_does_not_go_together_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "safe.toml", "--json"]) == 2
    assert "--scheme and --json go with --rules" in capsys.readouterr().err
    assert main(["check", "--rules", "safe.toml", "--scheme", "mark"]) == 2
    assert "has no scheme 'mark'; did you mean" in capsys.readouterr().err
