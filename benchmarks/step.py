"""Times a training step on the CPU: ours, with and without what we do about memory, and torchvision's.

    python -m pip install --no-deps --target /tmp/references torchvision==0.28.0
    PYTHONPATH=/tmp/references python benchmarks/step.py --preset resnext50_32x4d --image-size-px 224 \
        --batch-size 16 [--repeats 5] [--variants groupwise torchvision ...]

Each variant runs in a process of its own, A B C A B C ..., because the allocator's settings cannot be taken
back and the machine is shared. Printed are medians over the repeats with their range, and the ratio to the
first variant. Compiling is not part of a step; its seconds are printed apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Variant:
    """Whose network, and what is done about its speed."""

    torchvision: bool = False
    channels_last: bool = False
    allocator: bool = False
    fused: bool = False
    compiled: bool = False
    at_once: bool = False


VARIANTS = {
    "torchvision": Variant(torchvision=True),
    "torchvision, channels_last, compiled": Variant(torchvision=True, channels_last=True, compiled=True),
    "groupwise, torch's defaults": Variant(),
    "groupwise, channels_last": Variant(channels_last=True),
    "groupwise, allocator": Variant(allocator=True),
    "groupwise, fused": Variant(fused=True),
    "groupwise": Variant(channels_last=True, allocator=True, fused=True),
    "groupwise, pieces at once": Variant(channels_last=True, allocator=True, fused=True, at_once=True),
    "groupwise, compiled": Variant(channels_last=True, allocator=True, fused=True, compiled=True),
}


def build(variant: Variant, preset: str) -> Any:
    """The network, with ten classes."""
    if variant.torchvision:
        from peers import import_torchvision

        return import_torchvision().models.get_model(preset, weights=None, num_classes=10)
    from groupwise.models.resnext import create_model

    return create_model(preset, num_classes=10)


def measure(
    variant: Variant, preset: str, size_px: int, batch_size: int, *, bf16: bool, steps: int = 8
) -> dict[str, float]:
    """Milliseconds an image of the median step after two to warm up, and the seconds of the first step."""
    from groupwise.distributed.allocator import keep_freed_memory

    if variant.allocator:
        keep_freed_memory()
    import torch

    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    torch.manual_seed(0)
    model = build(variant, preset).to(memory_format=layout)
    run = torch.compile(model) if variant.compiled else model
    images = torch.randn(batch_size, 3, size_px, size_px).to(memory_format=layout)
    labels = torch.randint(0, 10, (batch_size,))
    optimizer = torch.optim.AdamW(model.parameters(), fused=variant.fused)

    def loss_of(network: Any, rows: slice) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = network(images[rows])
        return torch.nn.functional.cross_entropy(logits.float(), labels[rows], reduction="sum") / batch_size

    step = lambda: loss_of(run, slice(None)).backward()  # noqa: E731
    threads: Any = nullcontext()
    if variant.at_once:
        from groupwise.training.side_by_side import side_by_side

        pieces = side_by_side(model, batch_size, None)
        assert pieces is not None, "one thread, or fewer images than pieces hold, are taken in one piece"
        each = -(-batch_size // pieces.count_for(batch_size))
        cuts = [slice(first, first + each) for first in range(0, batch_size, each)]
        passes = [
            partial(lambda network, rows: (loss_of(network, rows), torch.zeros(())), rows=r) for r in cuts
        ]
        step, threads = partial(pieces.add_gradients, passes), pieces.threads_of_a_piece()
    times = []
    with threads:
        for _ in range(steps + 2):
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            step()
            optimizer.step()
            times.append(time.perf_counter() - start)
    return {"ms": 1000 * statistics.median(times[2:]) / batch_size, "first_s": times[0]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="resnext14_32x4d")
    parser.add_argument("--image-size-px", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--bf16", action="store_true", help="as `training.precision auto` where it is native")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--alone", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        work = (options.preset, options.image_size_px, options.batch_size)
        print(json.dumps(measure(VARIANTS[options.alone], *work, bf16=options.bf16)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in options.variants}
    for _ in range(options.repeats):
        for name in options.variants:
            words = [sys.executable, __file__, *sys.argv[1:], "--alone", name]
            done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    first = options.variants[0]
    print(f"{options.preset}, {options.image_size_px} px, batches of {options.batch_size}: ms an image\n")
    print(f"| variant | median | range | against {first} | first step, s |\n|---|---|---|---|---|")
    base = statistics.median(one["ms"] for one in found[first])
    for name, repeats in found.items():
        times = [one["ms"] for one in repeats]
        median, compiling = statistics.median(times), statistics.median(one["first_s"] for one in repeats)
        spread = f"{min(times):.2f} to {max(times):.2f}"
        print(f"| {name} | {median:.2f} | {spread} | {base / median:.2f}x | {compiling:.1f} |")


if __name__ == "__main__":
    main()
