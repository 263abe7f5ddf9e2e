"""Decoded images in, batches out, every random choice a function of counters."""
