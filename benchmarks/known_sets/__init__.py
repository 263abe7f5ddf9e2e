"""What is in published data sets: read from a local copy, audited, split both ways, looked at."""
