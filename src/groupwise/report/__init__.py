"""Pages that a person reads, from the files of a run."""
