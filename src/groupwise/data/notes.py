"""What the user should know about the whole of the data: classes, groups, and files that lie elsewhere."""

from __future__ import annotations

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from groupwise.data.class_names import is_undecided, leave_out
from groupwise.data.group_names import spelling_key
from groupwise.data.manifest import USABLE, Sample
from groupwise.data.parquet_images import PARQUET
from groupwise.data.table import where_images_lie
from groupwise.data.targets import BAR, all_names


def note_groups(samples: Sequence[Sample], pattern: re.Pattern[str] | None) -> list[str]:
    """How many images the pattern gave no group."""
    usable = [sample for sample in samples if sample.status in USABLE]
    misses = sum(not sample.group for sample in usable)
    if pattern is None or not misses:
        return []
    return [f"{misses} of {len(usable)} images have no group by {pattern.pattern!r}: each stands alone."]


def note_patients(before: Sequence[Sample], samples: Sequence[Sample]) -> list[str]:
    """How many images have a group from within their file, as DICOM names the patient."""
    patients = sum(not old.group and bool(new.group) for old, new in zip(before, samples, strict=True))
    if not patients:
        return []
    return [
        f"The groups of {patients:,} DICOM images are their patients, hashed; spellings of one identifier"
        " that differ in case, blanks or the form of a number are one."
    ]


_FEW = 10
# The beginning of a name before its number, as in p12_3.jpg.
_NUMBERED_NAME = r"([^/]+?)[ _.-]+\d+\.\w+$"


def note_series(samples: Sequence[Sample]) -> list[str]:
    """A pattern that may give groups, where file names begin alike in small numbers."""
    usable = [sample for sample in samples if sample.status in USABLE]
    usable = [sample for sample in usable if f"{PARQUET}/" not in sample.path]  # called by number of row
    if any(sample.group for sample in usable):
        return []
    found = [match[1] for sample in usable if (match := re.search(_NUMBERED_NAME, sample.path))]
    series = Counter(found)
    classes = len(set(all_names(sample.label for sample in usable)))
    if len(found) < 0.9 * len(usable) or not 2 * classes < len(series) <= len(found) / 2:
        return []
    name, size = series.most_common(1)[0]
    if size > max(_FEW, len(found) / 10):  # the name of a class or of a setting rather than of a subject
        return []
    return [
        f"File names begin in {len(series):,} ways, {name!r} {size:,} times. If images that begin alike show"
        f" one subject, add --group-regex '{_NUMBERED_NAME}'."
    ]


# What people and programs call further forms of one picture, after its name or as a folder.
_FORMS = (
    r"(?:crop(?:ped)?|thumb(?:nail)?|small|resized|aug(?:mented)?|flip(?:ped)?|rot(?:ated)?|gr[ae]y(?:scale)?"
    r"|bw|copy|preview|mirror(?:ed)?|blur(?:red)?|noisy|bright|dark)s?"
)
_FORM_OF_NAME = re.compile(rf"(.+?)[ _.-]+{_FORMS}[ _.-]?\d*", re.IGNORECASE)
_FORM_OF_FOLDER = re.compile(_FORMS, re.IGNORECASE)


def note_forms(samples: Sequence[Sample]) -> list[str]:
    """Pictures that are called as others with a word more: crops, thumbnails and the like."""
    usable = [PurePosixPath(sample.path) for sample in samples if sample.status in USABLE]
    names = {path.with_suffix(""): path for path in usable}
    forms = []
    for path in usable:
        match = _FORM_OF_NAME.fullmatch(path.stem)
        base = names.get(path.with_name(match[1])) if match else None
        if base is None and _FORM_OF_FOLDER.fullmatch(path.parent.name):
            base = names.get(path.parent.parent / path.stem)
        if base is not None:
            forms.append((path, base))
    if len(forms) < 2:
        return []
    path, base = forms[0]
    return [
        f"{len(forms):,} images are called as others and a word more, such as {path} beside {base}: crops,"
        " thumbnails or copies of the same pictures? The audit binds those that it recognises, and --exclude"
        " leaves them out."
    ]


def note_outside(data: Path, root: Path, samples: Sequence[Sample]) -> list[str]:
    """The option that takes files which lie outside of the data's folder."""
    common = where_images_lie(root, samples)
    if common is None:
        return []
    return [
        f"Files that {data} names lie outside of its folder: --root {shlex.quote(str(common))} takes them."
    ]


