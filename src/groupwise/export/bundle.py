"""Bundles: what answers without torch; `groupwise.inference.bundle` lists their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from groupwise.data.cache import Images
from groupwise.export.material import Material, read_material
from groupwise.export.network import LANES
from groupwise.export.onnx import export_onnx
from groupwise.export.parity import IMAGES, check_answers, check_parity
from groupwise.export.pixels import left_to_clients, with_preprocessing
from groupwise.export.pixels_parity import check_pixels
from groupwise.export.reference import KEY, OWN, Compute, References, made_pictures
from groupwise.export.verify import Decide, verify_installed
from groupwise.files import read_json, sha256_bytes, write_atomic, write_json
from groupwise.inference.bundle import BUNDLE, FORMAT, HEAD, MODEL, PARITY, PICTURES, REFERENCE
from groupwise.inference.predictor import Outputs, Predictor, load_run
from groupwise.models.ensemble import Network, head_weight
from groupwise.models.onnx_files import onnx_packages, open_session, opset_of
from groupwise.recipe.recipe import read_fields
from groupwise.runs.baselines import FILE as BASELINES
from groupwise.runs.baselines import read_baselines
from groupwise.runs.files import read_metrics
from groupwise.runs.run import Run
from groupwise.stats.arrays import Floats, Floats32
from groupwise.stats.estimate import headline_measure
from groupwise.version import __version__

CLASSES, THRESHOLDS = "classes.txt", "thresholds.txt"
PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy", "pillow")


@dataclass(frozen=True, eq=False)
class Source:
    """What is exported: a run with its opened network, and images to check it by."""

    run: Run
    predictor: Predictor
    material: Material

    @classmethod
    def open(cls, folder: Path, *, root: Path | None = None) -> Source:
        """Open a finished run; `root` is where its images lie now, if they were moved."""
        run, predictor = Run.open(folder), load_run(folder)
        return cls(run, predictor, read_material(run, root=root))


@dataclass(frozen=True)
class Terms:
    """What the user says about an export.

    Args:
        licence: Of the weights, for a bundle or the card of the form `hub`.
        max_drop: Points of accuracy that int8 may lose.
        with_pictures: Put the user's own reference pictures into a bundle, as the network sees them.
        with_preprocessing: Let the model of the form `onnx` take a picture of any size as it was decoded.
    """

    licence: str | None = None
    max_drop: float = 1.0
    with_pictures: bool = False
    with_preprocessing: bool = False


def write_model(source: Source, folder: Path, terms: Terms) -> list[str]:
    """Write `model.onnx`, `classes.txt` with a class a line, and `parity.json`.

    Where images have several labels, `thresholds.txt` says in as many lines from when on each is given.
    """
    model = write_onnx(source, folder)
    write_atomic(folder / CLASSES, "".join(f"{name}\n" for name in source.predictor.classes))
    if (rule := source.predictor.decision.label_sets) is not None:
        write_atomic(folder / THRESHOLDS, "".join(f"{least!r}\n" for least in rule.thresholds))
    remarks = prove_engines(source, folder, model, torch_compute(source))
    if terms.with_preprocessing:
        predictor, shown = source.predictor, source.material.spread(IMAGES)
        several = predictor.decision.label_sets is not None
        whole = with_preprocessing(model, predictor.preprocessing, predictor.temperature, several=several)
        proof = check_pixels(whole, model, predictor.preprocessing, shown, predictor.decision)
        write_atomic(folder / MODEL, whole)
        write_json(folder / PARITY, read_json(folder / PARITY) | {"opset": _opset(whole), "pixels": proof})
        remarks += left_to_clients(predictor.preprocessing)
    return remarks


def write_onnx(source: Source, folder: Path, *, lanes: int = LANES) -> bytes:
    """As `write_model`; returns the model. Raises `GroupwiseError` where it does not answer as torch does."""
    predictor = source.predictor
    model = export_onnx(predictor.model, predictor.preprocessing.image_size_px, lanes=lanes)
    session = open_session(model, folder / MODEL)
    shown, inputs = shown_inputs(source)
    expected = torch_outputs(predictor.model, inputs)
    proof = check_parity(
        expected.logits,
        lambda batch: session.run(["logits"], {"images": batch})[0],
        inputs,
        names=shown.paths,
        packages=PACKAGES,
    )
    decide = partial(predictor.decision.answers, reference=predictor.reference)
    logits, features = session.run(["logits", "features"], {"images": inputs})
    found = decide(logits.astype(np.float64), features)
    check_answers(decide(*expected), found, names=shown.paths)
    write_atomic(folder / MODEL, model)
    write_json(folder / PARITY, {"opset": _opset(model), **proof, **shown.facts()})
    return model


def _opset(model: bytes) -> int:
    """That of the file: a probe has the one of its features."""
    onnx, _ = onnx_packages("export")
    return opset_of(onnx.load_model_from_string(model))


def prove_engines(
    source: Source, folder: Path, model: bytes, compute: Compute, *, precision: str = "float32"
) -> list[str]:
    """Enter in `parity.json` how every installed engine answers, against `compute`; returns remarks."""
    expected, decide = expected_answers(source, compute)
    entries, remarks = verify_installed(model, expected, source.predictor.preprocessing, decide, precision)
    write_json(folder / PARITY, read_json(folder / PARITY) | {"engines": entries})
    return remarks


def expected_answers(source: Source, compute: Compute) -> tuple[References, Decide]:
    """The answers of `compute` to the images that check an export, and how outputs become answers."""
    predictor, shown = source.predictor, source.material.spread(IMAGES)
    images = shown.decode(predictor.preprocessing)
    expected = References.answered(shown.paths, images, predictor, compute)
    return expected, partial(predictor.decision.answers, reference=predictor.reference)


def torch_compute(source: Source) -> Compute:
    """The network of a run as it was trained, for `References.answered`."""
    return partial(torch_outputs, source.predictor.model)


def shown_inputs(source: Source) -> tuple[Material, Floats32]:
    """The images by which an export is checked, and the network's input for them, (N, 3, S, S)."""
    preprocessing, shown = source.predictor.preprocessing, source.material.spread(IMAGES)
    return shown, preprocessing.normalise(shown.decode(preprocessing))


