"""What a rule proves never happens, in worlds that nobody wrote down."""

from __future__ import annotations

import math

from hypothesis import event, given, settings
from hypothesis import strategies as st

from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.rules.safety import proof, rules
from sim.core.units import format_duration
from sim.scenario.schema import OUTCOMES, Scenario
from sim.testing import scenarios, simulate_small


def judged(scenario: Scenario) -> None:
    """Fail if something happens that is proven not to, or more of it than its bound allows."""
    for index in range(len(scenario.schemes)):
        run = simulate_small(scenario, index)
        for query_class, found in zip(
            scenario.queries, evaluate_exact(scenario, run.timelines), strict=True
        ):
            for outcome in OUTCOMES:
                fraction = found.fractions[outcome]
                proven = proof(scenario, index, outcome, (query_class,))
                if outcome != "duplicated":
                    event(f"{outcome}: {'proven' if proven else 'open'}")
                if proven:
                    assert fraction == 0.0, f"{outcome} happens, though proven by {proven}"
                bound = found.bounds.get(outcome)
                if bound is not None and not proven:
                    assert fraction <= bound.most + 1e-12


@given(scenarios())
def test_what_a_rule_excludes_never_happens(scenario: Scenario) -> None:
    judged(scenario)


@given(
    st.one_of(
        scenarios(scheme_kinds=("deletion-mark",), max_faults=0, errors=False),
        scenarios(scheme_kinds=("deletion-mark",), max_faults=0, strong=True),
        scenarios(scheme_kinds=("immediate",), max_faults=0, strong=True),
    )
)
def test_delays_at_the_rule_are_safe(scenario: Scenario) -> None:
    """Every delay is what the rules ask for, to the microsecond, and not more."""
    judged(at_the_rules(scenario))


def at_the_rules(scenario: Scenario) -> Scenario:
    """The scenario with delays that the rules just allow, where they are bounded."""
    raw = scenario.raw()
    raw["warmup"] = format_duration(scenario.horizon_us // 4)
    for _ in range(2):  # what hides sets what deletes
        scenario = Scenario.model_validate(raw)
        for rule in rules(scenario, 0):
            if not math.isfinite(rule.required_us):
                continue
            text = format_duration(math.ceil(rule.required_us))
            if rule.name == "R8":
                raw["producers"]["local_retention"] = text
            elif rule.name == "R6":
                raw["gateways"]["consistency_delay"] = text
            elif rule.name == "R3":
                raw["schemes"][0]["ignore_deletion_marks_delay"] = text
        if scenario.schemes[0].kind == "deletion-mark":
            needed_us = [
                rule.required_us
                for rule in rules(Scenario.model_validate(raw), 0)
                if rule.key == "delete_delay" and rule.is_met and math.isfinite(rule.required_us)
            ]
            delay_us = math.ceil(max(needed_us, default=0.0))
            raw["schemes"][0]["delete_delay"] = format_duration(delay_us)
    return Scenario.model_validate(raw)


@settings(max_examples=max(6, settings().max_examples // 8))
@given(
    scenario=scenarios(scheme_kinds=("deletion-mark",), max_faults=0, errors=False, max_queries=1),
    wrong=st.lists(
        st.builds(
            lambda who, at_m, lasts_m, way, offset_m: {
                "kind": "clock",
                "who": who,
                "at": f"{at_m}m",
                "lasts": f"{lasts_m}m",
                way: f"{offset_m}m",
            },
            st.sampled_from(["compactor", "gateways", "gateway/0", "any"]),
            st.integers(0, 1200),
            st.integers(60, 1200),
            st.sampled_from(["ahead", "behind"]),
            st.integers(1, 180),
        ),
        min_size=1,
        max_size=2,
    ),
)
def test_delays_at_r11_are_safe(scenario: Scenario, wrong: list[dict[str, str]]) -> None:
    """Clocks jump, and only marks hide what expires."""
    raw = scenario.raw() | {"faults": wrong}
    compactor = raw.get("compactor", {})
    raw["compactor"] = compactor | {
        "ranges": [raw["producers"]["block_length"]],
        "retention": {"raw": "4h"},
        "downsampling": False,
    }
    judged(at_the_rules(Scenario.model_validate(raw)))
