"""Records of labelling tools, as JSON has them: each image with its class, in one flat row."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groupwise.data.fold_names import is_ready_split, name_folds
from groupwise.data.frames import read_frame

SEVERAL = "|"
"""Between the classes of an image that has several."""

_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
# As pandas writes a cell that holds a list or an array; Python itself would join `'cat' 'dog'` into one.
_LIST = re.compile(rf"\[\s*{_TEXT}(?:\s*,\s*{_TEXT}|\s+{_TEXT})*\s*,?\s*\]")
_BIT = r"[01](?:\.0*)?"
_VECTOR = re.compile(rf"\[\s*{_BIT}(?:[\s,]+{_BIT})+\s*\]|{_BIT}(?:\|{_BIT})+")

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Annotations:
    """Rows of text by column, the tool in words, and the columns of path and label where it has such."""

    rows: tuple[dict[str, str], ...]
    kind: str = ""
    path_column: str | None = None
    label_column: str | None = None


def read_annotations(content: Any) -> Annotations | None:
    """The rows in what a JSON file holds; None where it is no list of images."""
    if isinstance(content, Mapping):
        return _read_object(content)
    if not isinstance(content, Sequence) or isinstance(content, str):
        return None
    records = [record for record in content if isinstance(record, Mapping)]
    if not records or len(records) < len(content):
        return None
    for is_one, read in _TOOLS:
        if all(map(is_one, records)):
            return read(records)
    return Annotations(tuple(map(_flatten, records)))


def _read_object(content: Record) -> Annotations | None:
    if {"images", "annotations", "categories"} <= content.keys():
        return _read_coco(content)
    via = content.get("_via_img_metadata", content)
    if isinstance(via, Mapping) and via and all(_is_via(entry) for entry in via.values()):
        return _read_via(list(via.values()))
    if (found := _read_numbered(content)) is not None:
        return found
    if (records := read_frame(content)) is not None:
        return read_annotations(records)
    lists = [value for value in content.values() if isinstance(value, list)]
    if len(lists) == 1:  # a list of records under some key
        return read_annotations(lists[0])
    if content and len(lists) == len(content) and is_ready_split(name_folds(content).values()):
        records = [record for some in lists for record in some]  # {"train": [{...}], "test": [{...}]}
        if all(isinstance(record, Mapping) for record in records):
            folds = [name for name, some in content.items() for _ in some]
            return read_annotations([{"split": f, **r} for f, r in zip(folds, records, strict=True)])
    return read_annotations([content])  # JSON lines of a single line


def _read_numbered(content: Record) -> Annotations | None:
    """What gives classes by number: Datumaro's items, FiftyOne's labels, triples of path, number, name."""
    names, labels = content.get("classes"), content.get("labels")
    if isinstance(names, list) and isinstance(labels, Mapping):
        rows = [{"path": path, "label": _name(names, number)} for path, number in labels.items()]
        return Annotations(tuple(rows), "FiftyOne labels", "path", "label")
    items, categories = content.get("items"), content.get("categories")
    if isinstance(items, list) and isinstance(categories, Mapping):
        names = [one.get("name") for one in categories.get("label", {}).get("labels", ())]
        rows = []
        for item in items:
            kinds = [one for one in item.get("annotations", ()) if one.get("type") == "label"]
            labels = dict.fromkeys(_name(names, one.get("label_id")) for one in kinds)
            path = item.get("image", {}).get("path") or item.get("id", "")
            rows.append({"path": str(path), "label": SEVERAL.join(labels)})
        return Annotations(tuple(rows), "Datumaro JSON", "path", "label")
    triples = [(fold, one) for fold, some in content.items() if isinstance(some, list) for one in some]
    if triples and all(_is_triple(one) for _, one in triples):
        rows = [{"path": one[0], "label": one[2], "split": fold} for fold, one in triples]
        return Annotations(tuple(rows), "a JSON of paths and classes by fold", "path", "label")
    return None


def _is_triple(one: Any) -> bool:
    return isinstance(one, list) and [type(part) for part in one] == [str, int, str]


def _name(names: Sequence[Any], number: Any) -> str:
    if isinstance(number, int) and 0 <= number < len(names):
        return to_cell(names[number])
    return to_cell(number)


def _flatten(record: Record, prefix: str = "") -> dict[str, str]:
    row: dict[str, str] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            row |= _flatten(value, f"{name}.")
        else:
            row[name] = to_cell(value)
    return row


def to_cell(value: Any) -> str:
    """A value as the cell of a table; several become one cell, and what is missing an empty one."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, list | tuple):
        return SEVERAL.join(map(to_cell, value))
    if isinstance(value, Mapping):
        if value and all(isinstance(yes, bool) for yes in value.values()):  # VIA's checkboxes
            return SEVERAL.join(name for name, yes in value.items() if yes)
        return SEVERAL.join(map(to_cell, value.get("choices", value.values())))
    return str(value)


def read_choice(cell: str) -> str:
    """A cell that holds JSON, as Label Studio's and VIA's do, or a Python list, as its class or classes."""
    if cell.lstrip().startswith(("{", "[")):
        try:
            return to_cell(json.loads(cell))
        except json.JSONDecodeError:
            return to_cell(_read_list(cell)) if _LIST.fullmatch(cell.strip()) else cell
    return cell


