"""Masks among the pictures: drawings of where something is, by their names and by what they hold."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from groupwise.data.archive import read_file
from groupwise.data.decode import UndecodableImage, decode
from groupwise.data.formats import FORMAT_OF_SUFFIX
from groupwise.data.manifest import Sample
from groupwise.data.pixel_reading import Reading
from groupwise.stats.arrays import Ints

_WORD = (
    r"(?:binary)?(?:mask|segmentation|segm|seg|ground[ _.-]?truth|gt|label|lbl|annotation|annot|trimap|matte"
    r"|superpixel|contour|saliency)s?"
)
_FOLDER = re.compile(
    rf"(?:\w+[ _.-])?(?:{_WORD}|SegmentationClass(?:Raw|PNG)?|SegmentationObject)(?:[ _.-]?(?:images?|png))?",
    re.IGNORECASE,
)
_SUFFIX = re.compile(rf"[ _.-]+{_WORD}(?:[ _.-]?(?:lesion|\d+))?$", re.IGNORECASE)
_PREFIX = re.compile(rf"^{_WORD}[ _.-]+", re.IGNORECASE)
_LOSSLESS = {".png", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".pbm"}
_LOOK = 6
"""Files that are opened of each kind; all of them, or all but one of so many, have to look like masks."""

_PIXELS = 40_000
_COLOURS = 32
_NEAR_END = 24  # grey levels around black and white that JPEG leaves of a drawing


def set_masks_aside(root: Path, samples: Sequence[Sample]) -> list[Sample]:
    """The samples, where masks are ignored with the picture that they belong to.

    What is called a mask, or lies beside a picture of the same name, is one only if it looks like one: flat
    areas of few colours. So the pictures of a class `mask`, with faces in masks, stay.
    """
    images = [
        sample
        for sample in samples
        if sample.status == "ok" and PurePosixPath(sample.path).suffix.lower() in FORMAT_OF_SUFFIX
    ]
    picture_of: dict[str, str] = {}
    for found in _find_kinds(images).values():
        if found and _look_like_masks(root, sorted(found)):
            picture_of |= found
    return [
        replace(
            sample,
            label="",
            status="ignored",
            reason=f"mask: drawn over the picture {picture_of[sample.path]}".replace(";", ","),
        )
        if sample.path in picture_of
        else sample
        for sample in samples
    ]


def count_masks(samples: Iterable[Sample]) -> int:
    """How many samples were set aside as masks."""
    return sum(sample.codes == ("mask",) for sample in samples)


def _find_kinds(images: Sequence[Sample]) -> dict[str, dict[str, str]]:
    """Masks by their names alone, of each kind the picture of each mask."""
    pictures: dict[str, list[PurePosixPath]] = defaultdict(list)
    named: list[tuple[str, PurePosixPath]] = []
    paths = [PurePosixPath(sample.path) for sample in images]
    around = _count_common_folders(paths)
    for path in paths:
        folder = next((part for part in path.parts[around:-1] if _FOLDER.fullmatch(part)), None)
        word = _SUFFIX.search(path.stem) or _PREFIX.search(path.stem)
        if folder is None and word is None:
            pictures[path.stem].append(path)
        else:
            kind = folder if folder is not None else f"*{re.sub(r'[0-9]', '', word[0])}"  # type: ignore[index]
            named.append((kind, path))
    kinds: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, path in named:
        stems = (path.stem, _SUFFIX.sub("", path.stem), _PREFIX.sub("", path.stem))
        owners = next((pictures[stem] for stem in stems if stem in pictures), [])
        if owners:
            kinds[kind][str(path)] = str(_nearest(path, owners))
    kinds["same name"] = _find_same_stems(pictures)
    return kinds


def _count_common_folders(paths: Sequence[PurePosixPath]) -> int:
    """How many folders lie around all of them: what all lie in tells none from another."""
    levels = zip(*(path.parts[:-1] for path in paths), strict=False)
    return sum(1 for _ in takewhile(lambda names: len(set(names)) == 1, levels))


def _nearest(path: PurePosixPath, owners: Sequence[PurePosixPath]) -> PurePosixPath:
    """Of the pictures of one name that lies in the most similar folders."""
    mine = set(path.parts)
    return max(owners, key=lambda owner: len(mine & set(owner.parts)))


def _find_same_stems(pictures: dict[str, list[PurePosixPath]]) -> dict[str, str]:
    """Lossless files beside a photograph of the same name in the same folder."""
    twins: dict[str, str] = {}
    for paths in pictures.values():
        by_folder: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
        for path in paths:
            by_folder[path.parent].append(path)
        for together in by_folder.values():
            flat = [path for path in together if path.suffix.lower() in _LOSSLESS]
            photographs = [path for path in together if path.suffix.lower() not in _LOSSLESS]
            if photographs:
                twins |= {str(path): str(photographs[0]) for path in flat}
    return twins


def _look_like_masks(root: Path, paths: Sequence[str]) -> bool:
    places = np.unique(np.linspace(0, len(paths) - 1, _LOOK).astype(int))
    looks = [_is_flat(root / paths[place]) for place in places]
    return sum(looks) >= len(looks) - (len(looks) == _LOOK)


def _is_flat(file: Path) -> bool:
    """Whether a picture consists of few colours, or of black and white."""
    try:
        rgb = _decode_own_range(file)
    except (OSError, UndecodableImage):
        return False
    every = rgb.reshape(-1, 3)
    pixels = every[:: max(1, len(every) // _PIXELS)].astype(np.int64)
    _, counts = np.unique(pixels @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    few = np.sort(counts)[::-1][:_COLOURS].sum() >= 0.99 * len(pixels) and len(pixels) > 8 * _COLOURS
    return bool(few or _at_the_ends(pixels))


def _decode_own_range(file: Path) -> npt.NDArray[np.uint8]:
    """The pixels, those of a deep picture by its own least and greatest: no data set has been looked at yet.

    By the range of its type a picture of 12 bits would have few colours, as a mask has.
    """
    data = read_file(file)
    decoded = decode(data, place=file)
    if decoded.depth is None:
        return decoded.rgb
    own = (decoded.depth.low, max(decoded.depth.high, decoded.depth.low + 1e-6))
    reading = Reading(integer_range=own, float_range=own, trust_declared=False)
    return decode(data, place=file, reading=reading).rgb


def _at_the_ends(pixels: Ints) -> bool:
    black, white = pixels.max(axis=1) <= _NEAR_END, pixels.min(axis=1) >= 255 - _NEAR_END
    return bool((black | white).mean() >= 0.97)
