"""The primitives of schemes: a file each, with its table, its behaviour and where it comes from.

A primitive stands in one slot of a scheme (`sim.scenario.language.primitives`). To read one, read
its file: the class is the table of the scenario language, its method ``made`` returns what acts in
a run, ``obstacles`` says what delays alone cannot prove with it. What the world asks of each slot
are the protocols of `sim.model.schemes`.

=============  ======================================================================  ========
primitive      what it is                                                              slot
=============  ======================================================================  ========
plain          nothing recorded, deleted at once or never, nothing held, own listing   each
mark           deletion-mark.json, and its age                                         record, hide
after          a delay, by the clock of the record or of the block's creation          delete
memory         what the writer remembers until it is restarted                         record
meta_removal   meta.json goes first, the files later                                   record
data_age       readers ignore data that is older than their own retention              hide
leases         nothing goes that a reader holds                                        hold
replacement    a reader lets go of a source once what replaces it is loaded            hold
bucket_index   readers read an index that whoever deletes writes                       learn
complete       a querier asks whether all is there that the index lists                check
missing        what is absent fails an answer, or is taken for empty                   miss
resync         what is absent makes the reader sync, and the query is tried again      miss
=============  ======================================================================  ========
"""

from sim.schemes import (
    after,
    bucket_index,
    complete,
    data_age,
    leases,
    mark,
    memory,
    meta_removal,
    missing,
    plain,
    replacement,
    resync,
)

__all__ = [
    "after",
    "bucket_index",
    "complete",
    "data_age",
    "leases",
    "mark",
    "memory",
    "meta_removal",
    "missing",
    "plain",
    "replacement",
    "resync",
]
