"""Turns the presets into the tables of docs/models.md and the golden counts of the tests.

python benchmarks/models_table.py            prints the tables
python benchmarks/models_table.py --write    renews docs/models.md and tests/models/golden.json
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path

from groupwise.models.complexity import complexity, describe, ungrouped
from groupwise.models.grouped import convolution_cost
from groupwise.models.resnext import PRESETS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/models.md"
GOLDEN = ROOT / "tests/models/golden.json"

counted = functools.cache(complexity)  # the two tables share most of it


def golden() -> dict[str, dict[str, int]]:
    """Every preset's counts at its own image size and number of classes."""
    return {
        name: {"image_size_px": config.default_image_size_px, **dataclasses.asdict(counted(config))}
        for name, config in PRESETS.items()
    }


def presets_table() -> str:
    """One row a preset: its cost, and the parameters and multiply-adds that it would have without groups."""
    rows = []
    for name, config in PRESETS.items():
        cost, regular = counted(config), counted(ungrouped(config))
        rows.append(
            (
                f"`{name}`",
                config.default_image_size_px,
                config.num_classes,
                f"{cost.parameters:,}",
                f"{cost.multiply_adds / 1e6:,.0f}",
                f"{cost.activations / 1e6:.1f}",
                f"{regular.parameters / 1e6:.1f}",
                f"{regular.multiply_adds / 1e6:,.0f}",
            )
        )
    header = ("preset", "px", "classes", "parameters", "multiply-adds, M", "activations, M")
    return _table((*header, "parameters without groups, M", "multiply-adds without groups, M"), rows)


def stages_table() -> str:
    """`resnext50_32x4d` stage by stage, with the counts of its regular counterpart."""
    config = PRESETS["resnext50_32x4d"]
    rows = [
        (
            f"`{stage.name}`",
            stage.blocks or "",
            " × ".join(map(str, stage.output_shape)),
            f"{stage.cost.parameters:,}",
            f"{stage.cost.multiply_adds / 1e6:,.0f}",
            f"{regular.cost.parameters:,}",
            f"{regular.cost.multiply_adds / 1e6:,.0f}",
        )
        for stage, regular in zip(describe(config), describe(ungrouped(config)), strict=True)
    ]
    header = ("part", "blocks", "output", "parameters", "multiply-adds, M")
    return _table((*header, "parameters without groups", "multiply-adds without groups, M"), rows)


def convolution_table() -> str:
    """The 3x3 convolution of the first stage of `resnext50_32x4d`, 128 channels at 56 px, by groups."""
    rows = []
    for groups in (1, 2, 8, 32, 128):
        cost = convolution_cost(128, 128, 3, 56, groups)
        rows.append(
            (
                groups,
                f"{cost.parameters:,}",
                f"{cost.multiply_adds:,}",
                f"{cost.weight_bytes:,}",
                f"{cost.activation_bytes:,}",
            )
        )
    return _table(("groups", "parameters", "multiply-adds", "bytes of weights", "bytes of activations"), rows)


TABLES = {"presets": presets_table, "stages": stages_table, "convolution": convolution_table}


def page(text: str) -> str:
    """The page `text` with each table renewed between its pair of marks."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        text, found = marks.subn(rf"\g<1>\n{table()}\n\g<2>", text)
        if found != 1:
            raise SystemExit(f"{PAGE}: {found} pairs of marks for the table {name!r}, there must be one.")
    return text


def _table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [header, (":---", *("---:",) * (len(header) - 1)), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def main() -> None:
    """Print the tables, or renew the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="renew docs/models.md and the golden counts")
    if parser.parse_args().write:
        PAGE.write_text(page(PAGE.read_text()))
        GOLDEN.write_text(json.dumps(golden(), indent=1) + "\n")
    else:
        print("\n".join(table() for table in TABLES.values()))


if __name__ == "__main__":
    main()
