"""The run directory: ledger, lock, provenance and typed readers; no torch."""
