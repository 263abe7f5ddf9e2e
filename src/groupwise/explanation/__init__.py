"""Shows what in an image, and what in the network, an answer rests on."""
