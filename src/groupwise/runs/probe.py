"""`probe.json`: a probe's features, the penalties its head was chosen among, and the probe beside a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groupwise.errors import GroupwiseError
from groupwise.files import read_json
from groupwise.runs.run import LEDGER
from groupwise.stats.estimate import Estimate

FILE = "probe.json"


@dataclass(frozen=True)
class ProbeBeside:
    """A measured probe of the very same split in a neighbouring folder, and its accuracy by fold."""

    folder: Path
    features: str
    accuracy: Mapping[str, Estimate]


def read_probe(folder: Path) -> dict[str, Any]:
    """What the file of a run holds; empty where it has none, because its network was trained."""
    path = folder / FILE
    if not path.exists():
        return {}
    held = read_json(path)
    wanted = ("features", "penalties", "chosen", "num_features", "seconds")
    if not isinstance(held, dict) or not all(name in held for name in wanted):
        raise GroupwiseError("does not hold a probe", place=path, remedy="Run `groupwise probe` again.")
    return held


def probe_beside(folder: Path, ledger: Mapping[str, Any]) -> ProbeBeside | None:
    """The newest probe among the folders beside a run that divided the same images the same way."""
    split = _split(ledger)
    if split is None or (folder / FILE).exists():
        return None
    found = []
    for file in folder.resolve().parent.glob(f"*/{FILE}"):
        try:
            other = read_json(file.with_name(LEDGER))
            if _split(other) == split and file.with_name("metrics.json").is_file():
                found.append((other["created"], file.parent))
        except (GroupwiseError, KeyError, TypeError):  # what lies beside a run may be anything
            continue
    if not found:
        return None
    _, newest = max(found)
    try:
        figures = read_json(newest / "metrics.json")
        accuracy = {fold: Estimate.from_json(each["accuracy"]) for fold, each in figures.items()}
        return ProbeBeside(newest, read_probe(newest)["features"], accuracy)
    except (GroupwiseError, KeyError, TypeError, AttributeError):
        return None


def _split(ledger: Any) -> str | None:
    if not isinstance(ledger, Mapping):
        return None
    entry = (ledger.get("artefacts") or {}).get("split.csv")
    return entry.get("sha256") if isinstance(entry, Mapping) else None
