"""Measurement of a run: predictions, metrics and decisions, written into its files."""
