"""Times a training step on the CPU as torch's defaults run it, and with what Groupwise does about memory.

    python benchmarks/step.py [--preset resnext14_32x4d --image-size-px 96 --batch-size 64 --repeats 5]

Each variant runs in a process of its own, A B C D A B C D ..., because the allocator's settings cannot be
taken back and the machine is shared. Printed are medians over the repeats with their range, and the ratio to
the defaults.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

VARIANTS = ("defaults", "channels_last", "allocator", "both")


def measure(variant: str, preset: str, image_size_px: int, batch_size: int, steps: int = 8) -> float:
    """Milliseconds an image of the median step, after two to warm up."""
    from groupwise.allocator import keep_freed_memory

    if variant in ("allocator", "both"):
        keep_freed_memory()
    import torch

    from groupwise.models.resnext import create_model

    layout = torch.channels_last if variant in ("channels_last", "both") else torch.contiguous_format
    torch.manual_seed(0)
    model = create_model(preset, num_classes=10).to(memory_format=layout)
    images = torch.randn(batch_size, 3, image_size_px, image_size_px).to(memory_format=layout)
    labels = torch.randint(0, 10, (batch_size,))
    optimizer = torch.optim.AdamW(model.parameters())
    times = []
    for _ in range(steps + 2):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        times.append((time.perf_counter() - start) / batch_size * 1000)
    return statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="resnext14_32x4d")
    parser.add_argument("--image-size-px", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = (options.preset, options.image_size_px, options.batch_size)
    if options.variant:
        print(measure(options.variant, *work))
        return
    times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.repeats):
        for variant in VARIANTS:
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--variant", variant],
                capture_output=True,
                check=True,
            )
            times[variant].append(float(done.stdout))
    print(f"{options.preset}, {options.image_size_px} px, batches of {options.batch_size}: ms an image\n")
    print("| variant | median | range | against the defaults |\n|---|---|---|---|")
    for variant, values in times.items():
        median = statistics.median(values)
        ratio = statistics.median(times["defaults"]) / median
        print(f"| {variant} | {median:.2f} | {min(values):.2f} to {max(values):.2f} | {ratio:.2f}x |")


if __name__ == "__main__":
    main()
