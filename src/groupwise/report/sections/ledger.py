"""What another needs to check or repeat the run: versions, seeds, digests, readings of the test fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groupwise.report.rendering import Section
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import headline_figure


def build(files: RunFiles) -> Section:
    """The ledger of `run.json`, with the environment."""
    environment = files.environment.items()
    return Section(
        {
            "files": files,
            "image_size_px": files.part("data").get("image_size_px"),
            "method": headline_figure(files.metrics[files.fold]).method,
            "readings": files.ledger.get("test_reading_log") or [],
            "environment": {
                key: _said(value) for key, value in environment if not isinstance(value, Mapping)
            },
            "external": {name: one["readings"] for name, one in (files.ledger.get("external") or {}).items()},
            "versions": {key: value for key, value in environment if isinstance(value, Mapping)},
            "artefacts": files.ledger.get("artefacts") or {},
        }
    )


def _said(value: Any) -> Any:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else value
