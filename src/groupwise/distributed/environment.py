"""The environment of a run: versions, processor, threads and devices."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from groupwise.distributed.portable import SETTINGS, THREADS
from groupwise.distributed.processor import this_processor
from groupwise.distributed.world import World
from groupwise.text import count

PACKAGES = ("torch", "numpy", "pillow", "scikit-learn", "scipy", "opencv-python-headless", "safetensors")
# Those that steer a result where they are installed and used
EXTRAS = ("cleanlab", "optuna", "tifffile", "imagecodecs", "pydicom", "pillow-heif", "ray")
# What tells torch and its libraries to use fewer instructions than the processor has
LIMITS = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
)


def machine() -> dict[str, Any]:
    """What decides the last bits of a training on a processor, beside versions."""
    processor = this_processor()
    return {
        "processor": processor.name,
        "instruction_sets": list(processor.instruction_sets),
        "torch_instructions": torch.backends.cpu.get_cpu_capability(),
        "instruction_limits": [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ],
        "threads": torch.get_num_threads(),
    }


def same_bits(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a training ends with the same bits on both machines, as they were both held to the same."""
    asked = {f"{name}={SETTINGS[name]}" for name in LIMITS if name in SETTINGS}
    return all(
        asked <= set(facts["instruction_limits"]) and facts["threads"] == THREADS for facts in (one, other)
    )


def machine_words(facts: Mapping[str, Any]) -> str:
    """What `machine` returned, in words."""
    threads = facts["threads"]
    said = f"{facts['processor']} with {facts['torch_instructions']} ({', '.join(facts['instruction_sets'])})"
    limits = "".join(f", {limit}" for limit in facts["instruction_limits"])
    return f"{said}{limits}, {count(threads, 'thread')}"


def environment(world: World, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `environment.json` holds; `before` is what it held when training stopped."""
    cuda = world.device.type == "cuda"
    now = machine()
    return {
        "groupwise": version("groupwise"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in PACKAGES} | installed_versions(EXTRAS),
        "cpu_count": os.cpu_count(),
        **now,
        "earlier_machines": _earlier(before or {}, now),
        "device": torch.cuda.get_device_name(world.device) if cuda else platform.machine(),
        "device_type": world.device.type,
        "processes": world.size,
    }


def installed_versions(names: Sequence[str]) -> dict[str, str]:
    """Versions of those packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _earlier(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The machines on which a run was trained before this one, in words; older runs have not kept theirs."""
    earlier = list(before.get("earlier_machines", ()))
    same = all(before.get(name) == value for name, value in now.items())
    return earlier if same or "torch_instructions" not in before else [*earlier, machine_words(before)]
