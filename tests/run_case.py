"""A finished run without the training: 24 pictures of two classes, and a network of random weights."""

from pathlib import Path

import torch
import yaml

from folder_case import TINY, write_folder
from groupwise.data.decode import Preprocessing
from groupwise.data.scan import scan
from groupwise.data.split import Assignment, Split
from groupwise.files import write_json
from groupwise.inference.predictor import model_config
from groupwise.models.resnext import ResNeXt, create_model
from groupwise.models.weights import save_weights
from groupwise.runs.run import Run

PREPROCESSING = Preprocessing(image_size_px=32)
CLASSES = ("cat", "dog")


def random_model(**overrides) -> ResNeXt:
    """Two stages of grouped convolutions, whose normalisation has seen something."""
    torch.manual_seed(0)
    model = create_model(
        "resnext11_8x4d", **{"num_classes": 2, "depths": (1, 1), "cardinality": 8, "planes": 16} | overrides
    )
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def write_run(
    folder: Path,
    model: ResNeXt | None = None,
    *,
    select_fold: str = "val",
    preprocessing: Preprocessing = PREPROCESSING,
) -> Run:
    """Write `folder/pets` and `folder/run`; every third picture is in `val`, every sixth in `test`."""
    model = model or random_model()
    data = write_folder(folder / "pets", n=24)
    run = Run.create(folder / "run", data=data, root=data, version="test")
    manifest = scan(data)
    manifest.write(run.path("manifest.csv"))
    run.record("manifest.csv")
    folds = ("val", "train", "test", "val", "train", "train")
    rows = [Assignment(s.path, s.label, "", i, folds[i % 6]) for i, s in enumerate(manifest.usable)]
    Split(tuple(rows)).write(run.path("split.csv"))
    run.record("split.csv", ["manifest.csv"])
    run.path("recipe.yaml").write_text(yaml.safe_dump({"seed": 0, "training": {"select_fold": select_fold}}))
    run.record("recipe.yaml")
    save_weights(model, run.path("model.safetensors"))
    run.record("model.safetensors", ["split.csv"])
    config = model_config(TINY["model.preset"], model, CLASSES, preprocessing, 1.3)
    write_json(run.path("config.json"), config)
    run.record("config.json", ["model.safetensors"])
    return run
