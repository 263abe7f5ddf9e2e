"""What the page says of the model, from what a bundle says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groupwise.serving import intake
from groupwise.serving.batching import Predictor
from groupwise.stats.cases import CaseRule
from groupwise.stats.estimate import Estimate

FIGURES = ("value", "low", "high", "n", "sources")


def about(predictor: Predictor) -> dict[str, Any]:
    """What `/v1/model` answers, in the shape of `schema.ModelOut`."""
    source, decision = predictor.facts.get("source", {}), predictor.facts.get("decision", {})
    return {
        "name": source.get("run"),
        "classes": list(predictor.classes),
        "several": bool(decision.get("label_sets")),
        "image_size_px": predictor.preprocessing.image_size_px,
        "resize": predictor.preprocessing.resize,
        "coverage": _coverage(decision),
        "operating_point": _operating_point(decision),
        "heat": predictor.heat_method,
        "case_rule": (predictor.decision.case or CaseRule()).rule,
        "accuracy": _number(_held_out(source.get("accuracy", {}))),
        "average_precision": _number(_held_out(source.get("average_precision", {}))),
        "baseline": _held_out(source.get("baseline", {})),
        "optimised_for": source.get("optimised_for"),
        "max_body_bytes": intake.MAX_BODY_BYTES,
        "max_pixels": intake.MAX_PIXELS,
    }


def _held_out(figures: Mapping[str, Any]) -> Any:
    """Of figures by fold those of images that no model had seen, of one network or a cross-validation."""
    return figures.get("test") or figures.get("out-of-fold")


def _coverage(decision: Mapping[str, Any]) -> float | None:
    promised = decision.get("label_sets") or decision.get("conformal") or {}
    return None if promised.get("threshold") is None else 1 - promised["alpha"]


def _operating_point(decision: Mapping[str, Any]) -> dict[str, Any] | None:
    """The class, from which probability it is said, and what that promises; None where none was set."""
    point = decision.get("operating_point") or {}
    if point.get("threshold") is None:
        return None
    return {
        "label": point["positive_class"],
        "threshold": point["threshold"],
        "sensitivity": point["promised_sensitivity"],
    }


def _number(figure: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The number of the run, unless it or its interval could not be told."""
    if not figure or not Estimate.from_json(figure).has_interval:
        return None
    number = Estimate.from_json(figure)
    return {name: getattr(number, name) for name in FIGURES}
