"""Labels that other networks, which had not seen the image, contradict: from `label_errors.csv`."""

from __future__ import annotations

from groupwise.data.targets import say
from groupwise.evaluation.words import may_be_guessing
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Thumbnail, load_thumbnail
from groupwise.runs.files import RunFiles
from groupwise.text import count

MOST = 12


def build(files: RunFiles) -> Section | None:
    """The most suspect labels, in the order of the file; nothing where none was found, or none can be."""
    if not files.label_errors or may_be_guessing(files.metrics[files.fold]):
        return None
    tiles = [
        Thumbnail(
            row["path"],
            load_thumbnail(files.root / row["path"], files.reading),
            say(row["label"]),
            say(row["suggested"]),
            float(row.get("prob_suggested") or 0),
        )
        for row in files.label_errors[:MOST]
    ]
    gist = count(len(files.label_errors), "suspect")
    return Section({"gist": gist, "suspects": tiles, "n": len(files.label_errors)})
