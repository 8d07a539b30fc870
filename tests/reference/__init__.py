"""The plain, slow and obvious implementation of ``sim/SEMANTICS.md``.

Reading order: world, store, client, view, actors, gateway, cleaner,
planner, compactor, queries, plain; ``handmade`` and the tests are worlds worked out by hand.
"""
