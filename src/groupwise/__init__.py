"""Groupwise trains a ResNeXt on a folder of labelled images and says how good the result really is.

    import groupwise
    groupwise.train("data/", run="runs/first")
    groupwise.load_run("runs/first").predict(["photo.jpg"])

Each name is imported when it is first used, so that `import groupwise` costs no more than it must.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from groupwise.errors import GroupwiseError
from groupwise.version import __version__ as __version__

__all__ = [
    "FeatureExtractor",
    "GroupwiseClassifier",
    "GroupwiseError",
    "audit_data",
    "audit_ray",
    "create_model",
    "load_run",
    "load_weights",
    "open_predictor",
    "open_run",
    "predict_ray",
    "train",
]

# Read when torch loads. Threads that spin for long while they wait keep a shared core busy (docs/log.md).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")

if TYPE_CHECKING:
    from groupwise.api import train
    from groupwise.estimator import GroupwiseClassifier
    from groupwise.inference.bundle import open_predictor
    from groupwise.inference.predictor import load_run
    from groupwise.inference.ray import predict_ray
    from groupwise.models.feature_extractor import FeatureExtractor
    from groupwise.models.resnext import create_model
    from groupwise.models.weights import load_weights
    from groupwise.notebook import audit_data, audit_ray, open_run

MODULES = {
    "FeatureExtractor": "groupwise.models.feature_extractor",
    "GroupwiseClassifier": "groupwise.estimator",
    "audit_data": "groupwise.notebook",
    "audit_ray": "groupwise.notebook",
    "create_model": "groupwise.models.resnext",
    "load_run": "groupwise.inference.predictor",
    "load_weights": "groupwise.models.weights",
    "open_predictor": "groupwise.inference.bundle",
    "open_run": "groupwise.notebook",
    "predict_ray": "groupwise.inference.ray",
    "train": "groupwise.api",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return getattr(import_module(MODULES[name]), name)
    raise AttributeError(f"module 'groupwise' has no attribute {name!r}")
