"""Copies of one photograph: candidates, evidence, the threshold, and the recall on planted ones."""
