"""Speed, measured: see `make bench`, `make bench-compare` and `make bench-limits`."""
