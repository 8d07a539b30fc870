"""What goes wrong, and when (``SEMANTICS.md`` F).

A fault is data with its times drawn, and an :class:`~sim.model.faults.effect.Effect`: what it does
at each of a few doors, nothing at most of them. Its kind is a table that makes it; those of this
project stand in the room `sim.faults`. Here is what the world asks at each door.

=============  =================================================================================
file           door
=============  =================================================================================
``requests``   every request of a client
``lives``      the life of an actor
``clocks``     what a client stamps and compares
``lags``       when replicas show a change
=============  =================================================================================

``happening`` is what a run asks: all effects, by actor.
"""
