"""The house rules as tests: each rule is a function from the tree to its violations.

``source`` holds what rules read and report, ``layers``, ``bans``, ``shape``, ``docs`` and
``tree`` hold the rules, ``test_house`` applies them all to this project, and each
``test_<module>`` shows a case that a rule accepts and one that it rejects.
"""
