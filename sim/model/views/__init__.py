"""What a component believes is in the bucket."""
