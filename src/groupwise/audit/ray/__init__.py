"""The same audit on the machines of a Ray cluster."""
