"""Joined pairs of a set, drawn to be looked at: contact sheets, verdicts by eye, and their shares.

The rule, for two files that the audit took for one photograph, without asking what their labels are:

    exposure   one and the same exposure: every detail agrees but for how the file was turned, cut or stored
    scene      the same scene a moment apart: the same things in the same places, some detail has moved
    subject    the same thing or being, clearly placed or lit anew
    neither    nothing that a reviewer would keep on one side of a split
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from groupwise.stats.arrays import Ints
from groupwise.stats.wilson import wilson_of_count

VERDICTS = ("exposure", "scene", "subject", "neither")
DRAWN, A_SHEET, COLUMNS, SIDE_PX, HEAD_PX = 50, 25, 5, 190, 14
JUDGED = Path(__file__).parent / "judged"
HEADER = ("first", "second", "verdict")
Pair = tuple[int, int]


def draw_pairs(clusters: Ints, *, count: int = DRAWN, seed: int = 0) -> list[Pair]:
    """Different pairs of rows that share a cluster: `count` of them, or all where they are fewer.

    A cluster is drawn in proportion to its files less one, the joins that made it, and two of its files then
    with equal chances; so that one large cluster does not fill the sheet.
    """
    members = [rows for number in np.unique(clusters) if len(rows := np.flatnonzero(clusters == number)) > 1]
    if not members:
        return []
    pairs = sum(len(rows) * (len(rows) - 1) // 2 for rows in members)
    if pairs <= count:
        return [(int(a), int(b)) for rows in members for i, a in enumerate(rows) for b in rows[i + 1 :]]
    rng, joins = np.random.default_rng(seed), np.array([len(rows) - 1 for rows in members])
    drawn: dict[Pair, None] = {}
    while len(drawn) < count:
        a, b = rng.choice(members[rng.choice(len(members), p=joins / joins.sum())], 2, replace=False)
        drawn[int(min(a, b)), int(max(a, b))] = None
    return list(drawn)


def write_sheets(pairs: Sequence[tuple[Path, Path]], folder: Path) -> list[Path]:
    """Contact sheets of `A_SHEET` pairs each, numbered as they stand in `pairs`."""
    folder.mkdir(parents=True, exist_ok=True)
    sheets = []
    for start in range(0, len(pairs), A_SHEET):
        few = pairs[start : start + A_SHEET]
        width, height = 2 * SIDE_PX + 8, SIDE_PX + HEAD_PX
        sheet = Image.new("RGB", (COLUMNS * width, -(-len(few) // COLUMNS) * height), "white")
        draw = ImageDraw.Draw(sheet)
        for number, pair in enumerate(few):
            left, top = number % COLUMNS * width, number // COLUMNS * height
            draw.text((left + 2, top + 1), str(start + number + 1), fill="red")
            for place, file in enumerate(pair):
                with Image.open(file) as image:
                    shown = ImageOps.contain(
                        ImageOps.exif_transpose(image).convert("RGB"), (SIDE_PX, SIDE_PX)
                    )
                sheet.paste(shown, (left + place * SIDE_PX, top + HEAD_PX))
        sheets.append(folder / f"joined-{start // A_SHEET + 1}.png")
        sheet.save(sheets[-1])
    return sheets


def read_verdicts(name: str) -> Iterator[tuple[str, str, str]]:
    """The committed verdicts of a set: two paths and a word of `VERDICTS`."""
    with (JUDGED / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["verdict"] not in VERDICTS:
                raise SystemExit(f"{lines.name}: '{row['verdict']}' is none of {', '.join(VERDICTS)}")
            yield row["first"], row["second"], row["verdict"]


def count_verdicts(name: str) -> dict[str, Any] | None:
    """How many pairs were judged what, with the 95 % interval of `neither`; None where nobody has looked."""
    if not (JUDGED / f"{name}.csv").is_file():
        return None
    found = Counter(verdict for _, _, verdict in read_verdicts(name))
    return {
        "pairs": found.total(),
        **{verdict: found[verdict] for verdict in VERDICTS},
        "neither_interval": wilson_of_count(found["neither"], found.total()),
    }
