"""The data set of a run with its folds, as Croissant 1.1: `croissant.json`, which describes `images.csv`.

Croissant (Akhtar et al. 2024, DEEM; specification 1.1 of MLCommons, 2025) is schema.org's Dataset with the
structure of its records. Both files are meant for the folder that the paths of the images are relative to,
as it is published. `images.csv` has one row for each image that the split knows

    path,label,source,fold,width,height,sha256,label_quoted

and no group, name or further column of the user's: a source is a number, because a group may be a patient.
Who may use the data, who made them and where they lie no run knows; what a person wrote into an earlier
`croissant.json` at the same place is kept. A name that is still its `alternateName`, and a description in our
own words, nobody wrote: they become those of the run.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from mimetypes import guess_type
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from groupwise.data.split import EXCLUDED, Split
from groupwise.errors import GroupwiseError
from groupwise.files import read_json, sha256_bytes, write_atomic, write_json
from groupwise.runs.files import RunFiles
from groupwise.text import count

JSON, TABLE = "croissant.json", "images.csv"
VERSION = "http://mlcommons.org/croissant/1.1"
# What only a person can say; the specification asks for all of it but `citeAs` and `version`.
OURS_TO_ASK = ("license", "creator", "url", "datePublished")
GIVEN = "alternateName"  # the data set's own, by which a later run knows whether a person gave another
KEPT = ("name", "description", *OURS_TO_ASK, "citeAs", "version", "keywords", "publisher", "inLanguage")
SOURCES = " A source is all images of one stated group, and all copies of one photograph"
BY_AUDIT = " that an audit found"
# Whatever `_about` says of any run.
OUR_WORDS = re.compile(
    r"[\d,]+ images? of [\d,]+ (classes|labels) from [\d,]+ sources?\. Divided with [^.]+\."
    rf"( [\d,]+ images? left out of every fold\.)?{SOURCES}({BY_AUDIT})?\."
)
FOLD_URLS = {
    "train": "http://mlcommons.org/definitions/training_split",
    "val": "http://mlcommons.org/definitions/validation_split",
    "test": "http://mlcommons.org/definitions/test_split",
}
TYPES: dict[str, str | list[str]] = {
    "path": "sc:Text",
    "label": "sc:Text",
    "source": "sc:Integer",
    "fold": ["sc:Text", "cr:Split"],
    "width": "sc:Integer",
    "height": "sc:Integer",
    "sha256": "sc:Text",
    "content": "sc:ImageObject",
}
QUOTED = "label_quoted"
COLUMNS = tuple(name for name in TYPES if name != "content")
HEADER = (*COLUMNS, QUOTED)  # of the table
MEANINGS = {
    "path": "The file, relative to the folder of this description.",
    "label": "The class of the image.",
    "source": "The number of the source: images of one stated group and copies of one photograph share it.",
    "fold": "The part of the split that the image is in.",
    "width": "In pixels, as a viewer shows the image.",
    "height": "In pixels, as a viewer shows the image.",
    "sha256": "The digest of the file.",
    "content": "The picture.",
}
CLASSES, FOLDS, IMAGES, PICTURES, FILES = "classes", "folds", "images", "pictures", "image-files"
# The terms of Croissant that are not schema.org's, by the names that a description of it uses.
TERMS = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field"),
    *("fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath"),
    *("key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace"),
    *("samplingRate", "separator", "source", "subField", "transform"),
)
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{term: f"cr:{term}" for term in TERMS},
}


def write_croissant(files: RunFiles, folder: Path) -> list[str]:
    """Write both files into `folder`, which is made; returns what of the description is left to a person.

    Raises GroupwiseError for a run without its `split.csv`, and for a damaged earlier description.
    """
    if not files.assignments:
        raise GroupwiseError(
            "no such file, or an empty one", place=files.folder / "split.csv", remedy="Restore the file."
        )
    table = _table(files)
    described = describe(files, sha256_bytes(table.encode()))
    earlier = read_json(folder / JSON) if (folder / JSON).exists() else {}
    if not isinstance(earlier, dict):
        raise GroupwiseError("no description", place=folder / JSON, remedy="Move the file away.")
    described |= _written(earlier)
    write_atomic(folder / TABLE, table)
    write_json(folder / JSON, described)
    return [key for key in OURS_TO_ASK if key not in described]


def _written(earlier: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wrote into an earlier description."""
    kept = {key: earlier[key] for key in KEPT if key in earlier}
    if kept.get("name") == earlier.get(GIVEN):
        kept.pop("name", None)
    if OUR_WORDS.fullmatch(str(kept.get("description"))):
        del kept["description"]
    return kept


def _table(files: RunFiles) -> str:
    known = {sample.path: sample for sample in files.manifest}
    sources = Split(files.assignments).sources.tolist()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for row, source in zip(files.assignments, sources, strict=True):
        sample = known.get(row.path)
        seen = ("", "", "") if sample is None else (sample.width, sample.height, sample.sha256)
        writer.writerow((row.path, row.label, source, row.fold, *seen, f"'{row.label}'"))
    return text.getvalue()


