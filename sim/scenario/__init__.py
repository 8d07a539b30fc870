"""The scenario language: what a scenario is, how it is read, checked and printed back.

Reading order: `language` (what a value and a table may be) and `laws` (those of durations) →
`schema` (what a scenario is) → `language.rules` (what its parts must fulfil together) →
`complaints.examine`, `load` (from a file to a scenario, or to all of its problems) → `dump` (back
to a file) → `stores` (the named stores and where their numbers come from). `complaints` make a good
message of a mistake; `editor` describes the language to editors.

A new key: a field with its default and description in one of the tables, a rule in
`language.rules` if it depends on another one, accepted and refused values in
``tests/unit/test_scenario_rules.py``, and the schema for editors refreshed by
``pytest --update-golden tests/unit/test_scenario_dump.py``.
"""
