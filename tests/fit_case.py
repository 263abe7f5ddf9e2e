"""A fit small enough to repeat: 48 images of two classes at 16 px, and a network of two blocks."""

import dataclasses
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from groupwise.data.decode import Preprocessing
from groupwise.distributed.world import World
from groupwise.models.resnext import create_model
from groupwise.recipe.augment import AugmentConfig
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import LossConfig, TrainingConfig
from groupwise.training.callbacks import Callback
from groupwise.training.config import EpochRecord, FitConfig, FitData, FitResult
from groupwise.training.trainer import Trainer


def small_data() -> FitData:
    """Light and dark squares under noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 2
    images = rng.integers(0, 120, (48, 16, 16, 3)) + 80 * labels[:, None, None, None]
    rows = np.arange(48)
    return FitData(images.astype(np.uint8), labels, rows[:36], rows[36:])


def small_config(*, optim: OptimConfig | None = None, **training: object) -> FitConfig:
    return FitConfig(
        TrainingConfig(**{"epochs": 4, "batch_size": 8, "device": "cpu", "precision": "fp32"} | training),
        optim or OptimConfig(learning_rate=3e-3, warmup=0.2),
        LossConfig(label_smoothing=0.1),
        AugmentConfig(flip=0.5, rotate_degrees=20, zoom=0.7, shift=0.1, brightness=0.3, erase=0.5),
        Preprocessing(image_size_px=16),
        seed=3,
    )


def small_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return create_model("resnext11_8x4d", num_classes=2, depths=(1, 1), cardinality=2, planes=16)


class Listener(Callback):
    """A callback made of functions."""

    def __init__(self, **functions: Callable[..., object]) -> None:
        for name, function in functions.items():
            assert hasattr(Callback, name), name
            setattr(self, name, function)


def fit(
    model: torch.nn.Module,
    data: FitData,
    config: FitConfig,
    *,
    checkpoints: Path,
    world: World | None = None,
    resume: bool = False,
    made_from: dict[str, str] | None = None,
    **functions: Callable[..., object],
) -> FitResult:
    """Train with a callback made of `functions`."""
    trainer = Trainer(
        model,
        data,
        config,
        world=world or World(),
        checkpoints=checkpoints,
        made_from=made_from,
        callbacks=[Listener(**functions)],
    )
    return trainer.fit(resume=resume)


def small_fit(checkpoints: Path, config: FitConfig | None = None, **options: object):
    return fit(small_model(), small_data(), config or small_config(), checkpoints=checkpoints, **options)


def without_times(fitted: FitResult) -> list[EpochRecord]:
    return [
        dataclasses.replace(epoch, seconds=0, images_per_second=0, waiting_seconds=0)
        for epoch in fitted.history
    ]


def assert_same(one: FitResult, other: FitResult) -> None:
    assert without_times(one) == without_times(other)
    assert one.weights.keys() == other.weights.keys()
    assert all(torch.equal(one.weights[key], other.weights[key]) for key in one.weights)


def at_step(count: int, act: Callable[[], object]) -> Callable[[int, int], object]:
    """A callback that acts after `count` steps."""
    taken = iter(range(1, 10_000))
    return lambda done, total: act() if next(taken) == count else None


def raise_signal(number: int) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


def compile_by(monkeypatch: pytest.MonkeyPatch, backend: Callable[..., object]) -> None:
    """Let torch trace as ever, and hand the graph to `backend` in place of its compiler."""
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call, **options: real(call, backend=backend, **options))
