"""From what the data are and what the machine can do to a recipe whose every choice has a reason."""
