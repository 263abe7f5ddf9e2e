import dataclasses

import numpy as np
import pytest
import torch

from fit_case import small_config, small_data, small_fit
from groupwise.distributed.world import World
from groupwise.loader.batches import Shuffle, batches
from groupwise.recipe.augment import AugmentConfig
from groupwise.training.step import training_inputs


def inputs(image_size_px=16, epoch=1, progress=0.0, **fields):
    data = small_data()
    (batch, *_) = batches(data.images, data.labels, data.train, batch_size=36, world=World())
    config = dataclasses.replace(small_config(), augment=AugmentConfig(**fields))
    return training_inputs(
        batch, config, num_classes=2, image_size_px=image_size_px, epoch=epoch, progress=progress
    )


@pytest.mark.parametrize(
    "fields", [{"alternate_flip": True}, {"shift": 0.5}, {"brightness": 0.9}, {"trivial": True}]
)
def test_an_image_that_comes_again_in_an_epoch_is_changed_otherwise(fields):
    data = small_data()
    (batch,) = batches(
        data.images,
        (np.arange(48) == 8).astype(int),
        np.arange(24),
        batch_size=24,
        world=World(),
        shuffle=Shuffle(0, 1, balanced=True),
    )
    again = (batch.samples == 8).nonzero()[:, 0]
    assert len(again) > 2
    same = dataclasses.replace(batch, images=batch.images[again[:1]].expand_as(batch.images))
    config = dataclasses.replace(small_config(), augment=AugmentConfig(**fields))
    images, _ = training_inputs(same, config, num_classes=2, image_size_px=16, epoch=1)
    assert len(images[again].unique(dim=0)) > 1


def test_without_augmentation_it_is_the_one_preprocessing():
    images, targets = inputs()
    data = small_data()
    expected = small_config().preprocessing.normalise(data.images[data.train])
    torch.testing.assert_close(images, torch.from_numpy(expected))
    assert (targets.numpy() == data.labels[data.train]).all()


@pytest.mark.parametrize(
    "fields", [{"flip": 0.5}, {"alternate_flip": True}, {"erase": 1.0}, {"trivial": True}, {"mixup": 1.0}]
)
def test_each_augmentation_reaches_the_network(fields):
    assert not torch.equal(inputs(**fields)[0], inputs()[0])


def test_small_images_come_small():
    assert inputs(8)[0].shape == (36, 3, 8, 8)


def test_mixed_targets_are_shares():
    assert inputs(cutmix=1.0)[1].shape == (36, 2)


@pytest.mark.parametrize(("progress", "mixed"), [(0.0, True), (0.79, True), (0.8, False), (1.0, False)])
def test_training_ends_on_whole_images(progress, mixed):
    images, targets = inputs(cutmix=1.0, mix_until=0.8, progress=progress)
    assert (targets.ndim == 2) == mixed
    assert torch.equal(images, inputs()[0]) == (not mixed)


def test_training_with_everything_at_once_goes_through(tmp_path):
    config = small_config(epochs=2, start_size_px=8, ema_decay=0.9, sampling="balanced")
    augment = AugmentConfig(alternate_flip=True, trivial=True, mixup=0.2, cutmix=1.0)
    fitted = small_fit(tmp_path, dataclasses.replace(config, augment=augment))
    assert np.isfinite([epoch.train_loss for epoch in fitted.history]).all()
