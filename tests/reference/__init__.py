"""The plain, slow and obvious implementation of ``sim/SEMANTICS.md``.

Reading order: world, store, client, view, actors, gateway, compactor, queries, plain.
"""
