"""Laws of durations as scenarios write them, from tables, texts and observed files."""
