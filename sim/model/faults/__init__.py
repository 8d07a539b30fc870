"""What goes wrong, and when (``SEMANTICS.md`` F).

A fault is data with its times drawn, and an :class:`~sim.model.faults.effect.Effect`: what it does
at each of a few doors, nothing at most of them. A file holds the kinds that act at one door.

=============  =========================================  ======================================
file           kinds                                      door
=============  =========================================  ======================================
``errors``     store-errors, request-errors               every request of a client
``absences``   gateway-outage, producer-crash,            the life of an actor, every write of
               compactor-crash, crash                     a client
``clocks``     clock                                      what a client stamps and compares
=============  =========================================  ======================================

``happening`` is what a run asks: all effects, by actor.
"""
