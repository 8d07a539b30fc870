"""The kinds of faults: tables of ``[[faults]]``, and what each does (``SEMANTICS.md`` F).

A file holds the kinds that act at one door. To read one, read its file: a class is the table of
the scenario language, its method ``made`` returns the :class:`~sim.model.faults.effect.Effect`
that acts in a run, ``conflicts`` says what must hold of it.

=============  =========================================  ======================================
file           kinds                                      door
=============  =========================================  ======================================
``absences``   gateway-outage, producer-crash,            the life of an actor, every write of
               compactor-crash, crash                     a client
``errors``     store-errors, request-errors               every request of a client
``clocks``     clock                                      what a client stamps and compares
``lags``       store-lags, cut-off                        when replicas show a change
``paces``      pause, slow-down                           when an actor takes its steps
=============  =========================================  ======================================
"""

from sim.faults.absences import AtRequest, CompactorCrash, Crash, GatewayOutage, ProducerCrash
from sim.faults.clocks import Clock
from sim.faults.errors import RequestErrors, StoreErrors
from sim.faults.lags import CutOff, StoreLags
from sim.faults.paces import Pause, SlowDown

__all__ = [
    "AtRequest",
    "Clock",
    "CompactorCrash",
    "Crash",
    "CutOff",
    "GatewayOutage",
    "Pause",
    "ProducerCrash",
    "RequestErrors",
    "SlowDown",
    "StoreErrors",
    "StoreLags",
]
