"""Whether a store kept its word: judges of histories (``STATISTICS.md``)."""