def _read_list(cell: str) -> list[str] | str:
    """The texts in a Python list; the cell as it is where Python would not read them."""
    try:
        return [ast.literal_eval(text) for text in re.findall(_TEXT, cell)]
    except (SyntaxError, ValueError):
        return cell


def is_vectors(cells: Iterable[str]) -> bool:
    """Whether all cells that hold anything are vectors of 0 and 1 of one length, as `[1, 0]`."""
    held = {cell.strip() for cell in cells} - {""}
    lengths = {len(re.findall(_BIT, cell)) for cell in held}
    return len(lengths) == 1 and all(map(_VECTOR.fullmatch, held))


def is_flag(cell: str) -> bool:
    """Whether a cell says yes or no, or nothing."""
    return cell.strip().casefold() in ("", "0", "1", "0.0", "1.0", "true", "false")


def is_yes(cell: str) -> bool:
    """Whether a cell says yes."""
    return cell.strip().casefold() in ("1", "1.0", "true")


def read_attributes(cell: str) -> dict[str, str]:
    """The attributes of a file in VIA's CSV, whose cell is a JSON object."""
    try:
        content = json.loads(cell or "{}")
    except json.JSONDecodeError:
        return {}
    return {name: to_cell(value) for name, value in content.items()} if isinstance(content, Mapping) else {}


def _read_coco(content: Record) -> Annotations:
    """COCO's boxes, and iNaturalist's and iWildCam's classes: the classes of all boxes of an image."""
    names = {one.get("id"): to_cell(one.get("name")) for one in content["categories"]}
    found: dict[Any, dict[str, None]] = defaultdict(dict)
    for one in content["annotations"]:
        found[one.get("image_id")][names.get(one.get("category_id"), "")] = None
    rows = [
        _flatten(image) | {"label": SEVERAL.join(found.get(image.get("id"), ()))}
        for image in content["images"]
    ]
    return Annotations(tuple(rows), "COCO annotations", "file_name", "label")


def _is_via(entry: Any) -> bool:
    return isinstance(entry, Mapping) and {"filename", "file_attributes"} <= entry.keys()


def _read_via(entries: Sequence[Record]) -> Annotations:
    rows = []
    for entry in entries:
        attributes = {name: to_cell(value) for name, value in entry["file_attributes"].items()}
        rows.append({"filename": str(entry["filename"])} | attributes)
    label = _only_attribute([{k: v for k, v in row.items() if k != "filename"} for row in rows])
    return Annotations(tuple(rows), "VIA annotations", "filename", label)


def _only_attribute(attributes: Sequence[Mapping[str, str]]) -> str | None:
    names = {name for one in attributes for name in one}
    return names.pop() if len(names) == 1 else None


def _is_label_studio(record: Record) -> bool:
    return isinstance(record.get("data"), Mapping) and "annotations" in record


def _read_label_studio(records: Sequence[Record]) -> Annotations:
    """Label Studio's full JSON: the choices of every image's first annotation that was not cancelled."""
    rows = []
    for record in records:
        given = [one for one in record["annotations"] if not one.get("was_cancelled")]
        values = [result.get("value", {}) for one in given[:1] for result in one.get("result", ())]
        choices = [choice for value in values for choice in value.get("choices", ())]
        rows.append(_flatten(record["data"]) | {"label": SEVERAL.join(choices)})
    image = _image_key(rows)
    return Annotations(tuple(rows), "Label Studio JSON", image, "label")


def _image_key(rows: Sequence[Mapping[str, str]]) -> str | None:
    names = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "label"]
    return next((name for name in ("image", "img", *names) if name in names), None)


def _is_vertex(record: Record) -> bool:
    return "imageGcsUri" in record


def _read_vertex(records: Sequence[Record]) -> Annotations:
    use = "aiplatform.googleapis.com/ml_use"
    rows = []
    for record in records:
        several = record.get("classificationAnnotations") or [record.get("classificationAnnotation") or {}]
        labels = [to_cell(one.get("displayName")) for one in several]
        fold = record.get("dataItemResourceLabels", {}).get(use, "")
        rows.append({"path": str(record["imageGcsUri"]), "label": SEVERAL.join(labels), "fold": str(fold)})
    return Annotations(tuple(rows), "Vertex AI JSON lines", "path", "label")


def _is_sagemaker(record: Record) -> bool:
    return "source-ref" in record


def _read_sagemaker(records: Sequence[Record]) -> Annotations:
    rows = []
    for record in records:
        notes = [value for value in record.values() if isinstance(value, Mapping)]
        names = [to_cell(note["class-name"]) for note in notes if "class-name" in note]
        rows.append({"path": str(record["source-ref"]), "label": SEVERAL.join(names[:1])})
    return Annotations(tuple(rows), "SageMaker manifest", "path", "label")


_TOOLS = (
    (_is_label_studio, _read_label_studio),
    (_is_vertex, _read_vertex),
    (_is_sagemaker, _read_sagemaker),
    (_is_via, _read_via),
)
