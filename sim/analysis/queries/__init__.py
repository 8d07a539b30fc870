"""What queries met: exposure, outcomes exact and sampled, and what bounds them."""
