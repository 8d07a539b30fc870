"""Fast tests; one file per module of ``sim``."""
