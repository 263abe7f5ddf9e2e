"""Networks in print, listed or one stage by stage with what it costs; and the system they run on."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from groupwise.distributed.environment import environment, installed_versions
from groupwise.distributed.world import World
from groupwise.models.complexity import ZERO, Complexity, StageSummary, complexity, describe, ungrouped
from groupwise.models.pretrained import RESTRICTED, WEIGHTS
from groupwise.models.resnext import PRESETS, ResNeXtConfig, preset_config

# What answers from a bundle, serves it, or reads tables, beside what a training rests on
FURTHER = ("onnxruntime", "onnx", "openvino", "ncnn", "fastapi", "uvicorn", "pyarrow", "jsonargparse")


def list_presets(*, as_json: bool = False) -> str:
    """Every preset with its cost at its own image size."""
    facts = {name: _facts(config, complexity(config), None) for name, config in PRESETS.items()}
    if as_json:
        return json.dumps(facts, indent=2)
    rows = [
        (name, f["image_size_px"], f"{f['parameters']:,}", f"{f['multiply_adds']:,}", f"{f['activations']:,}")
        for name, f in facts.items()
    ]
    return _table(("network", "px", "parameters", "multiply-adds", "activations"), rows)


def list_weights(*, as_json: bool = False) -> str:
    """The pretrained weights that are known by name, with licence and published score."""
    if as_json:
        facts = {
            name: {**dataclasses.asdict(one), "preprocessing": dict(one.preprocessing)}
            for name, one in WEIGHTS.items()
        }
        return json.dumps(facts, indent=2)
    rows = [
        (
            name,
            one.preset,
            f"{one.score:.1f} at {one.scored_px} px",
            one.source,
            one.licence,
            one.interpolation,
            one.sha256 or "by the hub",
        )
        for name, one in WEIGHTS.items()
    ]
    header = ("weights", "preset", "top-1 %", "says", "licence", "pictures", "digest")
    note = (
        "`--weights NAME`, or `imagenet` for the first of a preset; pictures of 224 px. Weights under"
        f" {', '.join(RESTRICTED)} may not be used commercially, and want --model.accept_licence."
    )
    return f"{_table(header, rows)}\n\n{note}"


def describe_preset(
    preset: str, *, num_classes: int | None = None, image_size_px: int | None = None, as_json: bool = False
) -> str:
    """One network stage by stage, beside the same network without groups."""
    config = preset_config(preset)
    if num_classes is not None:
        config = dataclasses.replace(config, num_classes=num_classes)
    stages = describe(config, image_size_px)
    regular = describe(ungrouped(config), image_size_px)
    total = sum((stage.cost for stage in stages), ZERO)
    if as_json:
        facts = {"preset": preset, **_facts(config, total, image_size_px)}
        facts["stages"] = [dataclasses.asdict(stage) for stage in stages]
        return json.dumps(facts, indent=2)
    size = image_size_px or config.default_image_size_px
    width = config.grouped_width(0)
    groups = config.groups(width)
    title = (
        f"{preset}: {config.num_classes} classes, {size} x {size} px,"
        f" {groups} group{'s' * (groups > 1)} of {width // groups} channels in the first stage"
    )
    return f"{title}\n\n{_stage_table(stages, regular)}"


def describe_system(*, as_json: bool = False) -> str:
    """Versions, processor and threads, by which others can see why a result or an error came about."""
    facts = environment(World())
    facts["packages"] |= installed_versions(FURTHER)
    if as_json:
        return json.dumps(facts, indent=2)
    packages = facts.pop("packages")
    lines = [(name, value) for name, value in facts.items() if value or value == 0]
    said = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in lines]
    width = max(len(name) for name, _ in [*said, *packages.items()])
    return "\n".join(f"{name:<{width}}  {value}" for name, value in [*said, *packages.items()])


def _facts(config: ResNeXtConfig, total: Complexity, image_size_px: int | None) -> dict[str, Any]:
    return {
        "num_classes": config.num_classes,
        "image_size_px": image_size_px or config.default_image_size_px,
        **dataclasses.asdict(total),
    }


def _stage_table(stages: list[StageSummary], regular: list[StageSummary]) -> str:
    rows = [
        _stage_row(s.name, s.blocks or "", " x ".join(map(str, s.output_shape)), s.cost, r.cost)
        for s, r in zip(stages, regular, strict=True)
    ]
    totals = [sum((stage.cost for stage in part), ZERO) for part in (stages, regular)]
    rows.append(_stage_row("total", "", "", *totals))
    header = ("stage", "blocks", "output", "parameters", "ungrouped", "multiply-adds", "ungrouped")
    return _table(header, rows)


def _stage_row(
    name: str, blocks: object, shape: str, own: Complexity, regular: Complexity
) -> tuple[Any, ...]:
    counts = (own.parameters, regular.parameters, own.multiply_adds, regular.multiply_adds)
    return (name, blocks, shape, *(f"{count:,}" for count in counts))


def _table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """Columns aligned by spaces, the first to the left and numbers to the right."""
    cells = [header, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
