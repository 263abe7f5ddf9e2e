"""Cardinality at equal complexity, the central table of the ResNeXt paper, on few and small pictures.

Xie et al. 2016 (arXiv 1611.05431, table 3) split the 3x3 of a block of 1x64d into more and narrower groups at
equal cost, and on ImageNet the error fell from 23.9 to 22.2 %. Here the same five settings learn small sets
with sources, cross-validated by source, so that every picture is answered by a network that has not seen its
source. The five of a fold share its pictures, the order of its batches and the seed; nothing was tuned on
these sets, and no epoch is chosen.

    python benchmarks/cardinality.py ../shared/data/sign-digits.csv --group-column student
    python benchmarks/cardinality.py ../shared/data/clothing.csv --group-column sender --mirror

Answers are kept in `--work` fold by fold, and a second call goes on from there.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor, nn

from groupwise.models.complexity import complexity
from groupwise.models.resnext import ResNeXtConfig, create_model
from groupwise.stats.arrays import Floats, Ints
from groupwise.stats.fold import check_fold
from groupwise.stats.paired_tests import Difference, holm, loss_difference

SETTINGS = ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4))  # the paper's, cardinality x base width
FOLDS = 3
SIZE_PX, SHIFT_PX = 32, 4
BATCH, EPOCHS, RATE, DECAY = 64, 16, 0.1, 5e-4
DRAWS = 2000


def network_values(cardinality: int, base_width: int) -> dict[str, object]:
    """One block a stage, whose maps have 8, 4 and 2 pixels a side."""
    return {
        "depths": (1, 1, 1),
        "cardinality": cardinality,
        "base_width": base_width,
        "planes": 32,
        "stem": "strided",
        "first_stride": 2,
    }


def read(file: Path, group_column: str) -> tuple[Tensor, Ints, Ints]:
    """Pictures (N, 3, S, S) of uint8, squashed, with the numbers of their classes and sources, (N,) each."""
    with file.open(newline="") as held:
        rows = list(csv.DictReader(held))
    pictures = []
    for row in rows:
        with Image.open(file.parent / row["path"]) as image:
            image.draft("RGB", (4 * SIZE_PX, 4 * SIZE_PX))
            small = image.convert("RGB").resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX)
        pictures.append(np.asarray(small))
    columns = ([row[name] for row in rows] for name in ("label", group_column))
    labels, sources = (np.unique(column, return_inverse=True)[1].astype(np.int64) for column in columns)
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous(), labels, sources


def changed(images: Tensor, *, mirror: bool, random: torch.Generator) -> Tensor:
    """Each picture shifted by up to SHIFT_PX, and half of them mirrored."""
    padded = nn.functional.pad(images, (SHIFT_PX,) * 4, mode="reflect")
    places = torch.randint(0, 2 * SHIFT_PX + 1, (len(images), 2), generator=random).tolist()
    flips = torch.rand(len(images), generator=random).lt(0.5).tolist()
    cut = [one[:, y : y + SIZE_PX, x : x + SIZE_PX] for one, (y, x) in zip(padded, places, strict=True)]
    return torch.stack(
        [one.flip(-1) if flip and mirror else one for one, flip in zip(cut, flips, strict=True)]
    )


def learn(net: nn.Module, images: Tensor, labels: Tensor, *, mirror: bool, seed: int) -> None:
    """A fixed number of passes by SGD under one cycle."""
    random = torch.Generator().manual_seed(seed)
    steps = len(images) // BATCH
    optimizer = torch.optim.SGD(net.parameters(), RATE, momentum=0.9, nesterov=True, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * steps)
    net.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images), generator=random)[: steps * BATCH].split(BATCH):
            seen = changed(images[batch], mirror=mirror, random=random)
            loss = nn.functional.cross_entropy(net(seen), labels[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def folds(labels: Ints, sources: Ints, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Rows to learn from and to judge by, no source on both sides."""
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    yield from splitter.split(labels, labels, sources)


