"""Syncs of a gateway that are worked out together, against one after the other."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from sim.core.streams import Streams
from sim.model.computed.syncs import _on_grid, _one_by_one
from sim.scenario.schema import Gateways

UNIFORM = {"law": "uniform", "low": "0s", "high": "2m59s"}
HOUR_US = 3600 * 10**6


def gateways(takes: Any, stage: float = 1.0, interval: Any = "3m") -> Gateways:
    """Two that sync every 3m."""
    raw = {"count": 2, "sync_interval": interval, "sync_takes": takes}
    return Gateways.model_validate({**raw, "sync_stages": {"load": stage}})


@pytest.mark.parametrize("takes", ["0s", "20s", "179s", UNIFORM])
@pytest.mark.parametrize("stage", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("phase_us", [0, 1, HOUR_US])
@pytest.mark.parametrize("horizon_us", [HOUR_US, HOUR_US + 1, 5 * HOUR_US])
def test_together_they_are_as_one_by_one(
    takes: Any, stage: float, phase_us: int, horizon_us: int
) -> None:
    asked = (1, gateways(takes, stage), phase_us, Streams(5), horizon_us)
    found, expected = _on_grid(*asked), _one_by_one(*asked)
    if phase_us >= horizon_us:
        assert found is None
        assert not expected.at_us.size
        return
    assert found is not None
    for field in fields(found):
        columns = (getattr(each, field.name).tolist() for each in (found, expected))
        assert next(columns) == next(columns), field.name


LONG = {**UNIFORM, "high": "1h"}
NO_GRID = [gateways("3m"), gateways("4m"), gateways(LONG), gateways("1s", 1.0, UNIFORM)]


@pytest.mark.parametrize("spec", NO_GRID)
def test_those_that_overrun_or_have_no_grid_are_taken_one_by_one(spec: Gateways) -> None:
    assert _on_grid(0, spec, 0, Streams(5), 5 * HOUR_US) is None
