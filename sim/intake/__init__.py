"""Real buckets: what is found in them, and the scenario that it is a scenario of."""
