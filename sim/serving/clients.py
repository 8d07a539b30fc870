"""Which client of the scenario somebody is who signs with an access key (``SEMANTICS.md`` V1)."""

import re
from typing import Final

from sim.scenario.schema import Scenario
from sim.serving.problems import Refused

__all__ = ["client_of", "gateway_of"]

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_PLAIN: Final = "producer/0"
"""Who signs with the access key as it is."""


def client_of(scenario: Scenario, access_key: str, own: str) -> str:
    """The client whose requests are signed with an access key.

    Parameters
    ----------
    access_key : str
        As the request has it: the endpoint's own, alone or followed by the name of a client, such
        as ``sim-gateway-1``.
    own : str
        The endpoint's own.

    Raises
    ------
    Refused
        If it is nobody's.
    """
    if access_key == own:
        return _PLAIN
    name = access_key.removeprefix(f"{own}-") if access_key.startswith(f"{own}-") else ""
    if name == "operator":
        return name
    kind, _, number = name.partition("-")
    client = name.replace("-", "/", 1)
    if kind == "compactor" and client in scenario.compactor.names:
        return client
    counts = {"producer": scenario.producers.count, "gateway": scenario.gateways.count}
    if kind in counts and _NUMBER.fullmatch(number) and int(number) < counts[kind]:
        return client
    raise Refused(403, "InvalidAccessKeyId", "The access key is of no client of the scenario.")


def gateway_of(client: str) -> int | None:
    """Number of the gateway that a client is; ``None`` for a writer."""
    kind, _, number = client.partition("/")
    return int(number) if kind == "gateway" else None
