"""What the programs that measure the server share: a bundle of random weights, a server, a plain client."""

from __future__ import annotations

import asyncio
import io
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter


def random_bundle(
    folder: Path, preset: str, image_size_px: int, classes: tuple[str, ...], *, seed: int = 0
) -> Path:
    """Write a bundle of a network that has learnt nothing, which takes as long as one that has."""
    import safetensors.numpy
    import torch

    from groupwise.data.decode import Preprocessing
    from groupwise.export.onnx import export_onnx
    from groupwise.files import sha256_bytes, write_atomic, write_json
    from groupwise.inference.bundle import BUNDLE, FORMAT, HEAD, MODEL
    from groupwise.inference.decision import Decision
    from groupwise.models.resnext import create_model

    torch.manual_seed(seed)
    model = create_model(preset, num_classes=len(classes)).eval()
    head = model.get_submodule("fc").weight.detach().numpy()
    content = {MODEL: export_onnx(model, image_size_px), HEAD: safetensors.numpy.save({"weight": head})}
    for name, data in content.items():
        write_atomic(folder / name, data)
    facts = {
        "format": FORMAT,
        "classes": list(classes),
        "preprocessing": asdict(Preprocessing(image_size_px=image_size_px)),
        "decision": Decision(classes).as_json(),
        "digests": {name: sha256_bytes(data) for name, data in content.items()},
    }
    write_json(folder / BUNDLE, facts)
    return folder


def pictures(n: int, side_px: int, seed: int = 0) -> list[bytes]:
    """JPEG files of blurred noise, each of its own colours, so that no two have the same answer."""
    rng = np.random.default_rng(seed)
    files = []
    for _ in range(n):
        noise = rng.integers(0, 255, (side_px, side_px, 3)) * rng.uniform(0.2, 1, 3)
        image = Image.fromarray(noise.astype(np.uint8)).filter(ImageFilter.GaussianBlur(side_px / 16))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


@contextmanager
def served(bundle: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own, with its `port`; killed at the end if it has not ended by itself."""
    command = [sys.executable, "-m", "groupwise", "serve", str(bundle), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    process.port = int(line.split(" ")[1].rstrip("/").rpartition(":")[2])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Client:
    """One connection, kept as long as the server keeps it, and opened anew where it was closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        # Between two requests nothing is to be read but the end, as of one that was idle for too long.
        if self.writer is not None and select.select([self.writer.get_extra_info("socket")], [], [], 0)[0]:
            self.close()
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(
        self, body: bytes, *, path: str = "/v1/predict", host: str = "localhost", pause_s: float = 0.0
    ):
        """Status, parsed body and seconds; raises OSError or EOFError where no whole answer came."""
        await self.connect()
        began = time.perf_counter()
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body[:100])
        if pause_s:
            await asyncio.sleep(pause_s)
        self.writer.write(body[100:])
        try:
            return await self._answer(began)
        except BaseException:
            self.close()
            raise

    async def _answer(self, began: float):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        content = json.loads(await self.reader.readexactly(length))
        if "connection: close" in head:
            self.close()
        return int(head.split(" ")[1]), content, time.perf_counter() - began

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def started_by(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def rss_mb(pid: int) -> float:
    """Memory of a process and of those that it started that is in use, in MB."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in (pid, *started_by(pid)))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def p(values: list[float], q: float) -> float:
    """The quantile in milliseconds."""
    return float(np.quantile(values, q)) * 1000
