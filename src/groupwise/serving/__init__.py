"""HTTP, and nothing else: pictures in, answers of a bundle out, without torch."""
