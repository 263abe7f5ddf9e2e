"""Answers over HTTP and from bundles, without torch."""
