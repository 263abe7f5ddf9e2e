"""Trains several models to learn what one cannot tell."""
