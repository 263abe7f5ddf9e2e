"""Trains one contestant of `race.py`, printing where it stands after each epoch.

python benchmarks/contestants.py NAME SPLIT_FILE ROOT SEED
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from peers import import_torchvision

Point = dict[str, Any]  # seconds, accuracy and answers (class numbers) at the end of an epoch


class Fold:
    """Image files and class numbers of the rows of split.csv in some folds."""

    def __init__(self, split_file: Path, root: Path, *names: str) -> None:
        from groupwise.data.split import read_split

        rows = read_split(split_file).rows
        classes = sorted({row.label for row in rows})
        inside = [row for row in rows if row.fold in names]
        self.files = [root / row.path for row in inside]
        self.labels = [classes.index(row.label) for row in inside]
        self.groups = [row.group for row in inside]
        self.num_classes = len(classes)

    def point(self, started: float, answers: Any) -> Point:
        """What stands now, since `started`."""
        answers = [int(answer) for answer in answers]
        right = sum(answer == label for answer, label in zip(answers, self.labels, strict=True))
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "accuracy": right / len(answers), "answers": answers}


def torch_images(fold: Fold, change: Callable[[Any], Any]) -> Any:
    """A dataset of torch: `change` makes an input of an image of Pillow."""
    from PIL import Image
    from torch.utils.data import Dataset

    class Images(Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(fold.files)

        def __getitem__(self, i: int) -> Any:
            return change(Image.open(fold.files[i]).convert("RGB")), fold.labels[i]

    return Images()


def torch_answers(model: Any, loader: Any) -> list[int]:
    """Class numbers of all images of a loader, in its order."""
    import torch

    model.eval()
    with torch.no_grad():
        return [int(answer) for images, _ in loader for answer in model(images).argmax(1)]


def tutorial(train: Fold, test: Fold, seed: int, *, size_px: int, epochs: int) -> Iterator[Point]:
    """ResNeXt-50 from torchvision as the tutorial trains it: a DataLoader, Adam at 1e-4, batches of 32."""
    torchvision = import_torchvision()
    import torch
    from torch.utils.data import DataLoader

    torch.manual_seed(seed)
    started = time.perf_counter()
    change = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize([size_px, size_px]),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    learn, score = (
        DataLoader(torch_images(fold, change), 32, shuffle=fold is train, num_workers=2)
        for fold in (train, test)
    )
    model = torchvision.models.resnext50_32x4d(num_classes=train.num_classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    for _ in range(epochs):
        model.train()
        for images, labels in learn:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        yield test.point(started, torch_answers(model, score))


def timm(
    train: Fold, test: Fold, seed: int, *, size_px: int = 96, epochs: int = 7, last_only: bool = False
) -> Iterator[Point]:
    """resnet18 from scratch with timm's parts: RandAugment, erasing, mixup, AdamW, cosine.

    `last_only` scores the last epoch alone.
    """
    import_torchvision()
    import timm as library
    import torch
    from timm.data import Mixup, create_transform
    from timm.loss import SoftTargetCrossEntropy
    from timm.optim import create_optimizer_v2
    from timm.scheduler import CosineLRScheduler
    from torch.utils.data import DataLoader

    torch.manual_seed(seed)
    started = time.perf_counter()
    changes = (
        create_transform(
            size_px, is_training=True, scale=(0.35, 1), auto_augment="rand-m6-mstd0.5-inc1", re_prob=0.1
        ),
        create_transform(size_px, crop_pct=1.0),
    )
    learn, score = (
        DataLoader(
            torch_images(fold, change), 64, shuffle=fold is train, num_workers=2, drop_last=fold is train
        )
        for fold, change in zip((train, test), changes, strict=True)
    )
    mixup = Mixup(mixup_alpha=0.1, label_smoothing=0.1, num_classes=train.num_classes)
    model = library.create_model("resnet18", num_classes=train.num_classes)
    model = model.to(memory_format=torch.channels_last)
    optimizer = create_optimizer_v2(model, "adamw", lr=2e-3, weight_decay=0.05)
    schedule = CosineLRScheduler(
        optimizer, t_initial=epochs * len(learn), warmup_t=len(learn), warmup_lr_init=1e-5, t_in_epochs=False
    )
    step = 0
    for epoch in range(epochs):
        model.train()
        for images, labels in learn:
            schedule.step_update(step)
            images, targets = mixup(images.to(memory_format=torch.channels_last), labels)
            optimizer.zero_grad()
            SoftTargetCrossEntropy()(model(images), targets).backward()
            optimizer.step()
            step += 1
        if not last_only or epoch + 1 == epochs:
            yield test.point(started, torch_answers(model, score))


def torchvision(
    train: Fold, test: Fold, seed: int, *, size_px: int = 96, epochs: int = 7, last_only: bool = False
) -> Iterator[Point]:
    """resnet18 from scratch as torchvision's references train: crops, TrivialAugment, erasing, SGD, cosine.

    Of the recipe behind its newer weights, with its rate for 1,024 images scaled to 64 and without what only
    hundreds of epochs repay: mixup, CutMix and the moving average.
    """
    library = import_torchvision()
    import torch
    from torch.utils.data import DataLoader

    torch.manual_seed(seed)
    started, change = time.perf_counter(), library.transforms
    as_input = [change.ToTensor(), change.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    varied = [change.RandomResizedCrop(size_px), change.RandomHorizontalFlip(), change.TrivialAugmentWide()]
    changes = (
        change.Compose([*varied, *as_input, change.RandomErasing(0.1)]),
        change.Compose([change.Resize(size_px * 8 // 7), change.CenterCrop(size_px), *as_input]),
    )
    learn, score = (
        DataLoader(torch_images(fold, way), 64, shuffle=fold is train, num_workers=2, drop_last=fold is train)
        for fold, way in zip((train, test), changes, strict=True)
    )
    model = library.models.resnet18(num_classes=train.num_classes)
    rate = 0.5 * 64 / 1024
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=2e-5)
    warm = max(1, epochs * len(learn) // 20)
    schedule = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=warm),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, epochs * len(learn) - warm)),
        ],
        [warm],
    )
    for epoch in range(epochs):
        model.train()
        for images, labels in learn:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images), labels, label_smoothing=0.1).backward()
            optimizer.step()
            schedule.step()
        if not last_only or epoch + 1 == epochs:
            yield test.point(started, torch_answers(model, score))


def fastai(
    train: Fold, test: Fold, seed: int, *, size_px: int = 96, epochs: int = 7, last_only: bool = False
) -> Iterator[Point]:
    """resnet18 from scratch with fastai's augmentation: one epoch of one cycle, then the others.

    It scores after each epoch whatever is asked; `last_only` says no more than the last.
    """
    torchvision = import_torchvision()
    from fastai.callback.core import Callback
    from fastai.vision.all import (
        CategoryBlock,
        DataBlock,
        ImageBlock,
        IndexSplitter,
        Resize,
        aug_transforms,
        set_seed,
        vision_learner,
    )

    set_seed(seed)
    started = time.perf_counter()
    files = train.files + test.files
    label_of = dict(zip(files, train.labels + test.labels, strict=True))
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_y=lambda file: label_of[file],  # whose signature fastai reads
        splitter=IndexSplitter(list(range(len(train.files), len(files)))),
        item_tfms=Resize(size_px),
        batch_tfms=aug_transforms(),
    )
    points: list[Point] = []
    answers: list[Any] = []

    class Watch(Callback):  # type: ignore[misc]
        def after_pred(self) -> None:
            if not self.training:
                answers.extend(self.learn.pred.argmax(1))

        def after_epoch(self) -> None:
            points.append(test.point(started, answers))
            answers.clear()

    learner = vision_learner(
        block.dataloaders(files, bs=64, num_workers=2),
        torchvision.models.resnet18,
        pretrained=False,
        cbs=Watch(),
    )
    learner.unfreeze()
    with learner.no_bar():
        learner.fit_one_cycle(1)
        if epochs > 1:
            learner.fit_one_cycle(epochs - 1)
    yield from points[-1:] if last_only else points


def groupwise(
    split_file: Path, root: Path, seed: int, changes: dict[str, Any], *, name: str = "default"
) -> Iterator[Point]:
    """A recipe through the layer that `groupwise train` calls, scoring `test` too after every epoch."""
    import torch

    from groupwise.data.cache import decode_images
    from groupwise.distributed.world import World
    from groupwise.files import sha256_file
    from groupwise.inference.predictor import predict_logits
    from groupwise.models.resnext import create_model
    from groupwise.recipe.parsing import read_recipe
    from groupwise.training.callbacks import Callback
    from groupwise.training.config import FitConfig, FitData
    from groupwise.training.trainer import Trainer

    recipe = read_recipe(name, {**changes, "seed": seed})[1]
    folds = [Fold(split_file, root, fold) for fold in ("train", "val", "test")]
    started = time.perf_counter()
    files = [file for fold in folds for file in fold.files]
    images = decode_images(files, [sha256_file(file) for file in files], recipe.data)
    labels = np.array([label for fold in folds for label in fold.labels])
    train, val, test = np.split(np.arange(len(files)), np.cumsum([len(fold.files) for fold in folds])[:2])
    if recipe.training.select_fold == "test":  # as the tutorial has it, who sets nothing else aside
        train, val = np.concatenate([train, val]), test
    torch.manual_seed(seed)
    model = create_model(recipe.model.preset, **recipe.model.overrides, num_classes=folds[0].num_classes)
    config = FitConfig(recipe.training, recipe.optim, recipe.loss, recipe.augment, recipe.data, seed)
    points: list[Point] = []

    class ScoreTest(Callback):
        def on_epoch_end(self, _: Sequence[Any], model: Any) -> None:
            answers = predict_logits(model, images[test], recipe.data).argmax(1)
            points.append(folds[2].point(started, answers))

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model,
            FitData(images, labels, train, val),
            config,
            world=World(),
            checkpoints=Path(folder),
            callbacks=[ScoreTest()],
        )
        trainer.fit()
    yield from points


def same_network(size_px: int) -> dict[str, Any]:
    """What makes `default` train the tutorial's network at its final size, on images that grow to it."""
    return {
        "model.preset": "resnext50_32x4d",
        "model.overrides": {"zero_init_residual": True},
        "training.epochs": 5,
        "training.batch_size": 32,
        "optim.learning_rate": 1.4e-3,
        "data.image_size_px": size_px,
        "training.start_size_px": size_px // 2,
    }


