"""The scenario language: what a scenario is, how it is read, checked and printed back.

Reading order: `values` and `lawtables` (what a value may be) → `storeschema`, `parts`, `choices`,
`schema` (what a scenario is) → `rules` (what its parts must fulfil together) → `examine`, `load`
(from a file to a scenario, or to all of its problems) → `dump` (back to a file) → `stores` (the
named stores and where their numbers come from). `vocabulary`, `problems`, `wording`, `locate` make
a good message of a mistake; `editor` describes the language to editors; `placement` says which
replica a client reads.

A new key: a field with its default and description in one of the tables, a rule in `rules` if it
depends on another one, accepted and refused values in ``tests/unit/test_scenario_rules.py``, and
the schema for editors refreshed by ``pytest --update-golden tests/unit/test_scenario_dump.py``.
"""
