"""Several labels an image: whether a table or a folder gives them, and samples that hold them as sets."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from groupwise.data.manifest import USABLE, Sample
from groupwise.data.reading import AUTO, ONE, Labels
from groupwise.data.targets import BAR, is_set, read_names, write_set
from groupwise.errors import GroupwiseError, UsageError

CERTAIN = 0.05  # of the cells, from which on several names in one are no slip
_SEPARATORS = (BAR, ";")
_NO_FINDING = re.compile(r"(?i)no[ _-]?findings?$")


@dataclass(frozen=True)
class SetsRead:
    """Samples with their labels as sets or left as they are, and what to say of it."""

    samples: tuple[Sample, ...]
    several: bool = False
    words: str = ""
    notes: tuple[str, ...] = ()


def split_cell(cell: str) -> tuple[str, ...]:
    """The names in a cell that may hold several."""
    separator = next((one for one in _SEPARATORS if one in cell), None)
    parts = [cell] if separator is None else cell.split(separator)
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def read_sets(samples: Sequence[Sample], labels: Labels) -> SetsRead:
    """Samples of a table whose cells may hold several labels, as `labels` says or the cells show.

    Cells written as sets are certain. Else several names count as such where one of them stands in another
    cell as well. Raises `UsageError` where so few cells hold several that it may be a slip.
    """
    there = [sample for sample in samples if sample.status in USABLE]
    written = any(is_set(sample.label) for sample in there)
    if labels == ONE:
        if written:
            raise UsageError(
                "the table gives several labels an image, one column a label or between bars",
                place="--labels one",
                remedy="Leave it out, or choose one label an image.",
            )
        return SetsRead(tuple(samples))
    if labels == AUTO and not written:
        joined = _joined_cells(there)
        if not joined:
            return SetsRead(tuple(samples))
        if len(joined) < CERTAIN * len(there):
            raise UsageError(
                f"{len(joined):,} of {len(there):,} cells hold several names, such as {joined[0]!r}: too few"
                " to tell whether an image has one label or several",
                place="DATA",
                remedy="Say --labels several to learn sets of labels, or --labels one to leave these out.",
            )
    return _as_sets(samples, blank_is_none=not written)


def _joined_cells(samples: Sequence[Sample]) -> list[str]:
    """The cells of several names of which one stands in a different cell as well."""
    cells = {sample.label for sample in samples}
    seen = Counter(name for cell in cells for name in split_cell(cell))
    return [
        sample.label
        for sample in samples
        if len(names := split_cell(sample.label)) > 1 and any(seen[name] > 1 for name in names)
    ]


def _as_sets(samples: Sequence[Sample], *, blank_is_none: bool) -> SetsRead:
    """Every label as a set; a blank cell is the empty one, unless that would have been written as one."""
    rows = [(s, read_names(s.label) if is_set(s.label) else split_cell(s.label)) for s in samples]
    of_file: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for sample, names in rows:
        if sample.status in USABLE:
            of_file[sample.path].append(names)
    none = _nothing_found([names for listed in of_file.values() for names in listed])
    done = []
    for sample, names in rows:
        if not sample.label and not (blank_is_none and sample.status in USABLE):
            done.append(sample)
            continue
        # A file that stands in several rows has the labels of all of them
        listed = of_file[sample.path] if sample.status in USABLE else [names]
        kept = [name for one in listed for name in one if name != none]
        done.append(replace(sample, label=write_set(kept)))
    notes = [f"{none!r} stands alone wherever it stands, and is taken for no label at all."] if none else []
    empty = sum(sample.label == BAR for sample in done if sample.status in USABLE)
    words = "several labels an image" + (f", {empty:,} rows with none" if empty else "")
    return SetsRead(tuple(done), True, words, tuple(notes))


def _nothing_found(rows: Sequence[tuple[str, ...]]) -> str | None:
    """The name that says "no finding", if it never stands beside another."""
    names = sorted({name for names in rows for name in names if _NO_FINDING.match(name)})
    alone = [name for name in names if all(len(row) == 1 for row in rows if name in row)]
    return alone[0] if len(alone) == 1 else None


def sets_of_folders(samples: Sequence[Sample]) -> list[Sample]:
    """Samples of class folders, where files of equal content are one image with the labels of all of them.

    The first of them stays, and the others are ignored; `samples` were looked into. Raises `GroupwiseError`
    for the name of a class that holds a bar.
    """
    odd = next((one for one in samples if one.status in USABLE and BAR in one.label), None)
    if odd is not None:
        raise GroupwiseError(
            f"the class {odd.label!r} holds a bar, which parts the labels of a set",
            place=odd.path,
            remedy="Rename the folder.",
        )
    equal: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.status in USABLE:
            equal[sample.sha256].append(sample)
    done = []
    for sample in samples:
        if sample.status not in USABLE:
            done.append(sample)
            continue
        first, *_ = alike = equal[sample.sha256]
        if sample is first:
            done.append(replace(sample, label=write_set(one.label for one in alike)))
        else:
            reason = f"listed-twice: the picture {first.path}, which has this label as well".replace(";", ",")
            done.append(replace(sample, label=write_set([sample.label]), status="ignored", reason=reason))
    return done


def refuse_bars(samples: Sequence[Sample]) -> None:
    """Raise `GroupwiseError` for the name of a class that would be read as a set."""
    odd = next((one for one in samples if one.status in USABLE and is_set(one.label)), None)
    if odd is not None:
        raise GroupwiseError(
            f"the class {odd.label!r} begins with a bar, as sets of labels do",
            place=odd.path,
            remedy="Rename the folder.",
        )
