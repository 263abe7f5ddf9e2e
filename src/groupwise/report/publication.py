"""A report for a paper: figures as SVG and PNG of 300 dpi, tables as CSV, the methods in two languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

from groupwise.errors import UsageError
from groupwise.files import write_atomic, write_csv
from groupwise.report.checklist.checklist import answer_all
from groupwise.report.methods import methods
from groupwise.report.page import build_sections
from groupwise.report.style import PRINT, drawn_as
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import NBSP

INTERVAL = ("value", "low", "high", "n", "sources", "method", "reason")
POINT = ("value", "low", "high")

Table = tuple[Sequence[str], Iterable[Sequence[object]]]


def write_publication(files: RunFiles, folder: Path) -> list[Path]:
    """Write all of it into `folder`, which is made; returns the files. Raises `UsageError` for a file."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("a file, and no folder", place=folder, remedy="Name a folder for --figures.")
    written = []
    for output in PRINT:
        with drawn_as(output):
            sections = build_sections(files)
        for section in sections.values():
            for name, picture in section.pictures.items():
                written.append(folder / f"{PurePath(name).stem}.{output.suffix}")
                write_atomic(written[-1], picture)
    for name, (header, rows) in tables(files).items():
        written.append(folder / f"{name}.csv")
        write_csv(written[-1], header, rows)
    for language in ("en", "zh"):
        written.append(folder / f"methods.{language}.md")
        write_atomic(written[-1], methods(files, language) + "\n")
    return written


def tables(files: RunFiles) -> dict[str, Table]:
    """Every table by its name: header and rows."""
    measured = files.metrics[files.fold]
    found: dict[str, Table] = {
        "figures": (("figure", "of", *INTERVAL), _figures(measured)),
        "classes": (
            ("class", "figure", *INTERVAL),
            [
                (name, key, *_cells(figure if isinstance(figure, Mapping) else {"value": figure}, INTERVAL))
                for name, scores in measured["per_class"].items()
                for key, figure in scores.items()
                if isinstance(figure, Mapping) or key == "threshold"
            ],
        ),
        "checklist": (
            ("topic", "question", "claim", "tripod_ai", "reforms", "stard_ai", "neurips", "state", "text"),
            [
                (
                    *(one.item.topic, one.item.question, one.item.claim, one.item.tripod),
                    *(one.item.reforms, one.item.stard, one.item.neurips, one.answer.state),
                    one.answer.text.replace(NBSP, " "),
                )
                for one in answer_all(files)
            ],
        ),
    }
    return found | _confusion(files) | _curves(measured.get("curves")) | _slices(files.slices)


def _figures(measured: Mapping[str, Any]) -> list[Sequence[object]]:
    """The figures of the whole fold, those of a further level by both of their names."""
    rows: list[Sequence[object]] = []
    for key, held in measured.items():
        if not isinstance(held, Mapping) or key == "per_class":
            continue
        inner = {key: held} if "value" in held else {f"{key}.{name}": one for name, one in held.items()}
        for name, figure in inner.items():
            if isinstance(figure, Mapping) and "sources" in figure:
                rows.append((name, Estimate.from_json(figure).of or "", *_cells(figure, INTERVAL)))
    return rows


def _confusion(files: RunFiles) -> dict[str, Table]:
    """True classes in rows, predicted ones in columns; there is none of sets of labels."""
    if files.several:
        return {}
    counts = files.metrics[files.fold]["confusion"]
    rows = [(name, *row) for name, row in zip(files.class_names, counts, strict=True)]
    return {"confusion": (("true", *files.class_names), rows)}


def _curves(curves: Mapping[str, Any] | None) -> dict[str, Table]:
    if not curves:
        return {}
    found: dict[str, Table] = {
        name: ((along, *POINT), [(point[along], *_cells(point, POINT)) for point in curves[name]])
        for name, along in (("roc", "fpr"), ("precision_recall", "recall"))
    }
    spread = curves["probabilities"]
    found["probabilities"] = (
        ("class", *(f"{edge:.2f} to {above:.2f}" for edge, above in pairwise(spread["edges"]))),
        [(name, *counts) for name, counts in spread["counts"].items()],
    )
    if curves["net_benefit"] is not None:
        gain = [f"gain_{name}" for name in POINT]
        found["net_benefit"] = (
            ("threshold", "treat_all", *POINT, *gain),
            [
                (one["threshold"], one["treat_all"], *_cells(one, POINT), *_cells(one["gain"], POINT))
                for one in curves["net_benefit"]
            ],
        )
    return found


def _slices(facts: Mapping[str, Any]) -> dict[str, Table]:
    if not facts:
        return {}
    rows = [
        (column["column"], one["value"], one["p_holm"], *_cells(one["accuracy"], INTERVAL))
        for column in facts["columns"]
        for one in column["slices"]
    ]
    return {"slices": (("column", "slice", "p_holm", *INTERVAL), rows)}


def _cells(figure: Mapping[str, Any], names: Sequence[str]) -> list[object]:
    return ["" if figure.get(name) is None else figure[name] for name in names]
