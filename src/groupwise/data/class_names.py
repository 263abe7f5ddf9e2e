"""Class folders that may be none: of undecided pictures, or made of the pictures of other classes."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import PurePosixPath

# Names of classes that may stand for a missing label, or say that nothing was decided.
_UNDECIDED = frozenset(
    (  # noqa: SIM905  # shorter so
        "none|na|n/a|?|-|--|unknown|unlabeled|unlabelled|missing|undefined|unsorted|unclassified|review"
        "|to review|to be reviewed|todo|to do|tbd|misc|unsure|unclear|uncertain|skip|ignore"
        "|ignored|to sort|to be sorted|sort me|sort later|to check|to be checked|to label|to be labeled"
        "|to be labelled|to classify|to be classified|to annotate|undecided|not sure|dont know|idk"
        "|new folder|leftover|leftovers|discard|discarded|deleted|delete"
        "|excluded|exclude|do not use|dont use|not used|bad quality|low quality"
        "|backup|backups"
        "|duplicates|dupes|unidentified|not identified|not classified|not sorted|no class|no category"
        "|unklar|unsortiert|zu prüfen|prüfen|zu sortieren|aussortiert|papierkorb|unbestimmt|unbekannt"
        "|neuer ordner"
        "|inconnu|non classé|non trié|à trier|à classer|à vérifier|corbeille|indéterminé|nouveau dossier"
        "|desconocido|sin clasificar|por clasificar|por revisar|sin etiqueta|papelera|nueva carpeta"
        "|待定|不明|未知|待分类|待审核|待标注|待处理|回收站|新建文件夹|不确定|未分類|要確認"
    ).split("|")
)
_MARKED = frozenset(
    [
        "trash",
        "garbage",
        "waste",
        "bin",
        "recycle",
        "junk",
        "old",
        "temp",
        "tmp",
        "delete",
        "removed",
        "archive",
        "other",
        "others",
    ]
)
# What is made of pictures, by its name: no class unless somebody says so.
_MADE = re.compile(
    r"(?:thumb(?:nail)?|preview|grad ?cam|cam|heat ?map|saliency|attention|overlay|crop(?:ped)?|resized?"
    r"|small|augmented|augmentation|aug|flipped|rotated|segmented|segmentation|seg|mask|contour|edge"
    r"|depth|depth map|gr[ae]y|gr[ae]yscale|denoised|enhanced|normali[sz]ed|compressed|converted|annotated"
    r"|visuali[sz]ation|vis|result|output|debug|copy|copie|duplicate|backup|vorschau|verkleinert|miniature"
    r"|vignette|miniatura|缩略图|热力图|裁剪|增强)s?"
)
_ALWAYS_MADE = re.compile(
    r"(?:thumb(?:nail)?|preview|grad ?cam|heat ?map|saliency(?: map)?|overlay|visuali[sz]ation|vorschau)s?"
)
_MOST_SHARED = 0.6  # of the names of a class that stand in others, from which on they are asked about
_FEW = 3
_HOLDERS = 4
"""Folders that are kept of each name: one's own, and enough others to tell one from several."""

_LONG_NUMBER = 7  # digits of an identifier rather than of a count


def is_undecided(label: str) -> bool:
    """Whether the name of a class may say that nothing was decided: `to_sort`, `ToBeReviewed`, `_trash`."""
    plain = " ".join(_words(label))
    marked = not (label[:1].isalnum() and label[-1:].isalnum())
    return plain in _UNDECIDED or label.strip().casefold() in _UNDECIDED or (marked and plain in _MARKED)


def leave_out(folders: Sequence[str], depth: int = 0) -> str:
    """The option that takes all folders but some for classes, `depth` folders below the data's."""
    around = f"(?:[^/]+/){{{depth}}}" if depth else ""
    names = "|".join(re.escape(name) for name in folders)
    named = names if len(folders) == 1 else f"(?:{names})"
    return f"--label-regex {shlex.quote(f'^{around}(?!{named}/)([^/]+)/')}"


def note_repeats(paths_of_class: Mapping[str, Sequence[str]], depth: int) -> list[str]:
    """That class folders, `depth` folders below the data's, hold pictures made of those of other classes."""
    repeats = find_repeats(paths_of_class)
    if not repeats:
        return []
    names = list(repeats)
    found = next((pair for pair in repeats.values() if pair), None)
    fact = (
        f"Most files of the class {', '.join(map(repr, names[:4]))} are called as files of other classes,"
        f" such as {found[0]} as {found[1]}."
        if found
        else f"The class {', '.join(map(repr, names[:4]))} is called as pictures made of others are."
    )
    others = len(paths_of_class) - len(names) > 1
    return [
        f"{fact} If they hold further forms of the same pictures, they are no classes:"
        f" {leave_out(names, depth) if others else 'give DATA without them'}."
        " If one picture has several labels: --labels several."
    ]


