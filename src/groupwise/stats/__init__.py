"""Arrays in, estimates with their uncertainty out; numpy and scipy alone."""
