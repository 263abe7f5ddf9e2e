"""The environment of a run: versions, processor, threads and devices."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

import torch

from groupwise.distributed.world import World

PACKAGES = ("torch", "numpy", "pillow", "scikit-learn", "scipy", "opencv-python-headless", "safetensors")


def environment(world: World) -> dict[str, Any]:
    """What `environment.json` holds."""
    cuda = world.device.type == "cuda"
    return {
        "groupwise": version("groupwise"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in PACKAGES},
        "cpu_count": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(world.device) if cuda else platform.machine(),
        "device_type": world.device.type,
        "processes": world.size,
    }
