"""Loads the server with many clients, some hostile or slow, and says whether anything was lost or swapped.

    python benchmarks/serve_load.py mixed --minutes 10      # 64 clients, each answer compared with offline
    python benchmarks/serve_load.py mixed --workers 2 --swap   # two processes, another model at half time
    python benchmarks/serve_load.py overload                # four times what it can do
    python benchmarks/serve_load.py slow                    # 500 slow connections and one good client
    python benchmarks/serve_load.py drains --times 200      # SIGTERM under load
    python benchmarks/serve_load.py kills --workers 2 --times 20   # SIGKILL of a worker under load

The network has random weights: `resnext11_8x4d` at 32 px, and `resnext50_32x4d` at 224 px for `overload`,
where the clients must not take the cores from the server. Everything stays on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from served import Client, p, pictures, random_bundle, rss_mb, served, started_by

CLASSES = tuple("abcdefghij")
TOLERANCE = 1e-5


def offline(bundle: Path, files: list[bytes]) -> list[dict[str, float]]:
    """The probabilities that the same bundle gives one picture at a time, without a server."""
    from groupwise.data.decode import decode
    from groupwise.inference.bundle import open_bundle

    predictor = open_bundle(bundle)
    size = predictor.preprocessing.image_size_px
    images = [predictor.preprocessing.resize_image(decode(f, draft_px=size).rgb) for f in files]
    return [dict(predictor.answer_images(image[None])[0].probabilities) for image in images]


def hostile(rng: random.Random, good: bytes) -> tuple[bytes, dict[str, object]]:
    """A request that deserves a 4xx."""
    return rng.choice(
        [
            (good[: len(good) // 2], {}),
            (b"", {}),
            (b"%PDF-1.7 " + bytes(1000), {}),
            (rng.randbytes(5000), {}),
            (b"\x89PNG\r\n\x1a\n" + rng.randbytes(2000), {}),
            (good, {"host": "evil.example"}),
            (good, {"path": "/v1/predict?heat=perhaps"}),
            (good, {"path": "/../../etc/passwd"}),
            (bytes(21_000_000), {}),
        ]
    )


async def mixed(bundle: Path, options: argparse.Namespace) -> None:
    files = pictures(200, 64)
    newer = bundle.with_name("newer")
    if options.swap:
        random_bundle(newer, "resnext11_8x4d", 32, CLASSES, seed=1)
    models = [bundle, newer] if options.swap else [bundle]
    expected = [offline(one, files) for one in models]
    seen, memory, pauses = Counter(), [], []
    with served(bundle, "--workers", str(options.workers), *["--watch"] * options.swap) as server:
        end = time.monotonic() + 60 * options.minutes

        async def client(number: int) -> None:
            rng, connection = random.Random(number), Client(server.port)
            while time.monotonic() < end:
                kind = rng.choices(("valid", "hostile", "slow"), (80, 12, 8))[0]
                i = rng.randrange(len(files))
                body, how = hostile(rng, files[i]) if kind == "hostile" else (files[i], {})
                try:
                    status, answer, _ = await connection.ask(
                        body, pause_s=rng.uniform(0.1, 2) * (kind == "slow"), **how
                    )
                except (OSError, EOFError):
                    seen[f"{kind}: lost"] += 1
                    continue
                seen[f"{kind}: {status}"] += 1
                if status == 200 and kind != "hostile":
                    said = answer["probabilities"]
                    fits = [max(abs(one[i][k] - v) for k, v in said.items()) <= TOLERANCE for one in expected]
                    seen["answers of no model, or of another picture"] += not any(fits)
                    if fits.count(True) == 1:
                        seen[f"answered by model {1 + fits.index(True)}"] += 1
                if status == 503:
                    await asyncio.sleep(rng.uniform(0.2, 1))

        async def watch() -> None:
            while time.monotonic() < end:
                memory.append(rss_mb(server.pid))
                await asyncio.sleep(options.minutes * 60 / 100)

        async def feel() -> None:
            """Note how long the clients themselves did not run, which is no fault of the server."""
            while (began := time.monotonic()) < end:
                await asyncio.sleep(0.1)
                pauses.append(time.monotonic() - began - 0.1)

        async def swap() -> None:
            """Put the other model in the place of the first, file by file, as a copy would come."""
            await asyncio.sleep(30 * options.minutes)
            for file in newer.iterdir():
                shutil.copy(file, bundle / file.name)

        extra = [swap()] if options.swap else []
        await asyncio.gather(watch(), feel(), *extra, *(client(i) for i in range(options.clients)))
    print(f"{options.clients} clients, {options.minutes:g} minutes\n\n| outcome | requests |\n|---|---|")
    for outcome, count in sorted(seen.items()):
        print(f"| {outcome} | {count:,} |")
    warm, last = np.median(memory[20:30]), np.median(memory[-10:])
    print(f"| memory after warm-up and at the end | {warm:.0f} MB, {last:.0f} MB ({last / warm - 1:+.1%}) |")
    print(f"| longest that the clients did not run | {max(pauses):.1f} s |")


async def overload(bundle: Path, options: argparse.Namespace) -> None:
    body = pictures(1, 224)[0]
    with served(bundle) as server:
        full: list[float] = []
        began = time.monotonic()
        end = began + options.seconds

        async def closed() -> None:
            client = Client(server.port)
            while time.monotonic() < end:
                status, _, seconds = await client.ask(body)
                assert status == 200
                full.append(seconds)

        await asyncio.gather(*(closed() for _ in range(16)))
        rate = len(full) / (time.monotonic() - began)
        taken, refused = [], []

        async def once() -> None:
            client = Client(server.port)
            await client.connect()
            status, _, seconds = await client.ask(body)
            client.close()
            (taken if status == 200 else refused).append(seconds)

        tasks = []
        for _ in range(int(4 * rate * options.seconds)):
            tasks.append(asyncio.create_task(once()))
            await asyncio.sleep(1 / (4 * rate))
        await asyncio.gather(*tasks)
    print("| load | requests/s offered | answered/s | p50 ms | p99 ms |\n|---|---|---|---|---|")
    print(f"| capacity: 16 clients | {rate:.1f} | {rate:.1f} | {p(full, 0.5):.0f} | {p(full, 0.99):.0f} |")
    answered = len(taken) / options.seconds
    print(f"| 4x | {4 * rate:.1f} | {answered:.1f} | {p(taken, 0.5):.0f} | {p(taken, 0.99):.0f} |")
    late = ", ".join(
        f"{name} {p(refused, q):.0f} ms" for name, q in (("p50", 0.5), ("p99", 0.99), ("last", 1))
    )
    print(f"\nratio of p99 {p(taken, 0.99) / p(full, 0.99):.2f}; {len(refused)} refused by 503 within {late}")


async def slow(bundle: Path, options: argparse.Namespace) -> None:
    body = pictures(1, 64)[0]
    with served(bundle) as server:

        async def good() -> list[float]:
            client = Client(server.port)
            return [(await client.ask(body))[2] for _ in range(options.times)]

        await good()
        alone = await good()
        crowd = [asyncio.create_task(_trickle(server.port, i)) for i in range(500)]
        await asyncio.sleep(2)
        beside = await good()
        still = sum(not task.done() for task in crowd)
        for task in crowd:
            task.cancel()
    print("| one good client | p50 ms | p99 ms |\n|---|---|---|")
    print(f"| alone | {p(alone, 0.5):.2f} | {p(alone, 0.99):.2f} |")
    print(f"| beside 500 slow connections | {p(beside, 0.5):.2f} | {p(beside, 0.99):.2f} |")
    print(f"\nratio of p99 {p(beside, 0.99) / p(alone, 0.99):.2f}; {still} of 500 were still open at the end")


async def _trickle(port: int, i: int) -> None:
    """Send a head or a body a byte a second, and begin again when cut off."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n")
        if i % 2:
            writer.write(b"Content-Length: 5000\r\n\r\n")
        try:
            while not reader.at_eof():
                await asyncio.sleep(1)
                writer.write(b"x" if i % 2 else b"X-A: b\r\n")
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


