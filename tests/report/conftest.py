"""A small run directory, sound unless told otherwise, and a parser for the page that comes of it."""

import io
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from groupwise.data.manifest import Manifest, Sample
from groupwise.data.participants import Participants
from groupwise.data.proof import proof
from groupwise.data.split import make_split
from groupwise.files import write_csv, write_json
from groupwise.stats.intervals import LINEARISED, ONE_SOURCE

HISTORY = (
    *("epoch", "train_loss", "train_accuracy", "select_fold", "select_loss", "select_accuracy"),
    *("learning_rate", "seconds", "images_per_second", "waiting_seconds"),
)
SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}
PER_SOURCE = 3


class Page(HTMLParser):
    """The text, the elements and the attributes of a page; style sheets are no text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.styles: list[str] = []
        self._in_style = False
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        (self.styles if self._in_style else self.words).append(data)

    @property
    def text(self) -> str:
        """All words in one line, with ordinary spaces."""
        return " ".join("".join(self.words).split())

    @property
    def headings(self) -> list[str]:
        """Titles of the boxes and sections that are there, by their `aria-label` or class."""
        return [str(attrs.get("class")) for tag, attrs in self.elements if tag == "section"]

    def has_box(self, kind: str) -> bool:
        """Whether the red (`hidden`) or amber (`care`) box is there."""
        return any(kind in name.split() for name in self.headings)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a run of two or more classes; keywords plant what is wrong with it."""

    def make(
        *,
        classes: tuple[str, ...] = ("cat", "dog"),
        method: str = "grouped",
        grouped: bool = True,
        select_fold: str = "val",
        epochs: int = 12,
        ledger: Mapping[str, Any] | None = None,
        name: str = "run",
        file_stem: str = "image",
    ) -> Path:
        run, root = tmp_path / name, tmp_path / "data"
        samples = _write_images(root, classes, grouped, file_stem)
        split = make_split(samples, Participants(range(len(samples))), shares=SHARES, seed=1, method=method)
        split.write(run / "split.csv")
        write_json(run / "split.json", {"method": method, "seed": 1, **proof(split)})
        write_json(run / "run.json", _ledger(root) | dict(ledger or {}))
        recipe = {
            "name": "default",
            "split": {"method": method},
            "training": {"epochs": epochs, "select_fold": select_fold, "select_by": ["accuracy", "loss"]},
            "seed": 3,
        }
        (run / "recipe.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
        write_csv(run / "history.csv", HISTORY, [_epoch(i, select_fold) for i in range(1, epochs + 1)])
        _write_scores(run, [row for row in split.rows if row.fold == "test"], classes)
        listed = tuple(Sample(row.path, row.label, row.group) for row in split.rows)
        Manifest(root, listed).write(run / "manifest.csv")
        return run

    return make


def _write_images(
    root: Path, classes: tuple[str, ...], grouped: bool, stem: str
) -> list[tuple[str, str, str]]:
    """Ten sources of three images a class, 12 pixels wide."""
    root.mkdir(exist_ok=True)
    rng, samples = np.random.default_rng(0), []
    for k, label in enumerate(classes):
        for i in range(10 * PER_SOURCE):
            path = f"{stem}-{k}-{i}.png"
            Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(root / path)
            samples.append((path, label, f"{k}/{i // PER_SOURCE}" if grouped else ""))
    return samples


def _ledger(root: Path) -> dict[str, Any]:
    return {
        "version": "0.1.0",
        "data": "pets",
        "root": str(root),
        "created": "2026-01-02T03:04:05+00:00",
        "artefacts": {"split.csv": {"sha256": "ab" * 32, "from": {}}},
        "test_readings": 1,
        "test_reading_log": [{"when": "2026-01-02T03:05:00+00:00", "why": "the final evaluation"}],
        "interrupted": False,
        "recipe_changes": [{"field": "training.epochs", "default": 30, "value": 12}],
        "notes": [],
    }


def _epoch(i: int, select_fold: str) -> tuple[object, ...]:
    # The third epoch is the best.
    return (i, 1 / i, 1 - 0.5 / i, select_fold, 0.5, 0.9 if i == 3 else 0.7, 1e-3, 2.0, 50.0, 0.5)


def _write_scores(run: Path, rows: list[Any], classes: tuple[str, ...]) -> None:
    """Predict every image right but the first of each class, which is taken for the next class."""
    k, seen, lines = len(classes), set(), []
    confusion = np.zeros((k, k), int)
    names = sorted(classes)
    for row in rows:
        true = names.index(row.label)
        predicted = true if row.label in seen else (true + 1) % k
        seen.add(row.label)
        confusion[true, predicted] += 1
        probs = np.full(k, 0.2 / max(k - 1, 1))
        probs[predicted] = 0.8
        lines.append((*row, names[predicted], *probs.tolist()))
    header = ["path", "label", "group", "cluster", "fold", "predicted", *(f"prob_{name}" for name in names)]
    write_csv(run / "predictions.csv", header, lines)
    n, right = len(rows), int(np.trace(confusion))
    share = {
        "value": right / n,
        "low": 0.55,
        "high": 0.96,
        "n": n,
        "sources": 4,
        "method": LINEARISED,
    }
    per_class = {name: {"recall": share, "precision": share} for name in names}
    write_json(
        run / "metrics.json",
        {
            "test": {
                "schema": 2,
                "n": n,
                "sources": len({row.group or row.path for row in rows}),
                "accuracy": share,
                "macro_f1": {"value": None, "low": None, "high": None, "reason": ONE_SOURCE},
                "per_class": per_class,
                "confusion": confusion.tolist(),
                "majority": {"class": names[0], "accuracy": 0.5},
                "warnings": [],
            }
        },
    )


FIGURE = {"value": 0.75, "low": 0.5, "high": 0.9, "n": 12, "sources": 4, "method": LINEARISED}


@pytest.fixture
def probed() -> Callable[[Path], Path]:
    """Add `slices.json` and `robustness.json` to a run, with a worst slice that chance may explain."""

    def probe(run: Path) -> Path:
        slices = [
            {"value": name, "n": 6, "sources": 2, "accuracy": FIGURE | {"value": value}, "recall": {}}
            | {"p": p, "p_holm": 2 * p}
            for name, value, p in (("north", 0.9, 0.2), ("<b>south</b>", 0.6, 0.2))
        ]
        write_json(
            run / "slices.json",
            {
                **{"fold": "test", "n": 12, "sources": 4, "accuracy": FIGURE},
                "columns": [{"column": "site", "binned": False, "slices": slices}],
                "skipped": [{"column": "id", "reason": "another value for every image"}],
                "worst": {"column": "site", "value": "<b>south</b>"},
                "compared": 2,
            },
        )
        steps = {"unit": "pixels", "sizes": [1, 2, 3, 4, 5], "accuracy": [FIGURE] * 5}
        facts = {"fold": "test", "n": 12, "sources": 4, "seed": 0, "clean": FIGURE}
        write_json(run / "robustness.json", facts | {"corruptions": {"blur": steps, "noise": steps}})
        return run

    return probe


@pytest.fixture
def plain_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, for tests that read words: the figures take nearly all of a report's time."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    for name in ("curves", "confusion", "sample_grid", "most_wrong"):
        monkeypatch.setattr(f"groupwise.report.plots.{name}", lambda *_, **__: buffer.getvalue())
    for name in ("reliability", "coverage", "robustness"):
        monkeypatch.setattr(f"groupwise.report.plots.{name}", lambda *_, **__: buffer.getvalue())
    for name in ("roc", "precision_recall", "net_benefit", "spread", "learning_curve"):
        monkeypatch.setattr(f"groupwise.report.score_plots.{name}", lambda *_, **__: buffer.getvalue())


@pytest.fixture
def parse() -> Callable[[Path], Page]:
    """Read a page."""
    return lambda path: Page(path.read_text(encoding="utf-8"))
