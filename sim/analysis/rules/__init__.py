"""Safety rules: what the delays of a scenario prove before anything is simulated."""
