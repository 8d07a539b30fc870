"""The tables and values of the scenario language, and what they must fulfil together."""
