"""Recall of pictures inside other pictures and of prints seen at an angle, on half of the sources of a set.

    python benchmarks/insets.py ../shared/data/clothing.csv --source sender --half report

An inset is a photograph at 0.35 to 0.75 of its side, saved as JPEG: pasted on another photograph, one of four
in a collage (0.5), or on a made page with a bar and lines of text. A print is seen from 10 to 30 degrees.
Hosts and originals are different photographs. Found is what `detect` joins with its original; it counts as
well what is called an inset. Crops of 50 to 90 % and turned copies stand beside them, which are none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from composed import half_of
from compositions import Pixels, Rng, crop, jpeg, perspective, turn
from groupwise.audit.copies.detect import detect
from groupwise.audit.copies.insets import find_insets
from groupwise.audit.copies.verify import reduce_photograph
from groupwise.data.decode import decode
from groupwise.stats.wilson import wilson_of_count

INSETS = ("pasted", "collage", "page")
KINDS = (*INSETS, "print", "crop", "turn")
SCALES = (0.35, 0.75)


def main() -> None:
    """Plant, search, and print a line a kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("--root", type=Path, help="folder of the pictures, if not the table's own")
    parser.add_argument("--source", default="source", help="column of what belongs together")
    parser.add_argument("--half", choices=("tune", "report"), default="tune")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(options.seed)
    files = half_of(options.table, options.source, options.half, options.root)
    kinds = [kind for kind in options.kinds for _ in range(options.each)]
    drawn = [files[k] for k in rng.permutation(len(files))[: 2 * len(kinds)].tolist()]
    pictures = [decode(file.read_bytes(), place=file).rgb for file in drawn]
    n = len(pictures) // 2
    originals, hosts = pictures[:n], pictures[n:]
    made = [make(kind, originals[k], hosts[k:] + hosts[:k], rng) for k, kind in enumerate(kinds[:n])]
    photographs = [reduce_photograph(image) for image in (*originals, *hosts, *made)]
    found = {(pair.first, pair.second): pair for pair in detect(photographs, seed=0, workers=1).copies}
    insets = find_insets(list(found.values()), [one.grey for one in photographs])
    shown = {(one.pair.first, one.pair.second) for one in insets}
    for kind in options.kinds:
        own = [(k, 2 * n + k) for k in range(n) if kinds[k] == kind]
        hits, called = [pair in found for pair in own], [pair in shown for pair in own]
        print(f"{kind}: found {_share(hits)}, called an inset {_share(called)}", flush=True)
    others = [pair for pair in found if pair[1] != pair[0] + 2 * n or pair[0] >= n]
    print(f"joined beside these: {len(others)} pairs, hosts with what they show among them")
    for k, kind in enumerate(kinds[:n]):
        if (k, 2 * n + k) not in found:
            print(f"missed: {kind} of {drawn[k].name}")


def make(kind: str, original: Pixels, hosts: list[Pixels], rng: Rng) -> Pixels:
    """One planted picture of a kind; `hosts` are photographs to put it on or beside."""
    image = Image.fromarray(original)
    if kind in ("print", "crop", "turn"):
        changed = {"print": perspective, "crop": crop, "turn": turn}[kind](image, rng)
        return np.asarray(changed.convert("RGB"))
    size = (round(original.shape[1] * 1.0), original.shape[0])
    if kind == "collage":
        sheet = Image.new("RGB", size, "white")
        half = (size[0] // 2, size[1] // 2)
        parts = [image, *(Image.fromarray(host) for host in hosts[:3])]
        for place, k in enumerate(rng.permutation(4).tolist()):
            corner = (place % 2 * half[0], place // 2 * half[1])
            sheet.paste(parts[k].resize(half, Image.Resampling.LANCZOS), corner)
        return np.asarray(jpeg(sheet, rng))
    sheet = _page(size, rng) if kind == "page" else Image.fromarray(hosts[0]).resize(size)
    scale = float(rng.uniform(*SCALES))
    small = image.resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.LANCZOS)
    room = size[0] - small.width, size[1] - small.height
    sheet.paste(small, (int(rng.integers(0, room[0] + 1)), int(rng.integers(0, room[1] + 1))))
    return np.asarray(jpeg(sheet, rng))


def _page(size: tuple[int, int], rng: Rng) -> Image.Image:
    """A light or dark page with a bar on top and lines as of text."""
    light = bool(rng.random() < 0.7)
    page = Image.new("RGB", size, "white" if light else (24, 24, 28))
    draw = ImageDraw.Draw(page)
    bar = tuple(int(level) for level in rng.integers(40, 200, 3))
    draw.rectangle((0, 0, size[0], size[1] // 14), fill=bar)
    ink = (60,) * 3 if light else (200,) * 3
    for top in range(size[1] // 10, size[1], max(4, size[1] // 28)):
        x = size[0] // 20
        while x < size[0] * 0.9:
            word = int(rng.integers(size[0] // 40 + 2, size[0] // 10 + 4))
            draw.rectangle((x, top, x + word, top + max(1, size[1] // 70)), fill=ink)
            x += word + size[0] // 60 + 1
    return page


def _share(hits: list[bool] | list[object]) -> str:
    successes, n = sum(bool(hit) for hit in hits), len(hits)
    low, high = wilson_of_count(successes, n)
    return f"{successes / max(1, n):.3f} ({low:.3f} to {high:.3f}, n {n})"


if __name__ == "__main__":
    main()
