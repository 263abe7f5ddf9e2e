"""Tables that JSON holds by column, by row, by image or by class, as the rows of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from groupwise.data.column_names import LABEL_NAMES, PATH_NAMES, plain_name
from groupwise.data.image_lists import is_image_name

Record = Mapping[str, Any]


def read_frame(content: Record) -> list[dict[str, Any]] | None:
    """The rows of a table that pandas or a script wrote in one object; None for any other object."""
    inner = list(content.values())
    if not inner:
        return None
    if all(isinstance(one, str) for one in inner):  # {"cat/1.jpg": "cat"}
        return [{"path": path, "label": label} for path, label in content.items()]
    if content.keys() == {"columns", "index", "data"} and all(isinstance(one, list) for one in inner):
        return [dict(zip(content["columns"], row, strict=False)) for row in content["data"]]
    if all(isinstance(one, list) for one in inner):
        return _read_lists(content)
    if not all(isinstance(one, Mapping) for one in inner):
        return None
    if any(isinstance(cell, Mapping) for one in inner for cell in one.values()):
        return None
    if _has_columns(content) and len({tuple(one) for one in inner}) == 1:
        return [{name: content[name][row] for name in content} for row in inner[0]]
    if all(_has_columns(one) for one in inner):  # by the name of each row, which may be that of its file
        return [{PATH_NAMES[0]: name, **one} for name, one in content.items()]
    return None


def _has_columns(names: Iterable[str]) -> bool:
    plain = set(map(plain_name, names))
    return not plain.isdisjoint(LABEL_NAMES) or plain >= {"path"}


def _read_lists(lists: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]] | None:
    """The rows of lists by image, by column or by class: the names of images say by which."""
    cells = [one for some in lists.values() for one in some]
    if not cells or any(isinstance(one, Mapping | list) for one in cells):
        return None
    if all(map(is_image_name, lists)):  # {"1.jpg": ["cat", "dog"]}
        return [{"path": path, "label": labels} for path, labels in lists.items()]
    of_images = [bool(some) and all(is_image_name(str(one)) for one in some) for some in lists.values()]
    is_table = 0 < sum(of_images) < len(lists) or _names_both(lists)
    if is_table and len(set(map(len, lists.values()))) == 1:  # {"file": ["1.jpg"], "label": ["cat"]}
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    if len(lists) > 1 and all(isinstance(one, str) for one in cells):  # {"cat": ["cat/1.jpg"]}
        return [{"path": path, "label": label} for label, paths in lists.items() for path in paths]
    return None


def _names_both(names: Iterable[str]) -> bool:
    """Whether some of the names are those of columns of paths, and some of classes."""
    plain = set(map(plain_name, names))
    return not plain.isdisjoint(LABEL_NAMES) and not plain.isdisjoint(PATH_NAMES)
