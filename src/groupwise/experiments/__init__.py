"""Several networks, to learn what one cannot tell."""
