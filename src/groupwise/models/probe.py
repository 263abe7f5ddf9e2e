"""A probe: frozen features of an ONNX file, and a linear head over them, read like any network of ours.

Only the head is fitted, so only the head has weights here; the features lie beside it as `features.onnx`.
Alain and Bengio 2016, "Understanding intermediate layers using linear classifier probes" (arXiv 1610.01644).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from groupwise.files import sha256_bytes, write_atomic
from groupwise.models.feature_graph import FEATURES, IMAGES
from groupwise.models.onnx_files import open_session

FEATURES_FILE = "features.onnx"


class Probe(nn.Module):
    """Maps images (N, C, S, S) to logits (N, K) by the frozen graph `model` and its own layer `fc`."""

    def __init__(self, model: bytes, num_features: int, num_classes: int, channels: int = 3) -> None:
        super().__init__()
        self.model, self.channels = model, channels
        self.fc = nn.Linear(num_features, num_classes)
        self._session: Any = None

    def features(self, images: Tensor) -> Tensor:
        """What the head classifies of each image, (N, D); no gradient goes through it."""
        if self._session is None:
            self._session = open_session(self.model, Path(FEATURES_FILE))
        inputs = images.detach().float().cpu().contiguous().numpy()
        return torch.from_numpy(self._session.run([FEATURES], {IMAGES: inputs})[0]).to(images.device)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(images))
        return logits


def save_probe(probe: Probe, path: Path) -> None:
    """Write the head as one safetensors file, which also names the features by their digest."""
    state = {key: tensor.contiguous() for key, tensor in probe.state_dict().items()}
    facts = {"format": "pt", "features_sha256": sha256_bytes(probe.model)}
    write_atomic(path, safetensors.torch.save(state, metadata=facts))


def load_head(probe: Probe, path: Path) -> None:
    """Fill the head from a file that `save_probe` wrote."""
    probe.load_state_dict(dict(safetensors.torch.load_file(path)))
