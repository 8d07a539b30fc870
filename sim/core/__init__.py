"""Level 1: units of time and size, named random streams, arrivals, laws and the kernel."""
