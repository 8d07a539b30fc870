"""The primitives of schemes: a file each, with its table, its behaviour and where it comes from.

A primitive stands in one slot of a scheme (`sim.scenario.language.primitives`). To read one, read
its file: the class is the table of the scenario language, its method ``made`` returns what acts in
a run, ``obstacles`` says what delays alone cannot prove with it. What the world asks of each slot
are the protocols of `sim.model.schemes`.

================  ==================================================================  ============
primitive         what it is                                                          slot
================  ==================================================================  ============
plain             nothing recorded, deleted at once or never, none held, own listing  each
mark              deletion-mark.json, and its age                                     record, hide
after             a delay, by the clock of the record or of the block's creation      delete
commits           a number of commits that followed, and a delay                      delete
memory            what the writer remembers until it is restarted                     record
meta_removal      meta.json goes first, the files later                               record
data_age          readers ignore data that is older than their own retention          hide
leases            nothing goes that a reader holds                                    hold
leases_in_memory  leases that who deletes forgets with a restart                      hold
synced            nothing goes before each reader has synced since it was retired     hold
cycles            what is due goes when it is found due for the second time           hold
replacement       a reader lets go of a source once what replaces it is loaded        hold
served            a source stays until a reader serves what replaces it               hold
references        nothing goes that a session references again                        hold
bucket_index      readers read an index that whoever deletes writes                   learn
manifest          each commit writes a manifest, which also retires (record)          learn
complete          a querier asks whether all is there that the index lists            check
cleaning          another process deletes what is marked or partial, by own delays    beside
lifecycle         the store deletes what is old, whatever marks say                   beside
missing           what is absent fails an answer, or is taken for empty               miss
resync            what is absent makes the reader sync, and the query is tried again  miss
================  ==================================================================  ============
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["FILES"]

FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "record": {
        "nothing": "plain",
        "mark": "mark",
        "memory": "memory",
        "meta-removal": "meta_removal",
        "manifest": "manifest",
    },
    "hide": {
        "data-age": "data_age",
        "superseded": "plain",
        "gone": "plain",
        "mark-age": "mark",
    },
    "delete": {"after": "after", "at-once": "plain", "never": "plain", "commits": "commits"},
    "hold": {
        "nothing": "plain",
        "leases": "leases",
        "leases-in-memory": "leases_in_memory",
        "replacement-loaded": "replacement",
        "replacement-served": "served",
        "readers-synced": "synced",
        "cycles": "cycles",
        "references": "references",
    },
    "learn": {"bucket-index": "bucket_index", "listing": "plain", "manifest": "manifest"},
    "miss": {"fail": "missing", "tolerate": "missing", "warn": "missing", "resync": "resync"},
    "check": {"bucket-index": "complete", "nothing": "plain"},
    "beside": {"nothing": "plain", "lifecycle": "lifecycle", "cleanup": "cleaning"},
}
"""The file of each primitive, by slot and kind; it is imported when the kind is asked for."""
