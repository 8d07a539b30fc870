"""What a run takes, and what a machine refuses."""
