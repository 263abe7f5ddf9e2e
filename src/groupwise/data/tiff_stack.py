"""Stacks of planes in TIFF files, as ImageJ and OME writers describe them."""

from __future__ import annotations

import re
from typing import NamedTuple

from groupwise.data.tiff import DESCRIPTION, Tiff


class Stack(NamedTuple):
    """What ImageJ or OME says of the planes of a file: how many channels, slices and times, and names.

    `bits` are those of the camera, of which the samples may have more; None where nothing is said of it.
    """

    writer: str
    channels: int
    slices: int
    times: int
    names: tuple[str, ...]
    bits: int | None = None


def read_stack(tiff: Tiff) -> Stack | None:
    """What the description of the first page says of its planes, where ImageJ or an OME writer wrote it.

    An OME data set of several files describes all of them in each: only the planes of this one count.
    """
    description = tiff.first.get(DESCRIPTION, (b"",))[0]
    text = description.decode("utf-8", "replace") if isinstance(description, bytes) else ""
    if text.startswith("ImageJ="):
        found = dict(re.findall(r"(?m)^(images|channels|slices|frames)=(\d{1,9})\s*$", text))
        slices, times = int(found.get("slices", 1)), int(found.get("frames", 1))
        images = int(found.get("images", 1))
        channels = int(found.get("channels", images if slices * times == 1 else 1))
        return Stack("ImageJ", channels, slices, times, ())
    # No XML parser: a description is foreign, and four numbers and the names are all that is wanted of it.
    pixels = re.search(r"<(?:\w+:)?Pixels\b([^>]{0,4000})>(.{0,200000})", text, re.DOTALL)
    if pixels is None or ("<OME" not in text[:4000] and ":OME" not in text[:4000]):
        return None
    sizes = dict(re.findall(r'\bSize([CZT])="(\d{1,9})"', pixels[1]))
    described = re.findall(r"<(?:\w+:)?Channel\b([^>]{0,4000})>", pixels[2])
    names = tuple(name[1] if (name := re.search(r'\bName="([^"]{0,80})"', one)) else "" for one in described)
    significant = re.search(r'\bSignificantBits="(\d{1,2})"', pixels[1])
    bits = int(significant[1]) if significant else None
    own = _places_of_this_file(text, pixels[2])
    if own:
        taken = sorted({channel for channel, _, _ in own})
        slices, times = len({place for _, place, _ in own}), len({place for _, _, place in own})
        names = tuple(names[i] for i in taken if i < len(names))
        return Stack("OME", len(taken), slices, times, names, bits)
    count = int(sizes.get("C", 1))
    return Stack("OME", count, int(sizes.get("Z", 1)), int(sizes.get("T", 1)), names[:count], bits)


def _places_of_this_file(text: str, planes: str) -> list[tuple[int, int, int]]:
    """Channel, slice and time of each plane in this file; none where the planes of all lie in it."""
    root = re.search(r'<(?:\w+:)?OME\b[^>]{0,4000}\bUUID="([^"]{0,200})"', text)
    blocks = re.findall(
        r"<(?:\w+:)?TiffData\b([^>]{0,1000}[^/>])>\s{0,99}<(?:\w+:)?UUID\b[^>]{0,1000}>\s{0,99}([^<\s]{0,200})",
        planes,
    )
    own = [attributes for attributes, owner in blocks if root is not None and owner == root[1]]
    if not own or len(own) == len(blocks):
        return []
    places = []
    for attributes in own:
        first = dict(re.findall(r'\bFirst([CZT])="(\d{1,9})"', attributes))
        places.append((int(first.get("C", 0)), int(first.get("Z", 0)), int(first.get("T", 0))))
    return places
