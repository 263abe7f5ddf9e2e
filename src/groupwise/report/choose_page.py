"""The page to choose what to leave out, `choose.html`: copies, insets, series and suspected labels."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
from collections.abc import Sequence
from importlib.resources import files as resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from groupwise.data.exclusion import CODE as EXCLUDED
from groupwise.data.file_notes import list_codes
from groupwise.data.reading import reading_words
from groupwise.data.targets import read_names, say
from groupwise.files import read_csv, write_atomic
from groupwise.report.audit_files import AuditFiles, Row
from groupwise.report.rendering import render

CHOOSE = "choose.html"
WORTH = ("sharpest", "medoid")
LABEL_ERRORS = "label_errors.csv"


def write_choose_page(files: AuditFiles) -> Path:
    """Write `choose.html` beside the files of an audit; pictures are shown from where they lie.

    The labels that a network contradicts are among them once `labels` has written them there.
    """
    data = {
        "sets": [*_mislabelled(files), *_joined(files), *_insets(files), *_suspected(files)],
        "words": shlex.join([files.facts["data"], *_reading(files)]),
        "earlier": [
            _name(row) for row in files.with_status("ignored") if EXCLUDED in list_codes(row["reason"])
        ],
    }
    # What ends a script or opens a comment in HTML is written otherwise, whatever a file is called.
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    script = (resources("groupwise.report") / "templates" / "choose.js").read_text(encoding="utf-8")
    whole = f"const DATA = {text};\n{script}"
    digest = base64.b64encode(hashlib.sha256(whole.encode()).digest()).decode()
    page = render(
        CHOOSE,
        data=files.facts["data"],
        script_digest=f"sha256-{digest}",
        data_json=Markup(text),
        script=Markup(script),
    )
    write_atomic(files.folder / CHOOSE, page)
    return files.folder / CHOOSE


def _reading(files: AuditFiles) -> list[str]:
    """The options that read the data as this audit did, but for a list to leave out: the new one holds it."""
    options = files.facts.get("options") or {}
    return reading_words({name: value for name, value in options.items() if name != "exclude"})


def _mislabelled(files: AuditFiles) -> list[dict[str, Any]]:
    """Each photograph whose label is probably wrong, with its copies under that label."""
    table, sets = files.folder / LABEL_ERRORS, []
    for row in read_csv(table, ("path", "label", "suggested")) if table.is_file() else ():
        if row["path"] not in files.labels:
            continue  # of an audit since
        cluster = files.cluster_rows[row["path"]]["cluster"]
        copies = [path for path in files.members[cluster] if files.labels[path] == row["label"]]
        suggested = say(row["suggested"])
        sets.append({"kind": "mistake", "suggested": suggested, "files": _describe(files, copies)})
    return sets


def _joined(files: AuditFiles) -> list[dict[str, Any]]:
    """The sets of copies; those under several labels are conflicts."""
    torn = {path for finding in files.conflicts for path in finding.paths}
    return [
        {
            "kind": "conflict" if paths[0] in torn else "copies",
            "files": _describe(files, paths),
        }
        for paths in files.members.values()
        if len(paths) > 1
    ]


def _insets(files: AuditFiles) -> list[dict[str, Any]]:
    """Each picture that shows others inside it, first of its set, and those."""
    return [
        {"kind": "inset", "files": [*_describe(files, [around]), *_describe(files, parts)]}
        for around, parts in files.insets.items()
    ]


def _suspected(files: AuditFiles) -> list[dict[str, Any]]:
    """The suspected series, by every clue; not those whose files an earlier one lists already."""
    table = files.folder / "series.csv"
    if not (files.suspected and table.is_file()):
        return []
    rows = read_csv(table, ("path", "label"))
    series: dict[tuple[str, str], list[str]] = {}
    for column in (name for name in rows[0] if name not in ("path", "label")):
        for row in rows:
            if row[column] and row["path"] in files.labels:
                series.setdefault((column, row[column]), []).append(row["path"])
    listed, sets = list[set[str]](), list[dict[str, Any]]()
    for paths in series.values():
        if not any(set(paths) <= earlier for earlier in listed):
            listed.append(set(paths))
            sets.append({"kind": "suspect", "files": _describe(files, paths)})
    return sets


def _describe(files: AuditFiles, paths: Sequence[str]) -> list[dict[str, Any]]:
    return [_describe_file(files, files.row_of[path]) for path in sorted(paths)]


def _describe_file(files: AuditFiles, row: Row) -> dict[str, Any]:
    width, height = int(row.get("width") or 0), int(row.get("height") or 0)
    relative = os.path.relpath(files.root / row["path"], files.folder)
    cluster = files.cluster_rows[row["path"]]
    return {
        **_name(row),
        "said": say(row["label"]),
        "names": read_names(row["label"]),
        "src": quote(Path(relative).as_posix()),
        "width": width,
        "height": height,
        "largest": width * height,
        **{name: float(cluster.get(name) or 0) for name in WORTH},
    }


def _name(row: Row) -> dict[str, str]:
    return {"path": row["path"], "label": row["label"]}  # as they are written, for the list that is saved
