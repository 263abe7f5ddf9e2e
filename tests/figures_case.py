"""Figures in the files of a run: others put among them, and as an older build wrote them."""

from groupwise.files import read_json, write_json


def add_figures(run, **figures):
    """Put them among those of the test fold."""
    metrics = read_json(run / "metrics.json")
    metrics["test"] |= figures
    write_json(run / "metrics.json", metrics)


def as_older(held):
    """What the older build wrote: no schema, and `groups` for the number of sources."""
    if isinstance(held, list):
        return [as_older(one) for one in held]
    if not isinstance(held, dict):
        return held
    renamed = {"groups" if key == "sources" else key: as_older(value) for key, value in held.items()}
    return {key: value for key, value in renamed.items() if key != "schema"}
