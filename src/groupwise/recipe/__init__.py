"""Every knob with its range and default; YAML in and out; no torch."""
