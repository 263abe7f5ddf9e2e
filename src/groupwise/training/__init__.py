"""Fits a network to a fold, and can stop and go on at any epoch."""
