"""The provenance of weights: which images they have learnt from already, where they come from a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from groupwise.data.manifest import Manifest, read_manifest
from groupwise.data.split import EXCLUDED, Assignment, Split, read_split
from groupwise.recipe.recipe import flatten, read_fields
from groupwise.runs.run import LEDGER, Run

NEAR = 4  # levels from the file of an export up to its run: RUN/export/timm/model.safetensors


def count_known_images(runs: Sequence[Run], manifest: Manifest, split: Split) -> dict[str, int]:
    """How many images of each fold of `split` the `runs` behind weights have learnt from, or a sibling of.

    An image is known by its bytes and, where both trainings read the same data, by its group. Folds without
    such images are left out, so it is empty where the weights are of no run.
    """
    known: set[str] = set()
    groups: set[str] = set()
    for run in runs:
        digests = {s.path: s.sha256 for s in read_manifest(run.path("manifest.csv"), run.folder).usable}
        learnt = _taught(run)
        known |= {digests[row.path] for row in learnt}
        if run.root == manifest.root:
            groups |= {row.group for row in learnt} - {""}
    sha256 = {sample.path: sample.sha256 for sample in manifest.usable}
    rows = [row for row in split.rows if row.fold != EXCLUDED]
    return dict(Counter(row.fold for row in rows if sha256[row.path] in known or row.group in groups))


def runs_behind(weights: Path) -> tuple[list[Run], str]:
    """The run that the weights lie in, then the one whose weights that run began from, and so on.

    Beside them stands what the last of them began from, where that is gone, so that nobody can tell whether
    it was a run; else "".
    """
    runs: list[Run] = []
    before: Path | None = weights
    while before is not None:
        start = before.resolve()
        folder = next((near for near in (start, *start.parents)[:NEAR] if (near / LEDGER).is_file()), None)
        if folder is None or folder in [run.folder for run in runs]:
            break
        run = Run.open(folder)
        runs.append(run)
        fields = flatten(read_fields(run.path("recipe.yaml")))
        earlier = fields.get("model.weights") or fields.get("model.features")
        before = None if earlier is None else run.find(earlier)
        is_gone = earlier is not None and before is None
        if is_gone and "pretrained" not in run.ledger:  # published ones are of no run
            return runs, str(earlier)
    return runs, ""


def _taught(run: Run) -> list[Assignment]:
    """What a network of the run has learnt from; the models of a cross-validation together know all."""
    rows = read_split(run.path("split.csv")).rows
    return [row for row in rows if row.fold == "train" or (run.is_ensemble and row.fold != EXCLUDED)]
