"""The simulated world: the store, and the actors that change it and read it."""
