"""What duration a draw is made into."""

from typing import TYPE_CHECKING

from sim.core.law import Law

if TYPE_CHECKING:
    from sim.core.streams import Identity
    from sim.scenario.schema import Scenario

__all__ = ["drawn_us", "law_of"]


def law_of(scenario: "Scenario", decides: "Identity") -> Law | None:
    """The law of a draw; None where its name does not tell.

    Parameters
    ----------
    scenario : Scenario
    decides : tuple of (str or int)
        Name of the draw.
    """
    match decides:
        case ("lag", _, 0, _, "get" | "list" as plane):
            found = getattr(scenario.store.lag.create, plane)
        case ("fault", int(i), str(key)) if i < len(scenario.faults):
            found = getattr(scenario.faults[i], key, None)
        case ("intervention", int(i), str(key)) if i < len(scenario.interventions or ()):
            found = getattr((scenario.interventions or ())[i], key, None)
        case ("gateway", int(), "interval", *_):
            found = scenario.gateways.sync_interval
        case ("gateway", int(), str(key), *_):
            found = getattr(scenario.gateways, key.replace("-", "_"), None)
        case ("producer", int(), str(key), *_):
            found = getattr(scenario.producers, key.replace("-", "_"), None)
        case (str(owner), "interval", *_) if owner.startswith("compactor"):
            found = scenario.compactor.wait_interval
        case (str(owner), str(key), *_) if owner.startswith(("compactor", "operator")):
            found = getattr(scenario.compactor, key.replace("-", "_"), None)
        case (str(owner), "interval", *_) if owner.startswith("referrer/"):
            found = getattr(scenario.referrers, "every", None)
        case (str(owner), "takes", *_) if owner.startswith("referrer/"):
            found = getattr(scenario.referrers, "takes", None)
        case _:
            found = None
    return found if isinstance(found, Law) else None


def drawn_us(scenario: "Scenario", decides: "Identity", uniform: float) -> int | None:
    """The duration that a uniform becomes, in µs; None where the name of the draw does not tell."""
    spec = scenario.gateways
    if decides[0] == "gateway" and decides[2:] == ("phase",) and spec.phase == "uniform":
        return int(uniform * spec.sync_interval.mean)
    referrers, (owner, *what) = scenario.referrers, decides
    if referrers is not None and isinstance(owner, str) and owner.startswith("referrer/"):
        # When the first session begins, and when what it knows is read anew.
        spans_us = {"phase": int(referrers.every.mean), "refresh": referrers.refresh_us or 0}
        if len(what) == 1 and what[0] in spans_us:
            return int(uniform * spans_us[str(what[0])])
    law = law_of(scenario, decides)
    return None if law is None else law.draw_us(uniform)
