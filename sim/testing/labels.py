"""What was drawn, as Hypothesis counts it: in its statistics, and as features of observations."""

from collections.abc import Iterable

from hypothesis import event

from sim.scenario.schema import Scenario

__all__ = ["labelled", "labels"]


def labels(scenario: Scenario) -> dict[str, str]:
    """What kinds of things a scenario has, by what they are of.

    Returns
    -------
    dict of str to str
        ``{"faults": "crash, pause", "schemes": "deletion-mark", "store": "lags, 2 replicas", …}``;
        "none" where there is nothing.
    """
    store, gateways = scenario.store, scenario.gateways
    lags = (store.lag.create, store.lag.overwrite, store.lag.delete)
    parts = {
        "lags": any(law.mean > 0 for lag in lags for law in (lag.get, lag.list)),
        f"{store.replicas} replicas": store.replicas > 1,
        "errors": store.error_rate > 0 or store.lost_answer_rate > 0,
        "negative cache": store.negative_cache_us > 0,
        "copied": store.replication is not None,
    }
    return {
        "schemes": _listed(scheme.kind for scheme in scenario.schemes),
        "faults": _listed(fault.kind for fault in scenario.faults),
        "interventions": _listed(one.kind for one in scenario.interventions or ()),
        "store": _listed(part for part, is_there in parts.items() if is_there),
        "gateways": f"{gateways.count} in {gateways.shards} shards",
        "compactors": str(scenario.compactor.count or 1),
        "draws": f"{len(scenario.draws or ())} pinned",
    }


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(set(kinds))) or "none"


def labelled(scenario: Scenario) -> Scenario:
    """Tell Hypothesis what kinds of things a scenario that it drew has; return the scenario."""
    for label, value in labels(scenario).items():
        event(f"{label}: {value}")
    return scenario
