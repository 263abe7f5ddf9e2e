"""Breaks the headers of TIFF, OME and DICOM files at random, and reads what is left.

    python benchmarks/mutate.py [--files 20000] [--seed 0]

Every file of the tests' corpus in turn has one to eight bytes of its head or its end replaced, or is cut.
Each has to be read or refused by one `UndecodableImage`, within 5 seconds of processor time and 1 GiB; child
processes read them, so that a crash of a decoder is counted and ends nothing else. No broken file is kept.
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
MOST_MIB = 1024
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


def read_files(start: int, stop: int, seed: int, channel: multiprocessing.connection.Connection) -> None:
    """Read the files of these numbers, and send what became of each: a word, and the memory grown in MiB."""
    warnings.simplefilter("ignore")
    files = seeds()
    reading = Preprocessing().reading
    for i in range(start, stop):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        data = broken(files[i % len(files)], np.random.default_rng((seed, i)))
        begin = time.process_time()  # not by the clock: the machine may be busy
        try:
            decode(data, reading=reading)
            word = "read"
        except UndecodableImage as error:
            word = error.code
        except BaseException as error:
            word = f"RAISED {type(error).__name__} at {i}"
        seconds = time.process_time() - begin
        grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most) >> 10
        if seconds > SLOW_S:
            word = f"SLOW at {i}"
        if grown_mib > MOST_MIB:
            word = f"LARGE at {i}"
        channel.send((word, seconds, grown_mib))


def read_in_child(start: int, stop: int, seed: int) -> tuple[list[tuple[str, float, int]], int]:
    """What `read_files` sent before it ended, and the exit status of its process."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=read_files, args=(start, stop, seed, theirs))
    child.start()
    theirs.close()
    told = []
    try:
        while True:
            told.append(ours.recv())
    except EOFError:
        child.join()
    return told, child.exitcode or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    words: Counter[str] = Counter()
    slowest, largest, done = 0.0, 0, 0
    while done < arguments.files:
        told, status = read_in_child(done, min(done + BATCH, arguments.files), arguments.seed)
        for word, seconds, grown_mib in told:
            words[word] += 1
            slowest, largest = max(slowest, seconds), max(largest, grown_mib)
        done += len(told)
        if status:  # go on behind the file that ended it
            words[f"CRASH {status} at {done}"] += 1
            done += 1
        print(f"{done} files, the slowest {slowest:.1f} s, memory grown by {largest} MiB at most", flush=True)
    for word, count in words.most_common():
        print(f"{count:6} {word}")


if __name__ == "__main__":
    main()
