"""The command line as a test calls it, and the tables that it writes."""

import csv

from groupwise.cli.main import main


def run(capsys, *argv):
    """Exit status, and what was said on both streams."""
    status = main([str(word) for word in argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def rows(path):
    """A CSV file, one dictionary a row."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
