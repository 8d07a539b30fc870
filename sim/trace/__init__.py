"""The record of a run: what happened, in order, and the columns that judges read."""