_FEW_SINGLES = 5
_MANY_FRACTIONS = 5
_RANGES = " If they are a measurement, write ranges of it as classes: only classes can be learnt here."


def note_classes(samples: Sequence[Sample], folders: Sequence[str]) -> list[str]:
    """Classes that are empty, alone, alike, or may be no single class; `folders` are those of the classes."""
    counts = Counter(all_names(sample.label for sample in samples if sample.status in USABLE))
    labels = sorted(counts)
    notes = [f"The class folder {name!r} holds no usable image." for name in folders if name not in counts]
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[spelling_key(label)].append(label)
    notes += [
        f"The classes {' and '.join(map(repr, names))} differ only in spelling: are they one?"
        for names in alike.values()
        if len(names) > 1
    ]
    notes += [*_note_undecided(labels, samples, folders), *_note_several(labels)]
    notes += _note_measures(labels)
    notes += _note_singles([label for label in labels if counts[label] == 1], len(labels))
    if len(labels) == 1:
        notes.append(
            f"There is only one class, {labels[0]!r}. Where the names of the files hold others, --label-regex"
            " finds them."
            + " Where an image without a label shows something else, that needs a name as well, such as"
            " 'other'." * any(_has_none(sample) for sample in samples)
        )
    if not labels:
        bare = any(s.codes == ("no-label",) and re.match(r"[^\W\d_]+[^/]*$", s.path) for s in samples)
        notes.append(
            "No image can be used; `groupwise audit` writes why, file by file, into manifest.csv."
            + " Where the names of the files hold the class, --label-regex finds it, as '^([A-Za-z]+)'."
            * bare
        )
    return notes


def _has_none(sample: Sample) -> bool:
    """Whether an image has no label, or the set of none."""
    return sample.codes == ("no-label",) or sample.label == BAR


def _note_singles(singles: Sequence[str], classes: int) -> list[str]:
    """Classes of one image; many of them may be no classes at all."""
    if len(singles) <= _FEW_SINGLES:
        return [f"The class {label!r} has a single image." for label in singles]
    named = ", ".join(map(repr, singles[:_FEW_SINGLES]))
    note = f"{len(singles):,} of {classes:,} classes have a single image each, such as {named}."
    if all(re.fullmatch(r"[+-]?\d+", label) for label in singles) and 2 * len(singles) > classes:
        note += _RANGES
    return [note]


def _note_measures(labels: Sequence[str]) -> list[str]:
    """Classes that are numbers with decimals, as grades and versions of a few kinds are as well."""
    fractions = [label for label in labels if re.fullmatch(r"[+-]?\d+[.,]\d*[1-9]\d*", label)]
    numbers = sum(re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", label) is not None for label in labels)
    if numbers < len(labels) or len(fractions) < _MANY_FRACTIONS:
        return []
    return [f"The {len(labels):,} classes are numbers such as {fractions[0]}.{_RANGES}"]


def _note_undecided(labels: Sequence[str], samples: Sequence[Sample], folders: Sequence[str]) -> list[str]:
    """Classes whose names say that nothing was decided, and of folders the option that leaves them out."""
    doubts = list(filter(is_undecided, labels))
    option = ""
    if set(doubts) & set(folders):
        path = next(sample.path for sample in samples if sample.label in doubts and sample.status in USABLE)
        depth = next((i for i, part in enumerate(path.split("/")) if part in doubts), 0)
        option = f", as by {leave_out(doubts, depth)}"
    return [
        f"The class {label!r} may stand for a missing label: if it does, leave its cells empty, or its folder"
        f" out{option}."
        for label in doubts
    ]


def _note_several(labels: Sequence[str]) -> list[str]:
    """Classes that may be several labels in one cell."""
    several = [label for label in labels if _names_another(label, set(labels))]
    if not several:
        return []
    return [
        f"There are classes that name another class and more, such as {several[0]!r} ({len(several):,} in"
        " all): if an image can have several labels, write them into a table with a bar between them, cat|dog"
        ", and add --labels several."
    ]


def _names_another(label: str, labels: set[str]) -> bool:
    parts = [part for part in re.split(r"[\s,;/|&+]+", label) if part]
    return len(parts) > 1 and bool((labels - {label}).intersection(parts))
