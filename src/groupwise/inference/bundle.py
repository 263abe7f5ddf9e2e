"""Bundles answered by ONNX Runtime, without torch.

A bundle is a folder:

    bundle.json            format, classes, preprocessing, decision, network, source, licence, digests
    model.onnx             images (N, 3, S, S) -> logits (N, K), features (N, C), maps (N, C, h, w)
    head.safetensors       weight (K, C) of the last layer, for heat maps
    reference.safetensors  features (M, C) of training images; absent where no decision compares with them
    pictures.safetensors   pictures (N, S, S, C), as prepared, whose answers `bundle.json` holds
    parity.json            how far torch and each engine were apart on images of the run, and where

What was converted for a telephone has `model.tflite` or `model.pte` in place of `model.onnx`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from groupwise.data.cache import Images
from groupwise.data.decode import Preprocessing
from groupwise.data.pixel_reading import as_tuples
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_json, sha256_bytes, sha256_mapping
from groupwise.inference.cases import CasePrediction, answer_case
from groupwise.inference.decision import ClassPrediction, Decision
from groupwise.inference.heatmaps import HeatMethod, class_activation_maps, is_coarse
from groupwise.inference.occlusion import occlusion_maps
from groupwise.inference.stream import OnBad, Prediction, stream_predictions
from groupwise.models.onnx_files import open_session
from groupwise.runs.run import LEDGER, Run
from groupwise.stats.arrays import Floats32, Reals

if TYPE_CHECKING:
    from groupwise.inference.predictor import Predictor

BUNDLE, MODEL, HEAD, REFERENCE = "bundle.json", "model.onnx", "head.safetensors", "reference.safetensors"
PICTURES, PARITY = "pictures.safetensors", "parity.json"
FORMAT = 1
BATCH_SIZE = 16  # more is not faster, and takes memory


@dataclass(frozen=True, eq=False)
class BundleFiles:
    """What a bundle's files hold, read and checked, without an engine to run the model."""

    folder: Path
    facts: Mapping[str, Any]
    content: Mapping[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> BundleFiles:
        """Raises `GroupwiseError` where a file is missing, changed, or of another format."""
        facts = read_json(folder / BUNDLE)
        if facts.get("format") != FORMAT:
            raise GroupwiseError(
                f"has format {facts.get('format')!r}, and this version reads {FORMAT}",
                place=folder / BUNDLE,
                remedy="Export it again with this version of Groupwise.",
            )
        content = {name: _read(folder / name, digest) for name, digest in facts["digests"].items()}
        return cls(folder, facts, content)

    @property
    def model_file(self) -> str:
        """The name of the model's file: that of ONNX, which alone is answered by, or of another engine's."""
        return next(name for name in self.content if Path(name).stem == Path(MODEL).stem)

    @property
    def model(self) -> bytes:
        """The model."""
        return self.content[self.model_file]

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes the model's input."""
        return Preprocessing(**{name: as_tuples(v) for name, v in self.facts["preprocessing"].items()})

    @property
    def decision(self) -> Decision:
        """How logits become answers."""
        return Decision.from_json(self.facts["decision"])

    def tensor(self, file: str, name: str) -> npt.NDArray[Any] | None:
        """A tensor of one of the safetensors files; None where the bundle has no such file."""
        return safetensors.numpy.load(self.content[file])[name] if file in self.content else None


@dataclass(frozen=True, eq=False)
class BundlePredictor:
    """An exported network, its preprocessing, what was decided of its answers, and its reference."""

    session: Any
    preprocessing: Preprocessing
    decision: Decision
    head: Floats32
    reference: Floats32 | None
    facts: Mapping[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.decision.classes

    def answer_images(self, images: Images) -> list[ClassPrediction]:
        """One answer for each of the preprocessed images, uint8 (N, S, S, C); none for none."""
        if not len(images):
            return []
        logits, features = self._compute(images, ["logits", "features"])
        return self.decision.answers(logits.astype(np.float64), features, self.reference)

    @property
    def heat_method(self) -> HeatMethod:
        """How heat maps are made; the last feature maps of a small picture have too few cells for it."""
        (maps,) = (output for output in self.session.get_outputs() if output.name == "maps")
        return "occlusion" if is_coarse(maps.shape[2:]) else "class activation map"

    def heat_maps(self, images: Images, class_numbers: Sequence[int]) -> Reals:
        """What in each image speaks for the class of that number, (N, h, w) from 0 to 1."""
        if self.heat_method == "occlusion":
            return occlusion_maps(images, class_numbers, self._probs)
        (maps,) = self._compute(images, ["maps"])
        return class_activation_maps(maps, self.head, class_numbers)

    def predict(self, paths: Iterable[str | Path]) -> list[Prediction]:
        """Answers to image files, in order; raises `GroupwiseError` for one that is none."""
        return list(self.stream(paths))

    def predict_case(self, paths: Iterable[str | Path]) -> CasePrediction:
        """One answer to image files that show one case, by the rule that held-out cases chose.

        Raises `GroupwiseError` for a file that is none, and its kind `UsageError` where there is no file.
        """
        return answer_case(self.predict(paths), self.decision)

    def stream(self, paths: Iterable[str | Path], *, on_bad: OnBad | None = None) -> Iterator[Prediction]:
        """As `predict`, for any number of files; see `stream_predictions`."""
        return stream_predictions(paths, self.answer_images, self.preprocessing, on_bad=on_bad)

    def _probs(self, images: Images) -> Reals:
        (logits,) = self._compute(images, ["logits"])
        return self.decision.probs(logits)

    def _compute(self, images: Images, names: list[str]) -> list[Floats32]:
        parts = [
            self.session.run(
                names, {"images": self.preprocessing.normalise(images[start : start + BATCH_SIZE])}
            )
            for start in range(0, len(images), BATCH_SIZE)
        ]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]


def open_predictor(folder: str | Path) -> BundlePredictor | Predictor:
    """Open the network of a run, by torch, or of a bundle, without it.

    Args:
        folder: The folder of a run, or of a bundle as `groupwise export RUN --to bundle` writes it.

    Returns:
        A predictor with the same `classes`, `predict`, `stream` and `answer_images` for either, see
        `load_run`. That of a bundle runs on ONNX Runtime.

    Raises:
        UsageError: The folder holds neither.
        GroupwiseError: A file is missing, was changed, or is of another format, or ONNX Runtime is not
            installed.

    Example:
        >>> import groupwise
        >>> predictor = groupwise.open_predictor("runs/first/export/bundle")
        >>> predictor.predict(["photo.png"])[0].label
        'dark'
    """
    folder = Path(folder)
    if is_bundle(folder):
        return open_bundle(folder)
    from groupwise.inference.predictor import load_run

    return load_run(folder)


def model_digest(folder: Path, decision: Decision) -> str:
    """What tells one model with its decision from another; a run and its bundle are the same, int8 is not."""
    if is_bundle(folder):
        facts = read_json(folder / BUNDLE)
        weights, precision = facts["source"]["weights"], facts["network"]["precision"]
    else:
        weights, precision = Run.open(folder).weights, "float32"
    return sha256_mapping({"weights": weights, "precision": precision, "decision": decision.as_json()})


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds a bundle rather than a run; raises `UsageError` where it holds neither."""
    if (folder / BUNDLE).is_file():
        return True
    if (folder / LEDGER).is_file():
        return False
    raise UsageError(
        f"holds neither a run ({LEDGER}) nor a bundle ({BUNDLE})",
        place=folder,
        remedy="Give the folder that `groupwise train` or `groupwise export --to bundle` wrote.",
    )


def open_bundle(folder: Path) -> BundlePredictor:
    """Open a bundle; raises `GroupwiseError` where a file is missing, changed, or of another format.

    `UsageError` where its model is none of ONNX.
    """
    files = BundleFiles.read(folder)
    if files.model_file != MODEL:
        raise UsageError(
            f"holds {files.model_file}, and only {MODEL} is answered by here",
            place=folder,
            remedy="Export the run --to bundle as well; `groupwise verify` takes this one.",
        )
    head = files.tensor(HEAD, "weight")
    assert head is not None
    return BundlePredictor(
        session=open_session(files.model, folder / MODEL),
        preprocessing=files.preprocessing,
        decision=files.decision,
        head=head,
        reference=files.tensor(REFERENCE, "features"),
        facts=files.facts,
    )


def _read(file: Path, digest: str) -> bytes:
    if not file.is_file():
        raise GroupwiseError("is missing", place=file, remedy="Copy the whole bundle again.")
    content = file.read_bytes()
    if sha256_bytes(content) != digest:
        raise GroupwiseError("was changed", place=file, remedy="Copy or export the bundle again.")
    return content
