"""The predictor of a run: its network, and what its selection fold decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch

from groupwise.data.cache import Images
from groupwise.data.decode import Preprocessing
from groupwise.data.pixel_reading import as_tuples
from groupwise.files import read_json
from groupwise.inference.cases import CasePrediction, answer_case
from groupwise.inference.decision import ClassPrediction, Decision, read_decision
from groupwise.inference.stream import BATCH_SIZE, OnBad, Prediction, stream_predictions
from groupwise.loader.batches import normalise
from groupwise.models.ensemble import Ensemble, Member, Network
from groupwise.models.probe import FEATURES_FILE, Probe, load_head
from groupwise.models.resnext import ResNeXt, ResNeXtConfig
from groupwise.models.weights import load_weights
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats
from groupwise.stats.label_rule import mean_rule
from groupwise.stats.ood import Features

# What timm calls our ways to make a square; its `center` cuts after scaling, so that its pixels are others.
TIMM_CROP_MODES = {"squash": "squash", "crop": "center", "pad": "border"}


class Outputs(NamedTuple):
    """What a network says of images: logits (N, K), and the features behind them, (N, C) float32."""

    logits: Floats
    features: Features


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained network, its preprocessing, what was decided of its answers, and features to compare with."""

    model: Network
    preprocessing: Preprocessing
    decision: Decision
    reference: Features | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.decision.classes

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities."""
        return self.decision.temperature

    def answer_images(self, images: Images) -> list[ClassPrediction]:
        """One answer for each of the preprocessed images, uint8 (N, S, S, C); none for none."""
        if not len(images):
            return []
        return self.decision.answers(*predict_outputs(self.model, images, self.preprocessing), self.reference)

    def predict(self, paths: Iterable[str | Path]) -> list[Prediction]:
        """Class and probabilities of image files, in order; raises `GroupwiseError` for one that is none."""
        return list(self.stream(paths))

    def predict_case(self, paths: Iterable[str | Path]) -> CasePrediction:
        """One answer to image files that show one case, by the rule that held-out cases chose.

        Raises `GroupwiseError` for a file that is none, and its kind `UsageError` where there is no file.
        """
        return answer_case(self.predict(paths), self.decision)

    def stream(self, paths: Iterable[str | Path], *, on_bad: OnBad | None = None) -> Iterator[Prediction]:
        """As `predict`, for any number of files; see `stream_predictions`."""
        return stream_predictions(paths, self.answer_images, self.preprocessing, on_bad=on_bad)


@torch.inference_mode()
def predict_outputs(model: Network, images: Images, preprocessing: Preprocessing) -> Outputs:
    """Logits (N, K) in double precision, and features (N, C), of uint8 images (N, S, S, 3)."""
    model.eval()
    device = next(model.parameters()).device
    logits, features = [], []
    for start in range(0, len(images), BATCH_SIZE):
        batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH_SIZE]))
        pooled = model.features(normalise(batch.permute(0, 3, 1, 2).to(device).float(), preprocessing))
        logits.append(model.fc(pooled).double().cpu().numpy())
        features.append(pooled.float().cpu().numpy())
    return Outputs(np.concatenate(logits), np.concatenate(features))


def predict_logits(model: Network, images: Images, preprocessing: Preprocessing) -> Floats:
    """The logits (N, K) alone."""
    return predict_outputs(model, images, preprocessing).logits


def model_config(
    architecture: str,
    model: Member,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    temperature: float,
) -> dict[str, Any]:
    """What `config.json` holds: timm's fields, then ours, enough to rebuild the network and its input."""
    size = preprocessing.image_size_px
    if isinstance(model, Probe):
        layers, made = {"classifier": "fc"}, {"features": {"file": FEATURES_FILE}}
    else:
        layers, made = {"first_conv": "conv1", "classifier": "fc"}, {"model": vars(model.config)}
    return {
        "architecture": architecture,
        "num_classes": len(classes),
        "num_features": model.fc.in_features,
        "label_names": list(classes),
        "temperature": temperature,
        "pretrained_cfg": {
            "input_size": [preprocessing.input_channels, size, size],
            "interpolation": preprocessing.interpolation,
            "crop_mode": TIMM_CROP_MODES[preprocessing.resize],
            "crop_pct": 1.0,
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
            "num_classes": len(classes),
            **layers,
        },
        "groupwise": {**made, "preprocessing": vars(preprocessing)},
    }


def load_run(folder: str | Path) -> Predictor:
    """Open the network of a finished run, or the ensemble of a finished cross-validation, on the CPU.

    Args:
        folder: The folder that `groupwise train --run` or `groupwise.train` wrote.

    Returns:
        A predictor. `predict(paths)` answers image files of any size in order, by the run's own
        preprocessing; `probabilities` are calibrated and sum to 1. `predict_case(paths)`
        gives one answer to several pictures of one case. `answer_images` takes preprocessed
        images, uint8 (N, S, S, C), where S is `preprocessing.image_size_px`.

    Raises:
        UsageError: The folder holds no run.
        GroupwiseError: A file of the run is missing, or was changed after it was written.

    Example:
        >>> import groupwise
        >>> predictor = groupwise.load_run("runs/first")
        >>> predictor.classes
        ('dark', 'light')
        >>> predictor.predict(["photo.png"])[0].label
        'dark'
    """
    run = Run.open(Path(folder))
    if run.is_ensemble:
        return _join([load_run(member.folder) for member in run.members])
    weights = run.require("model.safetensors")
    config = read_json(run.require("config.json"))
    ours = {key: _fields(value) for key, value in config["groupwise"].items()}
    return Predictor(
        _open_probe(run, config, weights) if "features" in ours else _open_network(ours["model"], weights),
        Preprocessing(**ours["preprocessing"]),
        *read_decision(run, tuple(config["label_names"]), config["temperature"]),
    )


def _open_network(fields: Mapping[str, Any], weights: Path) -> ResNeXt:
    model = ResNeXt(ResNeXtConfig(**fields))
    load_weights(model, weights)
    return model.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def _open_probe(run: Run, config: Mapping[str, Any], weights: Path) -> Probe:
    features = run.require(FEATURES_FILE).read_bytes()
    channels = config["pretrained_cfg"]["input_size"][0]
    probe = Probe(features, config["num_features"], config["num_classes"], channels)
    load_head(probe, weights)
    return probe.eval()


def _join(members: Sequence[Predictor]) -> Predictor:
    networks = [cast(Member, member.model) for member in members]
    rules = [rule for member in members if (rule := member.decision.label_sets)]
    model = Ensemble(networks, [member.temperature for member in members], several=bool(rules))
    several = mean_rule(rules, "every image was learnt from") if rules else None
    decision = Decision(members[0].classes, costs=members[0].decision.costs, label_sets=several)
    return Predictor(model.eval(), members[0].preprocessing, decision)


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: as_tuples(value) for key, value in values.items()}
