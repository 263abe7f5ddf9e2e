"""8-bit integers: an ONNX model calibrated on images, and what that costs.

Static post-training quantisation (Jacob et al. 2018, arXiv 1712.05877): weights by channel, activations by
tensor, with ranges seen on the calibration images.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import Images
from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.export.bundle import Source, Terms, prove_engines, write_onnx, write_rest
from groupwise.files import read_json, write_json
from groupwise.inference.bundle import BATCH_SIZE, MODEL, PARITY
from groupwise.models.onnx_files import open_session
from groupwise.stats.arrays import Floats, Floats32
from groupwise.stats.calibration import calibrated
from groupwise.stats.label_compare import compare_label_folds
from groupwise.stats.label_metrics import check_label_fold
from groupwise.stats.paired_tests import Difference, compare_models

CALIBRATION_IMAGES = 128
# Its products are summed by fours, so wider groups pay than with floats (docs/export.md).
INT8_LANES = 32


def write_int8(source: Source, folder: Path, terms: Terms) -> list[str]:
    """Write a bundle of 8-bit integers; refused where accuracy falls by more than `terms.max_drop` points.

    Of sets of labels it is their mean average precision. Ranges and the change come from the same held-out
    fold, never from `test`.
    """
    preprocessing, material = source.predictor.preprocessing, source.material
    if not material.held_out:
        raise GroupwiseError(
            "no images that the network did not learn from, besides those of `test`",
            place=source.run.folder,
            remedy="Train with a `val` fold, or export --to bundle.",
        )
    model = write_onnx(source, folder, lanes=INT8_LANES)
    images = material.decode(preprocessing)
    spread = np.unique(
        np.linspace(0, len(images) - 1, min(CALIBRATION_IMAGES, len(images))).round().astype(int)
    )
    small = quantise(model, images[spread], preprocessing)
    logits = [logits_of(one, images, preprocessing) for one in (model, small)]
    several = source.predictor.decision.label_sets is not None
    measure = "average_precision" if several else "accuracy"
    change = precision_change(source, *logits) if several else accuracy_change(source, *logits)
    if -100 * change.value > terms.max_drop:
        raise GroupwiseError(
            f"{words(change, measure)}, and at most {terms.max_drop:g} points may be lost",
            place="int8",
            remedy="Nothing was written. Allow more with --max-drop, or export --to bundle.",
        )
    facts = {
        "int8": {
            "calibration_images": len(spread),
            "images": len(images),
            f"{measure}_change": {"value": change.value, "low": change.low, "high": change.high},
        }
    }
    write_json(folder / PARITY, read_json(folder / PARITY) | facts)
    session = open_session(small, folder / MODEL)

    def compute(inputs: Floats32) -> Any:
        # One at a time, as a client asks.
        parts = [
            session.run(["logits", "features"], {"images": inputs[i : i + 1]}) for i in range(len(inputs))
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))

    write_rest(source, folder, small, terms, compute, precision="int8")
    remarks = prove_engines(source, folder, small, compute, precision="int8")
    return [f"{words(change, measure)}; {len(model) / len(small):.1f} times smaller", *remarks]


def quantise(model: bytes, images: Images, preprocessing: Preprocessing) -> bytes:
    """The model with weights and activations of 8 bits, its ranges from `images`, uint8 (N, S, S, 3)."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with tempfile.TemporaryDirectory() as folder, _quiet():
        target = Path(folder) / MODEL
        quantize_static(
            onnx.load_model_from_string(model),
            target,
            _reader(images, preprocessing),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return target.read_bytes()


def _reader(images: Images, preprocessing: Preprocessing) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # without types
        def __init__(self) -> None:
            self.batches = iter(
                {"images": preprocessing.normalise(images[start : start + BATCH_SIZE])}
                for start in range(0, len(images), BATCH_SIZE)
            )

        def get_next(self) -> Any:
            return next(self.batches, None)

    return Reader()


def logits_of(model: bytes, images: Images, preprocessing: Preprocessing) -> Floats:
    """Logits (N, K) of images, uint8 (N, S, S, 3)."""
    session = open_session(model, Path(MODEL))
    parts = [
        session.run(["logits"], {"images": preprocessing.normalise(images[start : start + BATCH_SIZE])})[0]
        for start in range(0, len(images), BATCH_SIZE)
    ]
    return np.concatenate(parts).astype(np.float64)


def accuracy_change(source: Source, before: Floats, after: Floats) -> Difference:
    """The accuracy with logits `after` less that with `before`, (N, K), paired by source."""
    probs = [calibrated(logits, source.predictor.temperature) for logits in (before, after)]
    material = source.material
    (pair,) = compare_models(material.labels, probs, material.sources, source.predictor.classes, seed=0)
    return pair.accuracy


def precision_change(source: Source, before: Floats, after: Floats) -> Difference:
    """The same of the mean average precision, where images have sets of labels."""
    material, predictor = source.material, source.predictor
    first, second = (
        check_label_fold(material.labels, predictor.decision.probs(logits), material.sources)
        for logits in (before, after)
    )
    return compare_label_folds(first, second, predictor.classes, seed=0)[1]


def words(change: Difference, measure: str) -> str:
    """The change as a person reads it."""
    limits = (
        "; no interval"
        if change.low is None or change.high is None
        else f"; 95 % interval {100 * change.low:+.1f} to {100 * change.high:+.1f}"
    )
    name = "Accuracy" if measure == "accuracy" else "Mean average precision"
    return f"{name} on held-out images changes by {100 * change.value:+.1f} points{limits}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime's advice on other ways to prepare a model from the user."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
