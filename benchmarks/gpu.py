"""Measures ResNeXt-50 on a GPU: throughput beside torchvision's and timm's, and each grouped convolution.

    python -m pip install --no-deps --target /tmp/references torchvision timm && \
        PYTHONPATH=/tmp/references python benchmarks/gpu.py [--batch-size 256 --repeats 5]

All networks run as their projects advise for speed: channels_last, bfloat16 autocast, `torch.compile`, fused
SGD, and for inference `torch.inference_mode`. They take turns, A B C A B C ..., in one process. Printed are
images a second, medians over the repeats with their range, and the ratio to torchvision; then, for each
shape of grouped convolution in the network, the milliseconds of forward, dgrad and wgrad beside the bytes
that each has to move at least, which its memory bandwidth turns into the fastest time there could be.
`--device cpu`
is for trying the program where there is no GPU; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from groupwise.models.resnext import create_model
from peers import import_torchvision

PRESET = "resnext50_32x4d"
WARM_UP = 10


def networks(device: torch.device, *, compiled: bool) -> dict[str, nn.Module]:
    """The same network from three projects."""
    torchvision = import_torchvision()  # before timm, which imports it
    import timm

    made: dict[str, nn.Module] = {
        "torchvision": torchvision.models.get_model(PRESET, weights=None),
        "timm": timm.create_model(PRESET),
        "groupwise": create_model(PRESET),
    }
    placed = {name: model.to(device, memory_format=torch.channels_last) for name, model in made.items()}  # type: ignore[call-overload]
    return {name: torch.compile(model) if compiled else model for name, model in placed.items()}  # type: ignore[misc]


def seconds(step: Callable[[], object], device: torch.device, times: int) -> float:
    """Of one step, over `times` of them, with the device idle before and after."""
    _wait(device)
    start = time.perf_counter()
    for _ in range(times):
        step()
    _wait(device)
    return (time.perf_counter() - start) / times


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def training_step(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], None]:
    fused = images.is_cuda
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True, fused=fused)

    def step() -> None:
        with torch.autocast(images.device.type, torch.bfloat16):
            loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def inference_step(model: nn.Module, images: Tensor) -> Callable[[], None]:
    @torch.inference_mode()
    def step() -> None:
        with torch.autocast(images.device.type, torch.bfloat16):
            model(images)

    return step


def throughput(options: argparse.Namespace, device: torch.device) -> Iterator[str]:
    """A table of training and one of inference."""
    size, n = options.image_size_px, options.batch_size
    images = torch.randn(n, 3, size, size, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 1000, (n,), device=device)
    for title in ("training", "inference"):
        models = networks(device, compiled=not options.eager)
        steps = {}
        for name, model in models.items():
            model.train(title == "training")
            steps[name] = (
                training_step(model, images, labels) if title == "training" else inference_step(model, images)
            )
            seconds(steps[name], device, WARM_UP)  # compiles, and chooses kernels
        rates: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(options.repeats):
            for name, step in steps.items():
                rates[name].append(n / seconds(step, device, options.steps))
        yield f"\n{PRESET}, {title}, {size} px, batches of {n}:\n"
        yield "| network | images/s | range | against torchvision |\n|---|---|---|---|"
        base = statistics.median(rates["torchvision"])
        for name, values in rates.items():
            middle = statistics.median(values)
            yield f"| {name} | {middle:.0f} | {min(values):.0f} to {max(values):.0f} | {middle / base:.2f}x |"
        del models, steps


def shapes(size: int) -> dict[tuple[int, int, int, int], int]:
    """(channels, groups, stride, side of the input) of each grouped convolution, and how often it occurs."""
    found: dict[tuple[int, int, int, int], int] = {}

    def note(module: Any, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        key = (module.in_channels, module.groups, module.stride[0], inputs[0].shape[-1])
        found[key] = found.get(key, 0) + 1

    model = create_model(PRESET).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.register_forward_hook(note)
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    return found


def profile(options: argparse.Namespace, device: torch.device) -> Iterator[str]:
    """A table of the grouped convolutions, one shape a line."""
    n = options.batch_size
    yield f"\nGrouped 3x3 convolutions, bfloat16, channels_last, batches of {n}: ms\n"
    yield "| channels | groups | stride | side | times | forward | dgrad | wgrad | GB moved at least |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (channels, groups, stride, side), times in shapes(options.image_size_px).items():
        x = torch.randn(n, channels, side, side, device=device, dtype=torch.bfloat16)
        x = x.to(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels // groups, 3, 3, device=device, dtype=torch.bfloat16)
        y = nn.functional.conv2d(x, weight, stride=stride, padding=1, groups=groups)

        def backward(mask: list[bool], x: Tensor = x, y: Tensor = y, w: Tensor = weight, s: int = stride,
                     g: int = groups) -> Any:  # fmt: skip
            return torch.ops.aten.convolution_backward(
                y, x, w, None, [s, s], [1, 1], [1, 1], False, [0, 0], g, mask
            )

        def forward(x: Tensor = x, w: Tensor = weight, s: int = stride, g: int = groups) -> Tensor:
            return nn.functional.conv2d(x, w, stride=s, padding=1, groups=g)

        cells = []
        for step in (forward, lambda: backward([True, False, False]), lambda: backward([False, True, False])):
            seconds(step, device, WARM_UP)
            runs = [seconds(step, device, options.steps) for _ in range(options.repeats)]
            cells.append(f"{1000 * statistics.median(runs):.3f}")
        moved = (x.nbytes + y.nbytes + weight.nbytes) / 1e9
        yield f"| {channels} | {groups} | {stride} | {side} | {times} | {' | '.join(cells)} | {moved:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--image-size-px", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20, help="steps a repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("No GPU here: nothing was measured.")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, for trying only"
    print(f"{name}, torch {torch.__version__}")
    for line in (*throughput(options, device), *profile(options, device)):
        print(line)


if __name__ == "__main__":
    main()
