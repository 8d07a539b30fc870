"""Worlds without actors: uploads, passes and syncs as recursions over arrays.

Where the store shows every change at once and nothing goes wrong, nobody waits for anybody, and no
reader changes what a writer does. Then the passes of the compactor can be computed without the
gateways, and the syncs of each gateway from what the writers did. Several compactors that have
streams of their own are as many recursions. `sim.model.world` chooses; what comes out is, record by
record, what the actors of `sim.model.actors` would have done.

==============  ================================================================================
module          what it computes
==============  ================================================================================
`conditions`    whether a world can be computed
`uploads`       when producers upload
`groups`        the blocks of a stream, as plans need them
`passes`        what a compactor makes of that, and when it looks for what is due
`moments`       instants, and who comes first of those that act at one
`processes`     what each compactor's process does, and what it knows
`writers`       all that is written, and in which order
`syncs`         what each gateway loads and drops
`ledger`        what syncs list and what is requested
`world`         all of it as records, in their order
==============  ================================================================================
"""
