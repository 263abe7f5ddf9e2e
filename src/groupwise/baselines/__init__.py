"""What is cheap to fit on the same folds, so that a number has something to stand beside."""
