"""Reference pictures of a bundle: what it answered where it was made, for a client to test itself by.

`bundle.json` holds one entry a picture under "reference_pictures":

    {"name": "cats/7.jpg", "sha256": "...", "prepared_sha256": "...", "logits": [...], "answer": {...}}

`sha256` is the file's, null for a picture that was made; `prepared_sha256` is that of the pixels as the
network gets them before normalisation, uint8 (S, S, C). The first entries are of pictures whose pixels lie in
`pictures.safetensors`, as `pictures` (N, S, S, C): made ones, and the user's own only where asked for,
because a bundle is handed to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from groupwise.data.archive import read_file
from groupwise.data.cache import Images, decode_images
from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import sha256_bytes
from groupwise.inference.bundle import BUNDLE, PICTURES, BundleFiles
from groupwise.inference.decision import ClassPrediction, Decision
from groupwise.stats.arrays import Floats, Floats32

KEY = "reference_pictures"
OWN, MADE = 8, 8


# Logits (N, K) and features (N, C) of normalised images (N, C, S, S)
Compute = Callable[[Floats32], tuple[npt.NDArray[Any], Floats32]]


class Answering(Protocol):
    """What turns logits into answers, of a run or a bundle."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes the network's input."""

    @property
    def decision(self) -> Decision:
        """How logits become answers."""

    @property
    def reference(self) -> Floats32 | None:
        """Features of training images."""


@dataclass(frozen=True, eq=False)
class References:
    """Pictures with the answers they got: pixels uint8 (N, S, S, C), logits (N, K)."""

    names: tuple[str, ...]
    images: Images
    logits: Floats
    answers: tuple[ClassPrediction, ...]

    @classmethod
    def answered(
        cls, names: Sequence[str], images: Images, predictor: Answering, compute: Compute
    ) -> References:
        """With the answers of a network: what `compute` says, as `predictor` decides on it."""
        logits, features = compute(predictor.preprocessing.normalise(images))
        logits = logits.astype(np.float64)
        answers = predictor.decision.answers(logits, features, predictor.reference)
        return cls(tuple(names), images, logits, tuple(answers))

    def facts(self, digests: Sequence[str | None]) -> list[dict[str, Any]]:
        """What `bundle.json` holds of them; `digests` are those of the files, None for a made one."""
        return [
            {
                "name": name,
                "sha256": digest,
                "prepared_sha256": sha256_bytes(np.ascontiguousarray(image).tobytes()),
                "logits": logits.tolist(),
                "answer": answer.as_json(),
            }
            for name, digest, image, logits, answer in zip(
                self.names, digests, self.images, self.logits, self.answers, strict=True
            )
        ]


def made_pictures(preprocessing: Preprocessing) -> Images:
    """Pictures of nobody, (N, S, S, C): random colours, from a few large patches to a patch a pixel."""
    size, channels = preprocessing.image_size_px, preprocessing.input_channels
    random = np.random.default_rng(0)
    pictures = np.empty((MADE, size, size, channels), np.uint8)
    for number, cells in enumerate(np.geomspace(2, size, MADE).round().astype(int)):
        patches = random.integers(0, 256, (cells, cells, channels), np.uint8)
        for channel in range(channels):
            patch = Image.fromarray(patches[..., channel]).resize((size, size), Image.Resampling.BICUBIC)
            pictures[number, ..., channel] = np.asarray(patch)
    return pictures


def read_references(bundle: BundleFiles, root: Path | None) -> References:
    """The pictures of a bundle that are at hand: those in it, and with `root` the user's own that lie there.

    Raises `GroupwiseError` where the bundle holds none, or a file is prepared here to other pixels than
    there, and `UsageError` where none of the user's own lies under `root` as it was.
    """
    entries, stored = bundle.facts.get(KEY), bundle.tensor(PICTURES, "pictures")
    if entries is None or stored is None:
        raise GroupwiseError(
            "holds no reference pictures, as bundles of earlier versions do",
            place=bundle.folder,
            remedy="Export it again with this version of Groupwise.",
        )
    chosen = list(entries[: len(stored)])
    images = [stored]
    if root is not None:
        own = list(_own(entries, root))
        if not own:
            raise UsageError(
                "none of the reference pictures lies there as it was",
                place=root,
                remedy=f"They are named in {bundle.folder / BUNDLE}, by their paths from that folder.",
            )
        chosen += own
        images.append(_prepare(own, root, bundle.preprocessing))
    return References(
        tuple(entry["name"] for entry in chosen),
        np.concatenate(images),
        np.array([entry["logits"] for entry in chosen]),
        tuple(_answer(entry["answer"]) for entry in chosen),
    )


def _own(entries: Sequence[dict[str, Any]], root: Path) -> Iterator[dict[str, Any]]:
    """Those whose files lie under `root` as they were; a made one has no file, and so no digest."""
    for entry in entries:
        if entry["sha256"] is None:
            continue
        try:
            data = read_file(root / entry["name"])  # which may lie in an archive
        except OSError:
            continue
        if sha256_bytes(data) == entry["sha256"]:
            yield entry


def _prepare(entries: Sequence[dict[str, Any]], root: Path, preprocessing: Preprocessing) -> Images:
    files = [root / entry["name"] for entry in entries]
    images = decode_images(files, [entry["sha256"] for entry in entries], preprocessing)
    for file, entry, image in zip(files, entries, images, strict=True):
        if sha256_bytes(np.ascontiguousarray(image).tobytes()) != entry["prepared_sha256"]:
            raise GroupwiseError(
                "is prepared here to other pixels than where the bundle was made",
                place=file,
                remedy="Compare the versions of Pillow and its libjpeg with those in parity.json.",
            )
    return images


def _answer(fields: dict[str, Any]) -> ClassPrediction:
    members = fields["prediction_set"]
    return ClassPrediction(**fields | {"prediction_set": None if members is None else tuple(members)})
