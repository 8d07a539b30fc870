"""Deterministic simulation of deletion schemes in an object store of immutable blocks."""

__version__ = "0.1.0"
