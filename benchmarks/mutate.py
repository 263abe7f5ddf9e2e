"""Breaks the headers of TIFF, OME and DICOM files at random, and reads what is left.

    python benchmarks/mutate.py [--files 20000] [--seed 0]

Every file of the tests' corpus in turn has one to eight bytes of its head or its end replaced, or is cut.
Each has to be read or refused by one `UndecodableImage`, within 5 seconds and 1 GiB; a child process reads a
thousand of them, so that a crash of a decoder is counted and ends nothing else. No broken file is kept.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from groupwise.data.decode import Preprocessing, UndecodableImage, decode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from pixels_case import UNDECLARED, containers, deepen, picture, write_tiff

BATCH = 1000
SLOW_S = 5.0
HEAD_BYTES = 700


def seeds() -> list[bytes]:
    """The sound files, stacks among them."""
    planes = deepen(picture(), 16).transpose(2, 0, 1)
    stacks = [
        write_tiff(planes, imagej=True, metadata={"axes": "CYX"}),
        write_tiff(planes, ome=True, photometric="minisblack", metadata={"axes": "CYX"}),
    ]
    return [data for data, _ in containers().values()] + [write() for write in UNDECLARED.values()] + stacks


def broken(data: bytes, rng: np.random.Generator) -> bytes:
    """The file with a few bytes of its head or its end replaced, or cut."""
    content = bytearray(data)
    reach = min(len(content), HEAD_BYTES)
    for _ in range(rng.integers(1, 9)):
        place = rng.integers(0, reach)
        at = place if rng.random() < 0.7 else len(content) - 1 - place
        content[at] = rng.choice([0, 1, 127, 255, rng.integers(0, 256)])
    return bytes(content[: rng.integers(1, len(content))] if rng.random() < 0.1 else content)


def read_batch(number: int, seed: int, channel: multiprocessing.connection.Connection) -> None:
    """Read one batch, and send what became of it, one word a file."""
    warnings.simplefilter("ignore")
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = seeds()
    reading = Preprocessing().reading
    for i in range(number * BATCH, (number + 1) * BATCH):
        data = broken(files[i % len(files)], np.random.default_rng((seed, i)))
        start = time.process_time()  # not by the clock: the machine may be busy
        try:
            decode(data, reading=reading)
            word = "read"
        except UndecodableImage as error:
            word = error.code
        except BaseException as error:
            word = f"RAISED {type(error).__name__} at {i}"
        if time.process_time() - start > SLOW_S:
            word = f"SLOW at {i}"
        channel.send(word)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) >> 10
    channel.send(f"grown {grown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    words: Counter[str] = Counter()
    grown_mib = 0
    for number in range(-(-arguments.files // BATCH)):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(
            target=read_batch, args=(number, arguments.seed, theirs)
        )
        child.start()
        theirs.close()
        told = 0
        try:
            while True:
                word = ours.recv()
                if word.startswith("grown"):
                    grown_mib = max(grown_mib, int(word.split()[1]))
                else:
                    told += 1
                    words[word] += 1
        except EOFError:
            child.join()
        if child.exitcode:
            words[f"CRASH {child.exitcode} at {number * BATCH + told}"] += 1
        print(f"{(number + 1) * BATCH} files, memory grown by at most {grown_mib} MiB", flush=True)
    for word, count in words.most_common():
        print(f"{count:6} {word}")


if __name__ == "__main__":
    main()
