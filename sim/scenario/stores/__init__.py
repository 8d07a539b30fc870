"""Named stores, each value with its source."""
