"""The scenario language: what a scenario is, how it is read, checked and printed back.

Reading order: `values` and `lawtables` (what a value may be) → `storeschema`, `parts`, `choices`,
`schema` (what a scenario is) → `rules` (what its parts must fulfil together) → `examine`, `load`
(from a file to a scenario, or to all of its problems) → `dump` (back to a file) → `stores` (the
named stores and where their numbers come from). `vocabulary`, `problems`, `wording`, `locate` make
a good message of a mistake.
"""
