"""Closed forms and published models that simulations are held against."""