# The tutorial's recipe by Groupwise, for its score where torchvision takes hours
CLASSIC = {"model.preset": "resnext50_32x4d", "training.epochs": 12}

# What `model.py` gives sizes and epochs of its own
PEERS: dict[str, Callable[..., Iterator[Point]]] = {
    "fastai": fastai,
    "timm": timm,
    "torchvision": torchvision,
}

CONTESTANTS: dict[str, Callable[[Path, Path, int], Iterator[Point]]] = {
    "groupwise": lambda split, root, seed: groupwise(split, root, seed, {}),
    "groupwise-same-96": lambda split, root, seed: groupwise(split, root, seed, same_network(96)),
    "groupwise-same-224": lambda split, root, seed: groupwise(split, root, seed, same_network(224)),
    "groupwise-classic": lambda split, root, seed: groupwise(split, root, seed, CLASSIC, name="classic"),
    "fastai": lambda split, root, seed: fastai(*_two(split, root), seed),
    "timm": lambda split, root, seed: timm(*_two(split, root), seed),
    "tutorial-96": lambda split, root, seed: tutorial(*_two(split, root), seed, size_px=96, epochs=12),
    "tutorial-224": lambda split, root, seed: tutorial(*_two(split, root), seed, size_px=224, epochs=12),
}


def _two(split_file: Path, root: Path) -> tuple[Fold, Fold]:
    return Fold(split_file, root, "train", "val"), Fold(split_file, root, "test")


def main() -> None:
    name, split_file, root, seed = sys.argv[1:]
    for point in CONTESTANTS[name](Path(split_file), Path(root), int(seed)):
        print(json.dumps(point), flush=True)


if __name__ == "__main__":
    main()
