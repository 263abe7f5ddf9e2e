"""From image files to samples, folds and batches."""
