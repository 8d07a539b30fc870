"""Two results held against each other: numbers, differences, gates."""
