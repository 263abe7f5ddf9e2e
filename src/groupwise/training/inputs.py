"""Turns a batch of the cache into what the network sees in training, and what it should answer."""

from __future__ import annotations

from torch import Tensor

from groupwise.data.augment import augment
from groupwise.data.batches import Batch, normalise, resize
from groupwise.data.mix import mix
from groupwise.data.trivial import trivial_augment
from groupwise.training.terms import FitConfig


def training_inputs(
    batch: Batch, config: FitConfig, *, num_classes: int, image_size_px: int, epoch: int, share: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Images (n, 3, S, S), resized, changed at random and normalised on their device, and their targets.

    Targets are class numbers (n,), or shares (n, K) where images are mixed. `share` of training is done.
    """
    images, targets = resize(batch.images.float(), image_size_px), batch.labels
    if not len(images):  # a last batch with fewer samples than processes; torch turns no empty batch
        return normalise(images, config.preprocessing), targets
    images = augment(images, batch.samples, config.augment, seed=config.seed, epoch=epoch)
    if config.augment.trivial:
        images = trivial_augment(images, batch.samples, seed=config.seed, epoch=epoch)
    if config.augment.mixes and share < config.augment.mix_until:
        images, targets = mix(
            images,
            targets,
            batch.samples,
            config.augment,
            num_classes=num_classes,
            seed=config.seed,
            epoch=epoch,
        )
    return normalise(images, config.preprocessing), targets