def describe(files: RunFiles, digest: str) -> dict[str, Any]:
    """The description, of a table with the SHA-256 `digest`."""
    split = Split(files.assignments)
    name = PurePath(str(files.ledger["data"])).stem
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": name,
        GIVEN: name,
        "description": _about(files, split),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE,
                "name": TABLE,
                "contentUrl": TABLE,
                "encodingFormat": "text/csv",
                "sha256": digest,
            },
            _file_set([row.path for row in files.assignments]),
        ],
        "recordSet": [
            _enumeration(CLASSES, "The classes.", {"name": "sc:Text"}, [{"name": n} for n in split.classes]),
            _enumeration(
                FOLDS,
                "The parts of the split; no source lies in two of them unless the description says so.",
                {"name": "sc:Text", "url": ["sc:URL", "cr:Split"]},
                [{"name": name, "url": FOLD_URLS.get(name, "")} for name in _folds(files)],
            ),
            _images(files.several),
            _pictures(),
        ],
    }


def _about(files: RunFiles, split: Split) -> str:
    """What a reader of a catalogue is told of the data."""
    sources = len(set(split.sources.tolist()))
    folds = ", ".join(
        f"{name} {count(one['n'], 'image')} from {count(one['sources'], 'source')}"
        for name, one in files.split["folds"].items()
    )
    across = files.split["spanning_sources"]
    apart = f"{count(across, 'source')} in more than one fold" if across else "every source in one fold alone"
    left_out = sum(row.fold == EXCLUDED for row in split.rows)
    kinds = "labels" if files.several else "classes"
    return (
        f"{count(len(split.rows), 'image')} of {len(split.classes)} {kinds}"
        f" from {count(sources, 'source')}. Divided with {apart}: {folds}."
        + (f" {count(left_out, 'image')} left out of every fold." if left_out else "")
        + SOURCES
        + f"{BY_AUDIT * (files.findings is not None)}."
    )


def _folds(files: RunFiles) -> list[str]:
    return list(dict.fromkeys(row.fold for row in files.assignments))


def _file_set(paths: Sequence[str]) -> dict[str, Any]:
    suffixes = sorted({PurePosixPath(path).suffix for path in paths})
    kinds = sorted({guess_type(f"image{suffix}")[0] or "application/octet-stream" for suffix in suffixes})
    if kinds == ["image/tiff"]:
        # Readers take the first kind that they know, and mlcroissant 1.1 turns TIFF alone into its negative.
        kinds = ["image/png", *kinds]
    return {
        "@type": "cr:FileSet",
        "@id": FILES,
        "name": FILES,
        "description": "The images, below the folder of this description.",
        "encodingFormat": kinds[0] if len(kinds) == 1 else kinds,
        "includes": [f"*{suffix}" for suffix in suffixes],
    }


def _images(several: bool) -> dict[str, Any]:
    """One record a row of the table, which needs no picture."""
    fields = {column: _field(IMAGES, column, source=_from_table(column)) for column in COLUMNS}
    if several:
        fields["label"]["description"] = "The labels of the image between bars, as in |cat|dog|; | for none."
    return {
        "@type": "cr:RecordSet",
        "@id": IMAGES,
        "name": IMAGES,
        "description": "What is known of each image, with its fold.",
        "key": {"@id": f"{IMAGES}/path"},
        "field": list(fields.values()),
    }


def _pictures() -> dict[str, Any]:
    """One record a picture with its pixels, joined with the table by the path."""
    # The pattern takes the whole path: it makes text of it, without which readers join nothing.
    path = _from_files("fullpath") | {"transform": {"regex": "(.+)"}}
    whence: dict[str, dict[str, Any]] = {
        "path": {"source": path, "references": _from_table("path")},
        "content": {"source": _from_files("content")},
        **{column: {"source": _from_table(column)} for column in ("label", "source", "fold")},
    }
    return {
        "@type": "cr:RecordSet",
        "@id": PICTURES,
        "name": PICTURES,
        "description": "Each picture below the folder, with what is known of it.",
        "key": {"@id": f"{PICTURES}/path"},
        "field": [_field(PICTURES, column, **facts) for column, facts in whence.items()],
    }


def _field(records: str, column: str, **facts: Any) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": column,
        "description": MEANINGS[column],
        "dataType": TYPES[column],
        **facts,
    }


def _from_table(column: str) -> dict[str, Any]:
    if column == "label":  # between quotes, or a reader of tables makes numbers of 007, and nothing of NA
        quoted = {"fileObject": {"@id": TABLE}, "extract": {"column": QUOTED}}
        return quoted | {"transform": {"regex": "^'(.*)'$"}}
    return {"fileObject": {"@id": TABLE}, "extract": {"column": column}}


def _from_files(what: str) -> dict[str, Any]:
    return {"fileSet": {"@id": FILES}, "extract": {"fileProperty": what}}


def _enumeration(
    name: str, told: str, columns: dict[str, Any], rows: Sequence[dict[str, str]]
) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": told,
        "dataType": "sc:Enumeration",
        "key": {"@id": f"{name}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{column}", "name": column, "dataType": kind}
            for column, kind in columns.items()
        ],
        "data": [{f"{name}/{column}": value for column, value in row.items()} for row in rows],
    }
