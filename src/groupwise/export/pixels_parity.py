"""Proof that a model with its preprocessing prepares the user's pictures as the product does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groupwise.data.archive import read_file
from groupwise.data.decode import Preprocessing, decode
from groupwise.errors import GroupwiseError
from groupwise.export.material import Material
from groupwise.export.onnx import OPSET
from groupwise.export.pixels import IMAGES, PICTURE, PROBABILITIES, preprocessing_model
from groupwise.inference.bundle import MODEL
from groupwise.inference.decision import Decision
from groupwise.models.onnx_files import open_session
from groupwise.stats.arrays import Floats32

LEVELS, LEVELS_ENLARGED = 1, 2


def check_pixels(
    whole: bytes, model: bytes, preprocessing: Preprocessing, shown: Material, decision: Decision
) -> dict[str, Any]:
    """Compare `whole`, which takes pictures, with our preprocessing before `model`; for `parity.json`.

    Raises `GroupwiseError` where a level differs by more than 1, or 2 in a picture that is enlarged, or the
    most probable class.
    """
    ours = open_session(model, Path(MODEL))
    theirs = open_session(whole, Path(MODEL))
    prepare = open_session(preprocessing_model(preprocessing, OPSET), Path(MODEL))
    levels, differences = [], []
    for path in shown.paths:
        place = shown.root / path
        picture = decode(read_file(place), place=place, reading=preprocessing.reading).pixels
        expected = preprocessing.resize_image(picture)
        (found,) = prepare.run([IMAGES], {PICTURE: np.ascontiguousarray(picture)})
        level = largest_level(found[0], expected, preprocessing)
        logits = ours.run(["logits"], {"images": preprocessing.normalise(expected[None])})[0]
        probs = theirs.run([PROBABILITIES], {PICTURE: np.ascontiguousarray(picture)})[0]
        enlarged = min(picture.shape[:2]) < preprocessing.image_size_px
        right = decision.probs(logits)
        if level > (LEVELS_ENLARGED if enlarged else LEVELS) or probs.argmax() != right.argmax():
            raise GroupwiseError(
                f"the file prepares it otherwise, by {level} grey levels of 255"
                + ", and the class differs" * bool(probs.argmax() != right.argmax()),
                place=place,
                remedy="Nothing was written. Leave --with-preprocessing out, and prepare pictures yourself.",
            )
        levels.append(level)
        differences.append(float(np.abs(probs - right).max()))
    return {
        "pictures": len(levels),
        "largest_level_difference": max(levels),
        "largest_probability_difference": max(differences),
    }


def largest_level(prepared: Floats32, expected: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> int:
    """By how many of 255 levels an input of the network, (C, S, S), differs from pixels (S, S, C) at most."""
    levels = (prepared.transpose(1, 2, 0) - preprocessing.shift) / preprocessing.scale
    return int(np.abs(np.rint(levels) - expected).max())
