"""Everything that is wrong with a scenario, where, and what was meant."""
