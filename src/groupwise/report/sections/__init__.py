"""Sections of a report, one module each, with the partial of its name."""