def find_repeats(paths_of_class: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str] | None]:
    """Class folders that seem to be made of the pictures of others, with two files that are called alike.

    First come those whose name says so, then those that hold files of several others, then all that are
    left; each lot is taken away before the next is looked for, because its originals repeat it as well. Names
    that only count, as `001.jpg`, tell nothing unless the folder says what was made of the pictures.
    """
    left = dict(paths_of_class)
    found: dict[str, tuple[str, str] | None] = {}
    for kind in (_is_made, _is_mixture, _is_told):
        holders = _index(left)
        pairs = {label: pair for label in left if (pair := _find_pair(label, left[label], holders, kind))}
        if kind is _is_made:
            found |= {label: None for label in left if _ALWAYS_MADE.fullmatch(" ".join(_words(label)))}
        found |= pairs
        left = {label: paths for label, paths in left.items() if label not in found}
    return found if len(found) < len(paths_of_class) or any(found.values()) else {}


_Holders = Mapping[str, Mapping[str, str]]
"""Of each name, without ending and case, the folders that hold a file called so, and its path in each."""


@dataclass(frozen=True)
class _Likeness:
    """A folder, a word that its files have more, their names without it, and who else holds those."""

    label: str
    word: str
    stems: Sequence[str]
    others: Sequence[Mapping[str, str]]
    classes: Collection[str]


def _index(paths_of_class: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    holders: dict[str, dict[str, str]] = defaultdict(dict)
    for label, paths in paths_of_class.items():
        for path in paths:
            held = holders[_stem(path)]
            if len(held) < _HOLDERS:  # names that only count are those of a thousand classes
                held.setdefault(label, path)
    return holders


def _find_pair(
    label: str, paths: Sequence[str], holders: _Holders, kind: Callable[[_Likeness], bool]
) -> tuple[str, str] | None:
    """A file of a folder and the one of another that it is called as, if most are and `kind` says so."""
    if len(paths) < _FEW:
        return None
    for word, stems in _ways([_stem(path) for path in paths]):
        others = [
            {other: path for other, path in holders.get(stem, {}).items() if other != label} for stem in stems
        ]
        if sum(map(bool, others)) < _MOST_SHARED * len(paths):
            continue
        classes = {other for held in others for other in held}
        if kind(_Likeness(label, word, stems, others, classes)):
            return next((path, min(held.values())) for path, held in zip(paths, others, strict=True) if held)
    return None


def _is_made(like: _Likeness) -> bool:
    """Whether the folder, or the word that all of its files have more, says what was made of pictures."""
    return _names_made(like.label) or _names_made(like.word)


def _is_mixture(like: _Likeness) -> bool:
    """Whether the files are called as those of several classes that share no names with one another."""
    shares = Counter(other for held in like.others for other in held)
    return sum(n >= _FEW for n in shares.values()) > 1 and all(len(held) < 2 for held in like.others)


def _is_told(like: _Likeness) -> bool:
    """Whether the names are such as no two pictures have by chance."""
    words = {word for other in like.classes for word in _words(other)}
    return sum(_only_counts(stem, words) for stem in like.stems) < len(like.stems) / 2


def _names_made(name: str) -> bool:
    words = _words(name)
    return any(_MADE.fullmatch(word) for word in (*words, " ".join(words)))


def _ways(stems: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The names as they are, and without the first or the last word where all have the same."""
    ways = [("", list(stems))]
    for pattern in (r"([^\W\d_]+)[\W_]+(.+)", r"(.+)[\W_]+([^\W\d_]+)"):
        matches = [re.fullmatch(pattern, stem) for stem in stems]
        place = 1 if pattern.startswith("([^") else 2
        words = Counter(match[place] for match in matches if match)
        if words and words.most_common(1)[0][1] >= 0.9 * len(stems):
            word = words.most_common(1)[0][0]
            ways.append(
                (
                    word,
                    [
                        m[3 - place] if m and m[place] == word else s
                        for m, s in zip(matches, stems, strict=True)
                    ],
                )
            )
    return ways


def _only_counts(stem: str, classes: Set[str]) -> bool:
    """Whether a name is a number with a word before and behind at most, neither a class's: `IMG_1`."""
    match = re.fullmatch(r"([^\W\d_]*)[\W_]*(\d+)[\W_]*([^\W\d_]*)\W*", stem)
    return match is not None and len(match[2]) < _LONG_NUMBER and classes.isdisjoint((match[1], match[3]))


def _stem(path: str) -> str:
    return PurePosixPath(path).stem.casefold()


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))  # ToBeReviewed
    return re.findall(r"[^\W_]+", spaced.casefold().replace("'", ""))