@torch.inference_mode()
def torch_outputs(model: Network, inputs: Floats32) -> Outputs:
    """Logits and features of normalised images (N, 3, S, S), by the network as it was trained."""
    features = model.eval().features(torch.from_numpy(inputs))
    return Outputs(model.fc(features).double().numpy(), features.numpy())


def torch_logits(model: Network, inputs: Floats32) -> Floats:
    """The logits (N, K) alone."""
    return torch_outputs(model, inputs).logits


def write_bundle(source: Source, folder: Path, terms: Terms) -> list[str]:
    """Write the bundle's files into `folder`."""
    model, compute = write_onnx(source, folder), torch_compute(source)
    write_rest(source, folder, model, terms, compute, precision="float32")
    return prove_engines(source, folder, model, compute)


def write_rest(
    source: Source,
    folder: Path,
    model: bytes,
    terms: Terms,
    compute: Compute,
    *,
    precision: str,
    file: str = MODEL,
) -> None:
    """Write a bundle's files around its model, called `file`; `compute` answers its reference pictures."""
    predictor = source.predictor
    weight = head_weight(predictor.model).numpy()
    facts, pictures = reference_pictures(source, compute, with_own=terms.with_pictures)
    content = {
        file: model,
        HEAD: safetensors.numpy.save({"weight": weight}),
        PICTURES: safetensors.numpy.save({"pictures": pictures}),
    }
    if predictor.reference is not None:
        content |= {REFERENCE: safetensors.numpy.save({"features": predictor.reference})}
    for name, data in content.items():
        write_atomic(folder / name, data)
    write_json(
        folder / BUNDLE,
        {
            "format": FORMAT,
            "groupwise": __version__,
            "classes": list(predictor.classes),
            "preprocessing": asdict(predictor.preprocessing),
            "decision": predictor.decision.as_json(),
            "network": network_facts(source, precision) | ({"opset": _opset(model)} if file == MODEL else {}),
            "source": source_facts(source.run),
            "licence": terms.licence,
            KEY: facts,
            "digests": {name: sha256_bytes(data) for name, data in content.items()},
        },
    )


def reference_pictures(
    source: Source, compute: Compute, *, with_own: bool
) -> tuple[list[dict[str, Any]], Images]:
    """What `bundle.json` holds of its reference pictures, and those whose pixels the bundle holds."""
    predictor, own = source.predictor, source.material.spread(OWN)
    made = made_pictures(predictor.preprocessing)
    images = np.concatenate([made, own.decode(predictor.preprocessing)])
    names = [*(f"made-{number}" for number in range(1, len(made) + 1)), *own.paths]
    facts = References.answered(names, images, predictor, compute).facts([*[None] * len(made), *own.digests])
    return facts, images if with_own else made


def network_facts(source: Source, precision: str) -> dict[str, Any]:
    """What the network is."""
    members = source.run.members
    config = read_json(members[0].require("config.json"))
    return {
        "architecture": config["architecture"],
        "members": len(members),
        "num_features": config["num_features"] * len(members),
        "precision": precision,
    }


def source_facts(run: Run) -> dict[str, Any]:
    """Where a bundle comes from, and how good that was beside its baselines: each with interval and n.

    A refit has no figure of its own, and names the run that was measured instead, with its weights.
    """
    metrics = read_metrics(run.require("metrics.json")) if "metrics.json" in run.ledger["artefacts"] else {}
    measures = {headline_measure(figures) for figures in metrics.values()} or {"accuracy"}
    return {
        **_whence(run),
        **{name: {fold: figures[name] for fold, figures in metrics.items()} for name in measures},
        "baseline": _beside(run, metrics),
    }


def _whence(run: Run) -> dict[str, Any]:
    return {
        "run": run.folder.resolve().name,
        "created": run.ledger["created"],
        "weights": run.weights,
        "optimised_for": read_fields(run.require("recipe.yaml"))["training"].get("optimise", "accuracy"),
        **({"refit_of": run.ledger["refit_of"]} if run.is_refit else {}),
    }


def _beside(run: Run, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """For each fold the baseline that the verdict names, and the network's lead over it."""
    found = read_baselines(run.path(BASELINES))
    if found is None:
        return {}
    beside = {}
    for fold in filter(found.covers, metrics):
        one = found.rival(fold)
        score = one.scores[fold]
        beside[fold] = {
            "name": one.name,
            "answer": one.answer,
            "measure": found.measure,
            "standing": found.standing(fold),
            "value": score.figures[found.measure].value,
            "network": metrics[fold][found.measure]["value"],
            "lead": vars(score.leads[found.measure]),
        }
    return beside