async def _ask_until_refused(port: int, body: bytes, seen: Counter) -> None:
    """Ask again and again, counting what came, until nobody takes connections any more."""
    connection = Client(port)
    while True:
        try:
            await connection.connect()
        except (ConnectionRefusedError, ConnectionResetError):  # nothing was sent
            return
        try:
            status, _, _ = await connection.ask(body)
            seen[str(status)] += 1
        except (OSError, EOFError) as error:
            seen[f"lost: {type(error).__name__}"] += 1


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def kills(bundle: Path, options: argparse.Namespace) -> None:
    seen, body, rng = Counter(), pictures(1, 64)[0], random.Random(0)
    with served(bundle, "--workers", str(options.workers)) as server:
        ask = (_ask_until_refused(server.port, body, seen) for _ in range(options.clients))
        clients = [asyncio.create_task(one) for one in ask]
        for _ in range(options.times):
            await asyncio.sleep(rng.uniform(5, 6))  # a worker in the place of the last one loads its model
            workers = [pid for pid in started_by(server.pid) if b"spawn_main" in _command(pid)]
            os.kill(rng.choice(workers), signal.SIGKILL)
        await asyncio.sleep(3)
        server.send_signal(signal.SIGTERM)
        await asyncio.gather(*clients)
        code = await asyncio.to_thread(server.wait, 60)
    print(f"{options.times} kills under {options.clients} clients\n\n| outcome | requests |\n|---|---|")
    for outcome, count in sorted(seen.items()):
        print(f"| {outcome} | {count:,} |")
    print(f"| exit status | {code} |")


async def drains(bundle: Path, options: argparse.Namespace) -> None:
    seen, codes, body = Counter(), Counter(), pictures(1, 64)[0]
    for number in range(options.times):
        rng = random.Random(number)
        with served(bundle) as server:
            ask = (_ask_until_refused(server.port, body, seen) for _ in range(options.clients))
            clients = [asyncio.create_task(one) for one in ask]
            await asyncio.sleep(rng.uniform(0.3, 1.0))
            server.send_signal(signal.SIGTERM)
            await asyncio.gather(*clients)
            codes[await asyncio.to_thread(server.wait, 60)] += 1
    print(f"{options.times} drains under {options.clients} clients\n\n| outcome | requests |\n|---|---|")
    for outcome, count in sorted(seen.items()):
        print(f"| {outcome} | {count:,} |")
    print(f"| exit status | {dict(codes)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("mixed", "overload", "slow", "drains", "kills"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1, help="of mixed and kills: processes that serve")
    parser.add_argument("--swap", action="store_true", help="of mixed: another model at half time")
    options = parser.parse_args()
    network = ("resnext50_32x4d", 224) if options.what == "overload" else ("resnext11_8x4d", 32)
    with tempfile.TemporaryDirectory() as folder:
        bundle = random_bundle(Path(folder) / "bundle", *network, CLASSES)
        asyncio.run(globals()[options.what](bundle, options))


if __name__ == "__main__":
    main()
