"""The provenance of weights: which images they have learnt from already, where they come from a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from groupwise.data.manifest import Manifest, read_manifest
from groupwise.data.split import EXCLUDED, Assignment, Split, read_split
from groupwise.recipe.recipe import flatten, read_fields
from groupwise.runs.run import LEDGER, Run

NEAR = 4  # levels from the file of an export up to its run: RUN/export/timm/model.safetensors


def count_known_images(weights: Path, manifest: Manifest, split: Split) -> dict[str, int]:
    """How many images of each fold of `split` the weights have learnt from, or from a sibling of.

    An image is known by its bytes and, where both trainings read the same data, by its group. Folds without
    such images are left out, so it is empty where the weights are of no run.
    """
    known: set[str] = set()
    groups: set[str] = set()
    for run in _runs_behind(weights):
        digests = {s.path: s.sha256 for s in read_manifest(run.path("manifest.csv"), run.folder).usable}
        learnt = _taught(run)
        known |= {digests[row.path] for row in learnt}
        if run.root == manifest.root:
            groups |= {row.group for row in learnt} - {""}
    sha256 = {sample.path: sample.sha256 for sample in manifest.usable}
    rows = [row for row in split.rows if row.fold != EXCLUDED]
    return dict(Counter(row.fold for row in rows if sha256[row.path] in known or row.group in groups))


def _runs_behind(weights: Path) -> Iterator[Run]:
    """The run that the weights lie in, then the one whose weights that run began from, and so on."""
    seen: set[Path] = set()
    before: Path | None = weights
    while before is not None:
        start = before.resolve()
        folder = next((near for near in (start, *start.parents)[:NEAR] if (near / LEDGER).is_file()), None)
        if folder is None or folder in seen:
            return
        seen.add(folder)
        run = Run.open(folder)
        yield run
        fields = flatten(read_fields(run.path("recipe.yaml")))
        earlier = fields.get("model.weights") or fields.get("model.features")
        before = None if earlier is None else Path(earlier)


def _taught(run: Run) -> list[Assignment]:
    """What a network of the run has learnt from; the models of a cross-validation together know all."""
    rows = read_split(run.path("split.csv")).rows
    return [row for row in rows if row.fold == "train" or (run.is_ensemble and row.fold != EXCLUDED)]
