"""Groupwise trains a ResNeXt on a folder of labelled images and says how good the result really is.

    import groupwise
    groupwise.train("data/", run="runs/first")
    groupwise.load_run("runs/first").predict(["photo.jpg"])

Each name is imported when it is first used, so that `import groupwise` costs no more than it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["GroupwiseClassifier", "create_model", "load_run", "predict_ray", "train"]

if TYPE_CHECKING:
    from groupwise.api import train
    from groupwise.estimator import GroupwiseClassifier
    from groupwise.inference.predictor import load_run
    from groupwise.inference.ray import predict_ray
    from groupwise.models.resnext import create_model


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name == "train":
        from groupwise.api import train

        return train
    if name == "GroupwiseClassifier":
        from groupwise.estimator import GroupwiseClassifier

        return GroupwiseClassifier
    if name == "load_run":
        from groupwise.inference.predictor import load_run

        return load_run
    if name == "predict_ray":
        from groupwise.inference.ray import predict_ray

        return predict_ray
    if name == "create_model":
        from groupwise.models.resnext import create_model

        return create_model
    raise AttributeError(f"module 'groupwise' has no attribute {name!r}")
