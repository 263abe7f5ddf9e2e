"""Times one client of the server against a bare loop of decoding and ONNX Runtime, and what batches gain.

    python benchmarks/serve_overhead.py [--preset resnext50_32x4d --image-size-px 224 --repeats 5]

Both sides take the same JPEG files of 640 px through the same bundle, on all cores, A B A B; medians over the
repeats with their range.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from served import Client, pictures, random_bundle, served


def bare_loop(predictor, files: list[bytes]) -> float:
    """Milliseconds a picture."""
    from groupwise.data.decode import decode

    began = time.perf_counter()
    for file in files:
        rgb = decode(file, draft_px=predictor.preprocessing.image_size_px).rgb
        images = predictor.preprocessing.resize_image(rgb)[None]
        predictor.session.run(["logits", "features"], {"images": predictor.preprocessing.normalise(images)})
    return (time.perf_counter() - began) / len(files) * 1000


def over_http(port: int, files: list[bytes]) -> float:
    """Milliseconds a picture."""

    async def go() -> float:
        client = Client(port)
        await client.connect()
        began = time.perf_counter()
        for file in files:
            status, _, _ = await client.ask(file)
            assert status == 200
        return (time.perf_counter() - began) / len(files) * 1000

    return asyncio.run(go())


def in_batches(predictor, size: int) -> float:
    """Milliseconds a picture of the network alone."""
    image = np.zeros((size, *[predictor.preprocessing.image_size_px] * 2, 3), np.uint8)
    began = time.perf_counter()
    for _ in range(16 // size):
        predictor.answer_images(image)
    return (time.perf_counter() - began) / 16 * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="resnext50_32x4d")
    parser.add_argument("--image-size-px", type=int, default=224)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    files = pictures(options.pictures, 640)
    times: dict[str, list[float]] = {name: [] for name in ("bare loop", "server", *map(str, (1, 2, 4, 8)))}
    with tempfile.TemporaryDirectory() as folder:
        bundle = random_bundle(Path(folder), options.preset, options.image_size_px, ("a", "b"))
        from groupwise.inference.bundle import open_bundle

        predictor = open_bundle(bundle)
        with served(bundle) as server:
            bare_loop(predictor, files[:5])
            over_http(server.port, files[:5])
            for _ in range(options.repeats):
                times["bare loop"].append(bare_loop(predictor, files))
                times["server"].append(over_http(server.port, files))
                for size in (1, 2, 4, 8):
                    times[str(size)].append(in_batches(predictor, size))
    print("| | ms a picture | range |\n|---|---|---|")
    for name, values in times.items():
        title = name if not name.isdigit() else f"network alone, batches of {name}"
        print(f"| {title} | {statistics.median(values):.1f} | {min(values):.1f} to {max(values):.1f} |")
    ratio = statistics.median(s / b for s, b in zip(times["server"], times["bare loop"], strict=True))
    print(f"\noverhead of the server: {ratio - 1:+.1%} (median of the pairs)")


if __name__ == "__main__":
    main()
