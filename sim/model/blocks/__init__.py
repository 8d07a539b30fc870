"""Blocks, and which makes which superfluous."""
