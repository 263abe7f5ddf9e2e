"""Exchanges a server's model again and again, and says what its process holds and what it uses of that.

    python benchmarks/serve_swaps.py [--swaps 8] [--keep]

In one process, without HTTP: pictures go through the server's own `Batcher`, whose model is exchanged between
two of random weights as `serve --watch` does. Resident memory stands beside what glibc's allocator counts as
in use and as free; the first may grow while the second stays. `--keep` leaves out what returns the free part.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from served import pictures, random_bundle

CLASSES = tuple("abcdefghij")
AT_ONCE = 16


class Mallinfo2(ctypes.Structure):
    """What glibc's allocator counts, in bytes."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def main() -> None:
    """Make the bundles in a process of their own, which loads torch, and exchange them in this one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=480, help="answered between two exchanges")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make is not None:
        for seed, name in enumerate("ab"):
            random_bundle(arguments.make / name, "resnext11_8x4d", 32, CLASSES, seed=seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--make", folder], check=True)
        asyncio.run(exchange(Path(folder), arguments))


async def exchange(folder: Path, arguments: argparse.Namespace) -> None:
    """One row after each exchange."""
    from groupwise.distributed.allocator import give_back_memory
    from groupwise.inference.bundle import open_bundle
    from groupwise.serving.batching import Batcher

    files, loop = pictures(40, 256), asyncio.get_running_loop()
    batcher = Batcher(open_bundle(folder / "a"))
    print("| models before | resident MB | in use MB | free MB |\n|---|---|---|---|")
    for swap in range(arguments.swaps + 1):
        if swap:
            batcher.predictor = await loop.run_in_executor(None, open_bundle, folder / "ab"[swap % 2])
        for start in range(0, arguments.pictures, AT_ONCE):
            await asyncio.gather(*(batcher.answer(files[(start + i) % 40]) for i in range(AT_ONCE)))
            if start == 0 and swap and not arguments.keep:
                give_back_memory()
        print(f"| {swap} | {' | '.join(f'{value:.1f}' for value in held_mb())} |", flush=True)
    batcher.close()


def held_mb() -> tuple[float, float, float]:
    """Resident memory, what the allocator counts as in use, and as free."""
    gc.collect()
    libc = ctypes.CDLL("libc.so.6")
    libc.mallinfo2.restype = Mallinfo2
    counted = libc.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    return resident / 1e6, (counted.uordblks + counted.hblkhd) / 1e6, counted.fordblks / 1e6


if __name__ == "__main__":
    main()
