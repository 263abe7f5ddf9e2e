"""What decides the pixels of a file beside the file, as values: numpy and Pillow come with the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

Range = tuple[float, float]
# 256 MiB of RGB, 89 megapixels: what declares more is refused before anything is allocated for it.
MAX_PIXELS = (256 << 20) // 3


@dataclass(frozen=True)
class Reading:
    """What decides the pixels of a file beside the file: of one data set, and of the model trained on it.

    `settled` says that the ranges were decided for a data set: what they do not cover is then refused rather
    than scaled by a guess. See `Preprocessing` for the other fields.
    """

    integer_range: Range | None = None
    float_range: Range | None = None
    trust_declared: bool = True
    tails_percent: float = 0.0
    channels: tuple[int | str, ...] = ()
    channel_ranges: tuple[Range, ...] | None = None
    channel_count: int | None = None
    max_pixels: int = MAX_PIXELS
    settled: bool = False

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], settled: bool = True) -> Reading:
        """The reading of a data set, from what a recipe or an audit wrote; other fields are passed over."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {k: as_tuples(v) for k, v in facts.items() if k in known}
        return cls(**{**values, "settled": settled})

    def facts(self) -> dict[str, Any]:
        """What `from_facts` reads."""
        return asdict(self)


def as_tuples(value: Any) -> Any:
    """A value of JSON or YAML with tuples for its lists, as the fields of frozen classes hold them."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value
