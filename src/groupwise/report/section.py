"""One section of the report: what its partial shows, and the pictures it leaves beside the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Section:
    """`values` are the names that the partial uses; `pictures` are PNG files of `figures/` by their name."""

    values: Mapping[str, object]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
