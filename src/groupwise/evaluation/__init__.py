"""Turns the predictions of one fold into figures that carry their uncertainty."""
