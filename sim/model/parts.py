"""What actors are given."""

from typing import TypedDict

from sim.core.kernel import Kernel
from sim.core.streams import Streams
from sim.model.store.client import Client
from sim.trace.recorder import Recorder

__all__ = ["Parts"]


class Parts(TypedDict):
    """What every actor that writes is given."""

    kernel: Kernel
    client: Client
    streams: Streams
    recorder: Recorder
