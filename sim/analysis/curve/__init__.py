"""Every delete delay out of one run: critical delays, and when one run speaks for others."""
