"""Turns a run directory into `report.html`, one page that carries everything within itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import write_atomic
from groupwise.report import facts, figures, scores, words
from groupwise.report.figures import DARK, LIGHT, Image, Theme
from groupwise.report.lettering import drawable_names
from groupwise.report.pictures import draw_samples, image_uri, load_thumbnail, png_uri
from groupwise.report.protocol import cautions, hidden_faults
from groupwise.report.reading import RunFiles, read_run

GRID_ROWS, GRID_COLS = 2, 8
MOST_WRONG = 12


@dataclass(frozen=True)
class Tile:
    """An image with its caption; `image` is None where the file is gone."""

    path: str
    image: Image | None
    label: str
    predicted: str = ""
    prob: float = 0.0

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def uri(self) -> str:
        """The image as a data URI, or nothing."""
        return "" if self.image is None else image_uri(self.image)


@dataclass(frozen=True)
class Chart:
    """A figure for a light and for a dark page."""

    light: bytes
    dark: bytes

    @property
    def light_uri(self) -> str:
        return png_uri(self.light)

    @property
    def width_px(self) -> int:
        """The width at which its letters are as large as the page's, in CSS pixels."""
        return round(int.from_bytes(self.light[16:20], "big") * 96 / figures.DPI)

    @property
    def dark_uri(self) -> str:
        return png_uri(self.dark)


def render(template: str, **context: Any) -> str:
    """Fill in a template of `templates/`: every value is escaped, and one that is missing is an error."""
    environment = Environment(
        loader=PackageLoader("groupwise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": words.percent, "count": words.count, "code": mark_code}
    return environment.get_template(template).render(context)


def mark_code(text: str) -> Markup:
    """Escape `text` and set what stands between a pair of backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def write_report(run: Path) -> Path:
    """Write `report.html` and `figures/*.png` into the run directory `run`; returns the page's path.

    Equal files give an equal page. Raises GroupwiseError where a file without which there is no number is
    missing or damaged; a section whose file is absent is left out.
    """
    if not run.is_dir():
        raise UsageError(
            "no such folder", place=run, remedy="Give the folder that `groupwise train --run` wrote."
        )
    files = read_run(run)
    samples, wrong = _sample_tiles(files), _wrong_tiles(files)
    curves, confusion = _draw_curves(files), _draw_confusion(files)
    page = render(
        "report.html",
        files=files,
        recipe_name=files.recipe.get("name", "unnamed"),
        image_size_px=(files.recipe.get("data") or {}).get("image_size_px"),
        changes=files.ledger.get("recipe_changes") or [],
        readings=files.ledger.get("test_reading_log") or [],
        artefacts=files.ledger.get("artefacts") or {},
        headline=scores.headline(files),
        hidden=hidden_faults(files),
        cautions=cautions(files),
        curves=curves,
        confusion=confusion,
        classes=scores.class_rows(files),
        scores=scores.score_rows(files),
        split=facts.fold_table(files),
        samples=samples,
        wrong=wrong,
        time_spent=facts.time_spent(files),
        data=facts.data_facts(files),
        not_said=facts.NOT_SAID,
        unchecked=facts.unchecked(files),
        undrawable=[
            name for name, drawn in drawable_names(scores.class_names(files)).items() if name != drawn
        ],
    )
    if curves:
        write_atomic(run / "figures" / "curves.png", _draw_curve(files, ("accuracy", "loss"), LIGHT))
    write_atomic(run / "figures" / "confusion.png", confusion.light)
    _write_grids(run / "figures", samples, wrong)
    write_atomic(run / "report.html", page)
    return run / "report.html"


def _draw_curve(files: RunFiles, panels: Sequence[str], theme: Theme) -> bytes:
    fold, chosen = files.select_fold, files.chosen_epoch
    return figures.curves(files.history, select_fold=fold, chosen=chosen, panels=panels, theme=theme)


def _draw_curves(files: RunFiles) -> dict[str, Chart]:
    # One chart a panel, so that a narrow page can set one below the other.
    panels = ("accuracy", "loss") if files.history else ()
    return {
        name: Chart(_draw_curve(files, [name], LIGHT), _draw_curve(files, [name], DARK)) for name in panels
    }


def _draw_confusion(files: RunFiles) -> Chart:
    matrix, names = files.metrics[files.fold]["confusion"], scores.class_names(files)
    return Chart(figures.confusion(matrix, names), figures.confusion(matrix, names, theme=DARK))


def _sample_tiles(files: RunFiles) -> list[Tile]:
    labels = [row["label"] for row in files.assignments]
    drawn = [files.assignments[i] for i in draw_samples(labels, GRID_ROWS * GRID_COLS, seed=files.seed)]
    return [Tile(row["path"], load_thumbnail(files.root / row["path"]), row["label"]) for row in drawn]


def _wrong_tiles(files: RunFiles) -> list[Tile]:
    """The misclassified images of the fold that give their true class the least probability."""
    rows = [
        row for row in files.predictions if row["fold"] == files.fold and row["label"] != row["predicted"]
    ]
    worst = sorted(
        rows, key=lambda row: (_prob(row, row["label"]), -_prob(row, row["predicted"]), row["path"])
    )
    return [
        Tile(
            row["path"],
            load_thumbnail(files.root / row["path"]),
            row["label"],
            row["predicted"],
            _prob(row, row["predicted"]),
        )
        for row in worst[:MOST_WRONG]
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


def _write_grids(folder: Path, samples: Sequence[Tile], wrong: Sequence[Tile]) -> None:
    shown = [(tile.image, tile.label) for tile in samples if tile.image is not None]
    if shown:
        images, titles = zip(*shown, strict=True)
        write_atomic(folder / "samples.png", figures.sample_grid(images, titles, GRID_ROWS, GRID_COLS))
    missed = [tile for tile in wrong if tile.image is not None]
    if missed:
        png = figures.most_wrong(
            [tile.image for tile in missed if tile.image is not None],
            [tile.label for tile in missed],
            [tile.predicted for tile in missed],
            [tile.prob for tile in missed],
        )
        write_atomic(folder / "most_wrong.png", png)
