"""Figures that need bootstrap draws of a fold: means over classes, rankings, losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from groupwise.stats.arrays import Floats, Mask
from groupwise.stats.bootstrap import source_weights
from groupwise.stats.calibration import bin_confidences, squared_errors
from groupwise.stats.estimate import Estimate
from groupwise.stats.fold import (
    Fold,
    Ranking,
    balanced_accuracy,
    brier_losses,
    class_counts,
    log_losses,
    macro_f1,
    matthews,
    weighted_means,
)
from groupwise.stats.intervals import (
    ONE_SOURCE,
    balanced_support,
    calibration_estimate,
    log_loss_estimate,
    resampled_agreement,
    resampled_share,
    whole_support,
)
from groupwise.stats.risk_coverage import Risks


class _Scorer:
    """Every bootstrapped figure of a fold, prepared once and weighed chunk by chunk."""

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self.bins = bin_confidences(fold)
        self.rankings = [Ranking.of(fold, k) for k in range(fold.n_classes)]
        self.risks = Risks.of(fold)
        self.images = fold.per_source(np.ones(fold.n))
        self.log_losses = fold.per_source(log_losses(fold))
        self.brier_losses = fold.per_source(brier_losses(fold))

    def weigh(self, weights: Floats) -> dict[str, Floats]:
        """The figures for each row of `weights` (D, G): (D,), or (D, K) for rankings."""
        counts = class_counts(self.fold, weights)
        rankings = [ranking.weigh(weights) for ranking in self.rankings]
        squared, noise = squared_errors(self.bins, weights)
        return {
            "balanced_accuracy": balanced_accuracy(self.fold, counts),
            "macro_f1": macro_f1(self.fold, counts),
            "mcc": matthews(counts),
            "auroc": np.column_stack([auroc for auroc, _ in rankings]),
            "average_precision": np.column_stack([precision for _, precision in rankings]),
            "log_loss": weighted_means(weights, self.log_losses, self.images),
            "brier": weighted_means(weights, self.brier_losses, self.images),
            "risk_area": self.risks.area(weights),
            "squared_error": squared,
            "noise": noise,
        }


@dataclass(frozen=True, eq=False)
class Resampled:
    """A fold, its figures in one row and, where it has several sources, bootstrap draws of them."""

    fold: Fold
    classes: Sequence[str]
    plain: Mapping[str, Floats]
    draws: Mapping[str, Floats] | None

    @classmethod
    def of(cls, fold: Fold, classes: Sequence[str], draws: int, seed: int) -> Resampled:
        scorer = _Scorer(fold)
        plain = scorer.weigh(np.ones((1, fold.n_sources)))
        if fold.n_sources < 2:
            return cls(fold, classes, plain, None)
        chunks = [scorer.weigh(weights) for weights in source_weights(fold, draws, seed)]
        return cls(fold, classes, plain, {name: np.concatenate([c[name] for c in chunks]) for name in plain})

    @classmethod
    def of_recalls(cls, fold: Fold, classes: Sequence[str], draws: int, seed: int) -> Resampled:
        """With balanced accuracy alone, which spares the rankings."""

        def weigh(weights: Floats) -> dict[str, Floats]:
            return {"balanced_accuracy": balanced_accuracy(fold, class_counts(fold, weights))}

        plain = weigh(np.ones((1, fold.n_sources)))
        if fold.n_sources < 2:
            return cls(fold, classes, plain, None)
        chunks = [weigh(weights)["balanced_accuracy"] for weights in source_weights(fold, draws, seed)]
        return cls(fold, classes, plain, {"balanced_accuracy": np.concatenate(chunks)})

    def over_classes(self, name: str) -> Estimate:
        """The mean over classes called `name`: `balanced_accuracy` or `macro_f1`."""
        present = [k for k, n in enumerate(self.fold.support) if n > 0]
        draws = None if self.draws is None else self.draws[name]
        return self._estimate(float(self.plain[name][0]), draws, self._parts(present))

    def matthews(self) -> Estimate:
        """Matthews correlation, from -1 to 1."""
        figure = self._whole("mcc")
        if self.draws is None:
            return replace(figure, reason=ONE_SOURCE)
        present = [k for k, n in enumerate(self.fold.support) if n > 0]
        parts = self._parts(present)
        if lone := self._lone(parts):
            return replace(figure, reason=lone)
        return resampled_agreement(
            figure, self.draws["mcc"], *balanced_support(self.fold, list(parts.values()))
        )

    def rankable(self) -> list[int]:
        """Classes with images on both sides: of the class, and of others."""
        return [k for k, n in enumerate(self.fold.support) if 0 < n < self.fold.n]

    def class_ranking(self, name: str, k: int) -> Estimate:
        """`auroc` or `average_precision` of class `k` against the rest."""
        if k not in self.rankable():
            other = "" if self.fold.support[k] == 0 else "other than "
            reason = f"no image {other}of {self.classes[k]} in this fold"
            return Estimate(None, self.fold.n, self.fold.n_sources, reason=reason)
        draws = None if self.draws is None else self.draws[name][:, k]
        is_k = self.fold.labels == k
        parts = {self.classes[k]: self._images(is_k), "the rest": self._images(~is_k)}
        figure = self._estimate(float(self.plain[name][0, k]), draws, parts)
        return replace(figure, of=f"{self.classes[k]} against the rest")

    def ranking(self, name: str) -> Estimate:
        """`auroc` or `average_precision` of the fold: of the second of two classes, or the mean over more."""
        if self.fold.n_classes == 2:
            return self.class_ranking(name, 1)
        ranked = self.rankable()
        if not ranked:
            return Estimate(
                None, self.fold.n, self.fold.n_sources, reason="no two classes in this fold to rank"
            )
        draws = None if self.draws is None else self.draws[name][:, ranked].mean(axis=1)
        figure = self._estimate(float(self.plain[name][0, ranked].mean()), draws, self._parts(ranked))
        of = f"mean over {len(ranked)} of {self.fold.n_classes} classes, each against the rest"
        return replace(figure, of=of)

    def log_loss(self, accuracy: Estimate) -> Estimate:
        """Log loss in nats an image."""
        if self.draws is None:
            return replace(self._whole("log_loss"), reason=ONE_SOURCE)
        return log_loss_estimate(
            self.fold, float(self.plain["log_loss"][0]), self.draws["log_loss"], accuracy
        )

    def brier(self) -> Estimate:
        """Brier score, from 0 to 2; half of it is a share, and so are half its limits."""
        figure = self._whole("brier")
        if self.draws is None:
            return replace(figure, reason=ONE_SOURCE)
        assert figure.value is not None
        support = whole_support(self.fold)
        half = replace(figure, value=figure.value / 2)
        half = resampled_share(half, self.draws["brier"] / 2, support, support.df)
        assert half.low is not None
        assert half.high is not None
        return replace(half, value=figure.value, low=2 * half.low, high=2 * half.high)

    def risk_area(self) -> Estimate:
        """Area under the risk-coverage curve, from 0 to 1."""
        figure = self._whole("risk_area")
        if self.draws is None:
            return replace(figure, reason=ONE_SOURCE)
        support = whole_support(self.fold)
        return resampled_share(figure, self.draws["risk_area"], support, support.df)

    def calibration_error(self, accuracy: Estimate) -> Estimate:
        """Calibration error of the predicted class; a single source gives none."""
        if self.draws is None:
            return Estimate(None, self.fold.n, self.fold.n_sources, reason=ONE_SOURCE)
        squared, noise = float(self.plain["squared_error"][0]), float(self.plain["noise"][0])
        return calibration_estimate(self.fold, squared, noise, self.draws["squared_error"], accuracy)

    def _whole(self, name: str) -> Estimate:
        return Estimate(float(self.plain[name][0]), self.fold.n, self.fold.n_sources)

    def _parts(self, ks: Sequence[int]) -> dict[str, Floats]:
        return {self.classes[k]: self._images(self.fold.labels == k) for k in ks}

    def _images(self, mask: Mask) -> Floats:
        return self.fold.per_source(mask.astype(np.float64))

    def _estimate(self, value: float, draws: Floats | None, parts: Mapping[str, Floats]) -> Estimate:
        figure = Estimate(value, self.fold.n, self.fold.n_sources)
        if draws is None:
            return replace(figure, reason=ONE_SOURCE)
        if lone := self._lone(parts):
            return replace(figure, reason=lone)
        return resampled_share(figure, draws, *balanced_support(self.fold, list(parts.values())))

    @staticmethod
    def _lone(parts: Mapping[str, Floats]) -> str:
        """Why a figure of these parts has no interval, where one of them lies in a single source."""
        lone = [name for name, images in parts.items() if (images > 0).sum() < 2]
        return f"{', '.join(lone)} in a single source, which shows no variation" if lone else ""
