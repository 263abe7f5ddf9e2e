"""What a folder of images is taken for: class folders, a ready split of such, or an archive around either."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from groupwise.data.array_files import name_arrays
from groupwise.data.class_names import leave_out
from groupwise.data.crossed_names import cross_names
from groupwise.data.depth import Parts, count_below, find_recurring, note_depth
from groupwise.data.fold_names import TEST, TRAIN, UNLABELLED, VAL, is_ready_split, name_folds
from groupwise.data.formats import FORMAT_OF_SUFFIX, lacks_ending
from groupwise.data.manifest import Sample

FOLDERS, POOL = "folders", "pool"
"""Values of `split.given` for a split that lies in folders: used as it is, or divided anew."""

_MOST_LOOSE = 3
"""Pictures that may lie beside the one folder of an archive, such as a preview."""

# Of one picture saved in several ways, as PlantVillage and depth cameras have it.
_VARIANTS = frozenset(
    (  # noqa: SIM905  # shorter so
        "color colour colored rgb bgr gray grey grayscale greyscale bw mono segmented depth thermal"
        " ir nir infrared hsv lab edges edge normal original augmented cropped raw denoised enhanced"
        " clahe resized"
    ).split()
)
_SIZE = re.compile(r"\d+x\d+(?:px)?", re.IGNORECASE)
# Of these no class is called, so folders of other names may lie below them.
_PROCESSED = frozenset(["original", "originals", "augmented", "resized", "cropped", "denoised", "enhanced"])
# How publishers number the archives that a large set is downloaded in.
_PORTION = re.compile(
    r"((?:.*[\W_])?(?:images?|imgs?|photos?|pictures?|parts?|batch(?:es)?|chunks?|shards?|archives?|vol(?:ume)?s?"
    r"|dis[ck]s?|folders?|dir|jpe?gs?|pngs?)[\W_]*)\d+",
    re.IGNORECASE,
)
# What detection and segmentation sets call their parts: no class among them.
_PARTS_OF_BOXES = frozenset(
    ["images", "labels", "annotations", "masks", "jpegimages", "imagesets", "annotation", "label", "xml"]
)


@dataclass(frozen=True)
class Shape:
    """How the images lie below a folder.

    `inside` are the folders around all of them. `folds` says of each folder there which fold it is, if the
    folders are a split; `inverted` that the folds lie below the class folders instead. `others` are folders
    beside a split, `flat` folders of it that hold no class folders though another does, and `unlabelled`
    folders whose names say that their images have no class. `classless` says that no folder of a split holds
    class folders, and `portions` are folders among which a publisher divided the images by number;
    `crossed` gives of folders such as train_cat the word for the fold and the class.
    """

    inside: Parts = ()
    folds: Mapping[str, str] = field(default_factory=dict)
    inverted: bool = False
    others: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    wrapped: Mapping[str, Parts] = field(default_factory=dict)
    flat: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    boxes: bool = False
    classless: bool = False
    portions: tuple[str, ...] = ()
    crossed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def find_candidates(samples: Sequence[Sample]) -> list[Sample]:
    """The files that may be images, before any is opened: by their suffix, or all where none has one.

    Where more have no ending at all than one of images, those count as well: a preview hides none of them.
    """
    pending = [sample for sample in samples if sample.status == "ok" and name_arrays(sample.path) is None]
    named = [sample for sample in pending if PurePosixPath(sample.path).suffix.lower() in FORMAT_OF_SUFFIX]
    bare = [sample for sample in pending if lacks_ending(sample.path)] if named else []
    if len(bare) > len(named):
        return sorted([*named, *bare], key=lambda sample: sample.path)
    return named or pending


def recognise(samples: Sequence[Sample]) -> Shape:
    """The shape of a folder by the paths of its images alone."""
    whole = [PurePosixPath(sample.path).parts for sample in find_candidates(samples)]
    inside = _find_wrapper(whole)
    paths = [path[len(inside) :] for path in whole]
    tops = count_below(paths)
    folds = name_folds(tops)
    if _is_split(tops, folds):
        return _shape_split(paths, inside, tops, folds)
    if _is_inverted(tops):
        inner = name_folds({name for below in tops.values() for name in below})
        return Shape(inside, inner, inverted=True)
    if crossed := cross_names(tops):
        return Shape(inside, crossed=crossed, others=tuple(name for name in tops if name not in crossed))
    variants = tuple(name for name in tops if _is_variant(name))
    if len(variants) == len(tops) > 1 and find_recurring(tops):
        return Shape(inside, variants=variants)
    processed = tuple(
        name for name, below in tops.items() if _PROCESSED & set(_words(name)) and not below[""]
    )
    if len(processed) > 1 and all(name in processed or name in folds for name in tops):
        return Shape(inside, variants=processed)
    if _are_portions(tops):
        return Shape(inside, portions=tuple(tops))
    unlabelled = tuple(name for name, fold in folds.items() if fold == UNLABELLED)
    if len(tops) - len(unlabelled) < 2:
        unlabelled = ()
    kept = [name for name in tops if name not in unlabelled]
    deep = [path for path in whole if path[len(inside) :][:1] not in [(name,) for name in unlabelled]]
    doubts = [*_note_fold_names(kept, folds, len(inside)), *note_depth(deep, len(inside))]
    return Shape(inside, unlabelled=unlabelled, boxes=_is_boxes(tops), doubts=tuple(doubts))


def _find_wrapper(paths: Sequence[Parts], *, names_of_folds: bool = True) -> Parts:
    """The folders that each hold one folder alone, down to the first that holds several."""
    inside: Parts = ()
    while True:
        rest = [path[len(inside) :] for path in paths]
        tops = {path[0] for path in rest if len(path) > 1}
        loose = sum(len(path) == 1 for path in rest)
        if len(tops) != 1 or loose > _MOST_LOOSE:
            return inside
        (name,) = tops
        if names_of_folds and name_folds([name]):
            return inside
        deeper = {path[1] for path in rest if len(path) > 2}
        if not deeper or any(len(path) == 2 for path in rest):
            return inside  # its images lie in it: a class
        inside, paths = (*inside, name), [path for path in paths if len(path) > len(inside) + 1]


def _is_split(tops: Mapping[str, Counter[str]], folds: Mapping[str, str]) -> bool:
    kinds = set(folds.values())
    if not folds or kinds == {UNLABELLED}:
        return False
    if len(folds) == len(tops) or is_ready_split(kinds):
        return True
    holding = [name for name in folds if len(set(tops[name]) - {""}) > 1 and not tops[name][""]]
    others = [name for name in tops if name not in folds]
    # `train` alone, with class folders in it and none of the same names elsewhere
    return kinds == {TRAIN} and bool(holding) and not _have_common_folders(tops, holding, others)


def _have_common_folders(
    tops: Mapping[str, Counter[str]], some: Sequence[str], others: Sequence[str]
) -> bool:
    inner = set().union(*(tops[name] for name in some)) - {""}
    return any(len(inner & set(tops[name])) > 1 for name in others)


def _is_inverted(tops: Mapping[str, Counter[str]]) -> bool:
    """Whether every class folder holds the folds of a split."""
    folds = name_folds({name for below in tops.values() for name in below if name})
    inner = [{folds.get(name) for name in below} for below in tops.values()]
    return bool(inner) and all(None not in one for one in inner) and is_ready_split(set(folds.values()))


def _shape_split(
    paths: Sequence[Parts], inside: Parts, tops: Mapping[str, Counter[str]], folds: Mapping[str, str]
) -> Shape:
    wrapped = {}
    for name in folds:
        inner = [path[1:] for path in paths if path[:1] == (name,)]
        wrapped[name] = _find_wrapper(inner, names_of_folds=False)
    labels = {
        name: {path[len(wrapped[name]) + 1] for path in paths if _has_class(path, name, wrapped[name])}
        for name, fold in folds.items()
        if fold != UNLABELLED
    }
    no_class = [name for name, found in labels.items() if found and _names_parts(found)]
    is_boxes = bool(no_class) and all(name in no_class for name, found in labels.items() if found)
    flat = [] if is_boxes else [*no_class, *_find_classless(labels, folds)]
    holding = {name: len(wrapped[name]) for name, found in labels.items() if found and name not in flat}
    deepest = max(holding.values(), default=0)
    deep = [
        (*inside, *path)
        for path in paths
        if holding.get(path[0] if path else "") == deepest and path[1 : deepest + 1] == wrapped[path[0]]
    ]
    return Shape(
        inside,
        folds,
        others=tuple(name for name in tops if name not in folds),
        wrapped=wrapped,
        flat=tuple(flat),
        boxes=is_boxes,
        classless=not any(labels.values()),
        doubts=tuple(note_depth(deep, len(inside) + 1 + deepest)),
    )


def _find_classless(labels: Mapping[str, set[str]], folds: Mapping[str, str]) -> list[str]:
    """Folds that are measured, of which one folder holds all images, though no other fold has such a class.

    The folder stands around the images and names none, as in asl_alphabet_test/asl_alphabet_test.
    """
    classless = []
    for name, found in labels.items():
        others = set().union(*(known for other, known in labels.items() if other != name))
        if folds[name] in (VAL, TEST) and len(found) == 1 and len(others) > 1 and not found & others:
            classless.append(name)
    return classless


def _has_class(path: Parts, fold: str, wrapped: Parts) -> bool:
    return path[:1] == (fold,) and len(path) > len(wrapped) + 2


def _names_parts(labels: Iterable[str]) -> bool:
    return {label.casefold() for label in labels} <= _PARTS_OF_BOXES


def _is_boxes(tops: Mapping[str, Counter[str]]) -> bool:
    return len(tops) == 1 and _names_parts(tops)


def _are_portions(tops: Mapping[str, Counter[str]]) -> bool:
    """Whether folders differ in a number alone, and are called as no class is: images_001, images_002."""
    named = [_PORTION.fullmatch(name) for name in tops]
    stems = {match[1].casefold() for match in named if match}
    return len(tops) > 1 and all(named) and len(stems) == 1


def _is_variant(name: str) -> bool:
    return any(word in _VARIANTS or _SIZE.fullmatch(word) for word in _words(name))


def _words(name: str) -> list[str]:
    return name.casefold().replace("-", "_").replace(" ", "_").split("_")


def _note_fold_names(tops: Sequence[str], folds: Mapping[str, str], depth: int) -> Iterable[str]:
    for name in tops:
        if name in folds:
            yield (
                f"The folder {name!r} is taken for a class, and its name is that of a fold. If it is none,"
                f" leave it out: {leave_out([name], depth)}."
            )