def answer(
    data: tuple[Tensor, Ints, Ints], setting: tuple[int, int], seeds: int, *, mirror: bool, work: Path
) -> Floats:
    """Whether each picture was answered rightly, a row a seed."""
    pictures, labels, sources = data
    images = (pictures.float() / 255 - 0.45) / 0.25
    right = np.full((seeds, len(labels)), np.nan)
    for seed in range(seeds):
        for number, (train, test) in enumerate(folds(labels, sources, seed)):
            kept = work / f"{setting[0]}x{setting[1]}d-{seed}-{number}.npy"
            if not kept.is_file():
                began = time.process_time()
                torch.manual_seed(seed)
                net = create_model(
                    "resnext11_8x4d", num_classes=int(labels.max()) + 1, **network_values(*setting)
                )
                learn(net, images[train], torch.from_numpy(labels[train]), mirror=mirror, seed=seed)
                with torch.inference_mode():
                    found = net.eval()(images[test]).argmax(1).numpy()
                np.save(kept, found == labels[test])
                seconds = time.process_time() - began
                print(f"{kept.stem}: {np.load(kept).mean():.3f}, {seconds:.0f} s", flush=True)
            right[seed, test] = np.load(kept)
    return right


def table(rights: list[Floats], labels: Ints, sources: Ints) -> str:
    """A row a setting: cost, accuracy, and what it gains over 1x64d, with limits over sources."""
    one_hot = np.eye(int(labels.max()) + 1)[labels]
    fold = check_fold(labels, one_hot, sources, [str(k) for k in range(one_hot.shape[1])])

    def mean(values: Floats) -> Difference:
        return loss_difference(fold, values, seed=0, draws=DRAWS)

    gains = [mean((right - rights[0]).mean(0)) for right in rights[1:]]
    corrected = holm([gain.p for gain in gains])
    lines = [
        "| setting | parameters | multiply-adds, M | accuracy, % | gain over 1x64d, points | p (Holm) |",
        "| :--- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for k, (setting, right) in enumerate(zip(SETTINGS, rights, strict=True)):
        values = {"num_classes": fold.n_classes, **network_values(*setting)}
        cost = complexity(ResNeXtConfig(**values), SIZE_PX)  # type: ignore[arg-type]
        gain = "| |" if k == 0 else f"{limits(gains[k - 1], '+.1f')} | {corrected[k - 1]:.2f} |"
        found = limits(mean(right.mean(0)), ".1f")
        name = f"{setting[0]}x{setting[1]}d"
        lines.append(f"| {name} | {cost.parameters:,} | {cost.multiply_adds / 1e6:.1f} | {found} | {gain}")
    return "\n".join(lines)


def limits(found: Difference, form: str) -> str:
    """A share with its 95 % limits, in per cent."""
    assert found.low is not None
    assert found.high is not None
    value, low, high = (format(100 * part, form) for part in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def main() -> None:
    """Print a line a fold, then the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path, help="a CSV with the columns path and label")
    parser.add_argument("--group-column", required=True)
    parser.add_argument("--mirror", action="store_true", help="mirrored pictures are of the same class")
    parser.add_argument("--seeds", type=int, default=1, help="of each fold")
    parser.add_argument("--work", type=Path, default=Path("runs/cardinality"))
    arguments = parser.parse_args()
    work = arguments.work / arguments.data.stem
    work.mkdir(parents=True, exist_ok=True)
    data = read(arguments.data, arguments.group_column)
    seeds, mirror = arguments.seeds, arguments.mirror
    rights = [answer(data, setting, seeds, mirror=mirror, work=work) for setting in SETTINGS]
    _, labels, sources = data
    print(f"{len(labels):,} pictures of {len(np.unique(sources))} sources, {FOLDS} folds, {seeds} seeds")
    print(table(rights, labels, sources))


if __name__ == "__main__":
    main()
