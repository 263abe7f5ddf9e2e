"""The chain as a scikit-learn estimator over image files: `fit(paths, labels, groups=...)`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from groupwise.console import Console
from groupwise.data.label_cells import is_missing
from groupwise.data.manifest import Manifest, Sample
from groupwise.data.scan import scan_listed
from groupwise.data.targets import BAR, is_set, write_set
from groupwise.errors import GroupwiseError, UsageError, require_kinds
from groupwise.inference.predictor import load_run
from groupwise.pipeline.train import train
from groupwise.recipe.parsing import read_recipe
from groupwise.runs.request import RunRequest
from groupwise.stats.arrays import Floats

CHANGES = (Mapping, "a dictionary, such as {'training.epochs': 20}")
# What a cross-validation holds out is its own test fold, so none is set aside here.
NO_TEST_FOLD = {"split.train": 0.9, "split.val": 0.1, "split.test": 0.0}


class GroupwiseClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A ResNeXt classifier of image files.

    Args:
        recipe: Name of a recipe, or a YAML file.
        changes: Fields of it to change, by their paths: `{"training.epochs": 20}`.
        run: The folder to write; None for a temporary one, which goes with the estimator.

    A tenth of the sources chooses the epoch; all others are trained on. After `fit`, `classes_` holds the
    labels in sorted order, `metrics_` the figures of the fold that chose, and `predictor_` the network.

    Where images have several labels, y is scikit-learn's indicator matrix, (N, K), with a 1 for each label of
    an image: an array, or a table whose columns name the labels. `classes_` are its columns then, `predict`
    returns such a matrix by the thresholds that were chosen, and `predict_proba` one probability a label,
    each by itself.

    Paths, labels and groups may be lists, arrays, columns of a table, or tables of one column. Groups are as
    they are given, 0 one like any other; images whose group is missing, None or nan, stand alone.
    Scikit-learn's metadata routing passes groups on after `set_fit_request(groups=True)`.
    """

    def __init__(
        self,
        recipe: str = "default",
        changes: Mapping[str, Any] | None = None,
        run: str | Path | None = None,
    ) -> None:
        self.recipe = recipe
        self.changes = changes
        self.run = run

    def fit(
        self,
        X: Sequence[str | Path],  # noqa: N803  # scikit-learn's name
        y: Sequence[Any] | None = None,
        groups: Sequence[Any] | None = None,
    ) -> GroupwiseClassifier:
        """Train on image files X with labels y; images of one group stay on one side of the split."""
        require_kinds({"changes": self.changes}, {"changes": CHANGES})
        if np.shape(X)[:1] == (0,):  # type: ignore[arg-type]
            raise ValueError("X holds 0 samples. Give paths of image files, and a label for each.")
        targets = _targets(y)
        check_consistent_length(X, targets, groups)
        paths = _paths(X)
        several = targets.ndim == 2
        self.classes_ = _columns(y, targets) if several else np.unique(targets)
        self._names = _names(self.classes_, several=several)
        labels = _written(targets, self._names) if several else list(map(str, targets))
        files = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  # symbolic links stay
        root = Path(os.path.commonpath([file.parent for file in files]))
        group_of = [None] * len(files) if groups is None else column_or_1d(groups).tolist()
        samples = [
            Sample(file.relative_to(root).as_posix(), label, "" if _is_none(group) else str(group))
            for file, label, group in zip(files, labels, group_of, strict=True)
        ]
        if self.run is None:
            self._folder = tempfile.TemporaryDirectory(prefix="groupwise-")
        folder = Path(self._folder.name, "run") if self.run is None else Path(self.run)
        base, recipe = read_recipe(self.recipe, {**NO_TEST_FOLD, **(self.changes or {})})

        def scan(progress: Any) -> Manifest:
            manifest = scan_listed(root, samples, reading=recipe.data.wanted, progress=progress)
            for sample in set(manifest.samples) - set(manifest.usable):
                raise GroupwiseError(sample.reason, place=root / sample.path, remedy="Leave it out of X.")
            return manifest

        self.metrics_ = train(
            RunRequest(data=root, scan=scan, folder=folder, recipe=recipe, base=base), Console(quiet=True)
        )
        self.predictor_ = load_run(folder)
        return self

    def predict_proba(self, X: Sequence[str | Path]) -> Floats:  # noqa: N803
        """Probabilities of image files, (N, K), in the order of `classes_`."""
        check_is_fitted(self, "predictor_")
        predictions = self.predictor_.predict(_paths(X))
        rows = [[p.probabilities.get(name, 0.0) for name in self._names] for p in predictions]
        return np.array(rows).reshape(len(rows), len(self.classes_))

    def predict(self, X: Sequence[str | Path]) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable label of image files, (N,), or those of each as an indicator matrix, (N, K)."""
        probs = self.predict_proba(X)
        rule = self.predictor_.decision.label_sets
        if rule is not None:
            known = [self._names.index(name) for name in self.predictor_.classes]
            given = np.zeros(probs.shape, dtype=np.int64)
            given[:, known] = rule.given(probs[:, known])
            return given
        best = probs.argmax(1)
        labels: npt.NDArray[Any] = self.classes_[best]
        return labels

    def __sklearn_tags__(self) -> Tags:
        """X holds text, one path an image, and is no table of numbers."""
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.classifier_tags.multi_label = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: all but the temporary folder, which belongs to this process."""
        return {name: value for name, value in super().__getstate__().items() if name != "_folder"}


