"""What the records of a run mean. Pure functions from timelines to numbers."""
