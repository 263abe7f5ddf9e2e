"""One finding of the audit, as pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("stop", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """What the audit says of the data; `picture` is a PNG in base64, or nothing."""

    severity: str
    title: str
    text: str
    remedy: str
    paths: tuple[str, ...]
    picture: str

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> Finding:
        """From an entry of `findings.json`; an unknown severity is shown as a warning."""
        severity = item.get("severity")
        return cls(
            severity if severity in SEVERITIES else "warning",
            str(item.get("title") or item.get("code") or "untitled"),
            str(item.get("text") or ""),
            str(item.get("remedy") or ""),
            tuple(map(str, item.get("paths") or ())),
            str(item.get("picture") or ""),
        )