def _targets(y: Sequence[Any] | None) -> npt.NDArray[Any]:
    """Labels (N,) or an indicator matrix (N, K), refused in scikit-learn's words where they are none, missing
    or continuous.
    """
    if y is None:
        raise ValueError("GroupwiseClassifier requires y to be passed, but the target y is None.")
    held = np.asarray(y, dtype=object).ravel()
    if any(_is_none(label) for label in held if not isinstance(label, str)):
        raise ValueError("Input y contains NaN.")  # scikit-learn looks for it among numbers alone
    if type_of_target(y, input_name="y") == "multilabel-indicator":
        matrix: Any = y
        return np.asarray(matrix.toarray() if issparse(matrix) else matrix, dtype=np.int64)
    column: npt.NDArray[Any] = column_or_1d(y, warn=True)
    assert_all_finite(column, input_name="y")
    check_classification_targets(column)
    return column


def _is_none(value: object) -> bool:
    """Whether it is what Python, numpy and pandas have where there is none, or writes itself so."""
    return value is None or is_missing(str(value))


def _columns(y: Any, members: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What the columns of an indicator matrix are called: as a table names them, or else by their number."""
    columns = getattr(y, "columns", None)
    return np.arange(members.shape[1]) if columns is None else np.asarray(columns)


def _names(classes: npt.NDArray[Any], *, several: bool) -> list[str]:
    """The classes as a manifest writes them; raises `UsageError` for names that it cannot."""
    names = [str(label) for label in classes]
    if len(set(names)) < len(names):
        raise UsageError(
            "two labels are written alike", place="y", remedy="Give labels of one type, such as text."
        )
    if missing := [name for name in names if is_missing(name)]:
        raise UsageError(
            f"holds {missing[0]!r}, which stands for a missing label",
            place="y",
            remedy="Leave these images out, or call the class otherwise.",
        )
    odd = next((name for name in names if is_set(name) or (several and (BAR in name or not name))), None)
    if odd is not None:
        raise UsageError(
            f"holds the label {odd!r}, and a bar parts the labels of a set",
            place="y",
            remedy="Rename it; several labels an image are an indicator matrix with a column each.",
        )
    return names


def _written(members: npt.NDArray[Any], names: Sequence[str]) -> list[str]:
    return [write_set(name for name, has in zip(names, row, strict=True) if has) for row in members]


def _paths(images: Sequence[str | Path]) -> list[str | Path]:
    """The paths of a list, an array, a column or a table of one column."""
    shape = np.shape(images)  # type: ignore[arg-type]
    paths = np.asarray(images, object)
    if len(shape) > 1:
        paths = column_or_1d(paths)
    for path in paths:
        if not isinstance(path, str | Path):
            raise UsageError(
                f"holds {type(path).__name__} {path!r}, which is no path",
                place="X",
                remedy="Give paths of image files: the files are read here, not their pixels.",
            )
    return list(paths)
