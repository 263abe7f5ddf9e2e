"""May the data be trusted: copies, findings, sessions and shortcuts, with measured recall."""
