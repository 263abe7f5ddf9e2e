"""The most wrong images: those to whose true class the network gave the least probability."""

from __future__ import annotations

from groupwise.errors import GroupwiseError
from groupwise.evaluation.words import may_be_guessing
from groupwise.report import plots
from groupwise.report.rendering import Section
from groupwise.report.thumbnails import Thumbnail, image_uri, load_thumbnail
from groupwise.runs.files import RunFiles
from groupwise.text import count

MOST = 12


def build(files: RunFiles) -> Section | None:
    """The images, the worst first; nothing where none is wrong."""
    wrong = _wrong_thumbnails(files)
    if not wrong:
        return None
    heats = {
        tile.path: load_thumbnail(files.heat_maps[tile.path])
        for tile in wrong
        if tile.path in files.heat_maps
    }
    shown = {path: image_uri(heat) for path, heat in heats.items() if heat is not None}
    values = {
        "gist": f"{count(len(wrong), 'image')}, the worst first",
        "wrong": wrong,
        "heats": shown,
        "fold": files.fold,
        "guessing": may_be_guessing(files.metrics[files.fold]),
    }
    return Section(values, _draw(wrong))


def _wrong_thumbnails(files: RunFiles) -> list[Thumbnail]:
    """The misclassified images of the fold that give their true class the least probability."""
    rows = [
        row for row in files.predictions if row["fold"] == files.fold and row["label"] != row["predicted"]
    ]
    worst = sorted(
        rows, key=lambda row: (_prob(row, row["label"]), -_prob(row, row["predicted"]), row["path"])
    )
    return [
        Thumbnail(
            row["path"],
            load_thumbnail(files.root / row["path"], files.reading),
            row["label"],
            row["predicted"],
            _prob(row, row["predicted"]),
            _prob(row, row["label"]),
        )
        for row in worst[:MOST]
    ]


def _prob(row: dict[str, str], label: str) -> float:
    cell = row.get(f"prob_{label}") or "0"
    try:
        return float(cell)
    except ValueError:
        raise GroupwiseError(
            f"{row['path']} has {cell!r} where the probability of {label} belongs",
            place="predictions.csv",
            remedy="Run `groupwise evaluate` again.",
        ) from None


def _draw(wrong: list[Thumbnail]) -> dict[str, bytes]:
    missed = [(tile.image, tile) for tile in wrong if tile.image is not None]
    if not missed:
        return {}
    png = plots.most_wrong(
        [image for image, _ in missed],
        [tile.label for _, tile in missed],
        [tile.predicted for _, tile in missed],
        [tile.prob for _, tile in missed],
    )
    return {"most_wrong.png": png}
