"""Turns images into class probabilities with the network that a run left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groupwise.data.batches import normalise
from groupwise.data.cache import Images, load_image
from groupwise.data.decode import Preprocessing
from groupwise.files import read_json
from groupwise.models.resnext import ResNeXt, ResNeXtConfig
from groupwise.models.weights import load_weights
from groupwise.run import Run

BATCH_SIZE = 64


@dataclass(frozen=True)
class Prediction:
    """The most probable class of one image, and the probability of every class."""

    path: str
    label: str
    probability: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class Predictor:
    """A trained network with its class names and its preprocessing."""

    model: nn.Module
    classes: tuple[str, ...]
    preprocessing: Preprocessing

    def predict(self, paths: Iterable[str | Path]) -> list[Prediction]:
        """Class and probabilities of image files, in order."""
        return list(self.stream(paths))

    def stream(self, paths: Iterable[str | Path]) -> Iterator[Prediction]:
        """As `predict`, a batch at a time, so that any number of files fits into memory."""
        waiting: list[str] = []
        for path in paths:
            waiting.append(str(path))
            if len(waiting) == BATCH_SIZE:
                yield from self._predict_batch(waiting)
                waiting = []
        if waiting:
            yield from self._predict_batch(waiting)

    def _predict_batch(self, paths: list[str]) -> Iterator[Prediction]:
        images = np.stack([load_image(Path(path), self.preprocessing) for path in paths])
        for path, row in zip(paths, predict_probs(self.model, images, self.preprocessing), strict=True):
            best = int(row.argmax())
            probabilities = dict(zip(self.classes, row.tolist(), strict=True))
            yield Prediction(path, self.classes[best], float(row[best]), probabilities)


@torch.inference_mode()
def predict_probs(
    model: nn.Module, images: Images, preprocessing: Preprocessing, *, batch_size: int = BATCH_SIZE
) -> npt.NDArray[np.float64]:
    """Class probabilities (N, K) of uint8 images (N, S, S, 3); the softmax is taken in double precision."""
    model.eval()
    device = next(model.parameters()).device
    rows = []
    for start in range(0, len(images), batch_size):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
        logits = model(normalise(batch.permute(0, 3, 1, 2).to(device).float(), preprocessing))
        rows.append(logits.double().softmax(1).cpu().numpy())
    return np.concatenate(rows)


def model_config(
    preset: str, config: ResNeXtConfig, classes: tuple[str, ...], preprocessing: Preprocessing
) -> dict[str, Any]:
    """What `config.json` holds: timm's fields, then ours, enough to rebuild the network and its input."""
    size = preprocessing.image_size_px
    return {
        "architecture": preset,
        "num_classes": len(classes),
        "num_features": config.planes * 4 * 2 ** (len(config.depths) - 1),
        "label_names": list(classes),
        "pretrained_cfg": {
            "input_size": [config.in_channels, size, size],
            "interpolation": preprocessing.interpolation,
            "crop_mode": preprocessing.resize,
            "crop_pct": 1.0,
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
            "num_classes": len(classes),
            "first_conv": "conv1",
            "classifier": "fc",
        },
        "groupwise": {"model": vars(config), "preprocessing": vars(preprocessing)},
    }


def load_run(folder: str | Path) -> Predictor:
    """Open the network of a finished run, on the CPU."""
    run = Run.open(Path(folder))
    weights = run.require("model.safetensors")
    config = read_json(run.require("config.json"))
    ours = {key: _tuples(value) for key, value in config["groupwise"].items()}
    model = ResNeXt(ResNeXtConfig(**ours["model"]))
    load_weights(model, weights)
    return Predictor(
        model.to(memory_format=torch.channels_last).eval(),  # type: ignore[call-overload]
        tuple(config["label_names"]),
        Preprocessing(**ours["preprocessing"]),
    )


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
