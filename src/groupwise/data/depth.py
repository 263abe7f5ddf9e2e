"""Folders below the class folders: what they may be, and the options that say so."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

Parts = tuple[str, ...]

_LAST = "([^/]+)/[^/]+$"


def count_below(paths: Iterable[Parts]) -> dict[str, Counter[str]]:
    """Images below each folder, by the next folder; "" for those that lie directly in it."""
    tops: dict[str, Counter[str]] = defaultdict(Counter)
    for path in paths:
        if len(path) > 1:
            tops[path[0]][path[1] if len(path) > 2 else ""] += 1
    return dict(sorted(tops.items()))


def find_recurring(tops: Mapping[str, Counter[str]]) -> set[str]:
    """Names of folders that lie below more than half of the folders, if there are two or more of them."""
    counts = Counter(name for below in tops.values() for name in below if name)
    often = {name for name, count in counts.items() if count > len(tops) / 2 and count > 1}
    return often if len(often) > 1 else set()


def note_depth(paths: Sequence[Parts], around: int) -> Iterator[str]:
    """That folders lie below the class folders, which lie `around` folders below the data's."""
    paths = [path for path in paths if len(path) > around + 1]
    inner = [path[around:] for path in paths]
    level, tops = _enter_single_folders(inner)
    nested = {name: [folder for folder in below if folder] for name, below in tops.items()}
    whole = {name: folders for name, folders in nested.items() if folders and not tops[name][""]}
    if not whole or len(tops) < 2:
        return
    name, folders = max(whole.items(), key=lambda item: len(item[1]))
    start = f"^(?:[^/]+/){{{around}}}" if around else "^"
    ends_there = all(len(path) == level + 3 for path in inner)
    depth = around + level + 1
    if ends_there:
        patterns = subjects = (_LAST, f"{start}(.+)/[^/]+$")
    else:
        # Of a file that lies higher up, the class is the last of its folders; it is no subject's.
        patterns = f"^(?:[^/]+/){{0,{depth}}}([^/]+)/", f"{start}((?:[^/]+/){{0,{level + 1}}}[^/]+)/"
        subjects = f"^(?:[^/]+/){{{depth}}}([^/]+)/", f"{start}((?:[^/]+/){{{level + 1}}}[^/]+)/"
    classes = _propose_labels(paths, *patterns) + _note_deepest(paths, around, start, patterns[0])
    groups = _propose_groups(paths, *subjects)
    again = sorted(find_recurring(tops))
    if again:
        yield (
            f"Below the class folders lie folders of the same names, such as {', '.join(again[:3])}. If those"
            f" are the classes: {classes} If each is one subject: {groups}"
        )
    elif len(folders) > 1:
        yield (
            f"Below the class folders lie further folders, such as {name}/{folders[0]}: taken for parts of"
            f" the class {name.split('/')[0]!r}. If they are the classes: {classes} If each is one subject:"
            f" {groups}"
        )
    elif len({one[0] for one in whole.values()}) > 1:
        yield (
            f"A single folder lies in each class folder, such as {name}/{folders[0]}: taken for a part of the"
            f" class {name.split('/')[0]!r}. If {folders[0]!r} is the class: {classes}"
        )


def _propose_labels(paths: Sequence[Parts], by_name: str, by_path: str) -> str:
    """The option for classes called as the folders are, and where it joins some, the one that does not."""
    names, whole = (len(_find_all(paths, pattern)) for pattern in (by_name, by_path))
    if names == whole:
        return f"--label-regex '{by_name}'."
    return (
        f"--label-regex '{by_name}', {names:,} in all, as equal names count as one; '{by_path}' keeps all"
        f" {whole:,} apart."
    )


def _propose_groups(paths: Sequence[Parts], by_name: str, by_path: str) -> str:
    """As `_propose_labels`, for groups."""
    if len(_find_all(paths, by_name)) == len(_find_all(paths, by_path)):
        return f"--group-regex '{by_name}'."
    return f"--group-regex '{by_name}', or '{by_path}' where equal names are different ones."


def _find_all(paths: Sequence[Parts], pattern: str) -> set[str]:
    found = (re.search(pattern, "/".join(path)) for path in paths)
    return {match[1] for match in found if match}


def _note_deepest(paths: Sequence[Parts], around: int, start: str, higher: str) -> str:
    """The option for the folders that images lie in, where `higher` finds others and they have own names.

    Names that recur from folder to folder are of settings or subjects rather than of classes.
    """
    folders = {path[around:-1] for path in paths}
    names = Counter(folder[-1] for folder in folders)
    recurring = sum(n > 1 for n in names.values())
    if recurring > len(names) / 2 or _find_all(paths, _LAST) == _find_all(paths, higher):
        return ""
    deepest = min(folders, key=lambda folder: (-len(folder), folder))
    return (
        f" If the folders that the images lie in are, such as {'/'.join(deepest[-2:])}:"
        f" {_propose_labels(paths, _LAST, f'{start}(.+)/[^/]+$')}"
    )


def _enter_single_folders(paths: Sequence[Parts]) -> tuple[int, Mapping[str, Counter[str]]]:
    """How many folders stand alone in each class folder, one in the other, and what lies below them."""
    level = 0
    deeper = tops = count_below(paths)
    while deeper and all(len(below) == 1 and "" not in below for below in deeper.values()):
        level += 1
        joined = (("/".join(path[: level + 1]), *path[level + 1 :]) for path in paths if path[0] in tops)
        deeper = count_below(joined)
    return (level, deeper) if any(set(below) - {""} for below in deeper.values()) else (0, tops)
