"""Every command of the pages in docs/start, in order, in an empty folder and an empty home.

    python benchmarks/start_pages.py [--pages student practitioner reviewer] [--folder FOLDER]

Printed are exit status, seconds on the processor and last line of each; the exit status is 1 where
a command failed. The pages share the folder, and a demo that is there is not trained again. Some minutes on
two free cores.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "docs" / "start"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    """The words of each command of a page, without comments."""
    lines = "".join(BLOCK.findall(page.read_text(encoding="utf-8"))).splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def run(words: list[str], folder: Path) -> tuple[int, float, str]:
    """Exit status, processor seconds and the last line of one command."""
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "OMP_NUM_THREADS") if name in os.environ
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=kept | {"HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode, took, said[-1] if said else ""


def prove(pages: list[str], folder: Path) -> bool:
    """Run the pages; whether every command went well."""
    (folder / "home").mkdir(exist_ok=True)
    fine = True
    for name in pages:
        for words in commands(PAGES / f"{name}.md"):
            if words == ["groupwise", "demo"] and (folder / "runs/demo/report.html").exists():
                continue
            status, took, said = run(words, folder)
            fine = fine and status == 0
            print(f"{name}: {shlex.join(words)}\n  {status}, {took:.1f} s: {said}", flush=True)
    return fine


def main() -> None:
    """Run them in a folder that goes, or in one that is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", nargs="+", default=["student", "practitioner", "reviewer"])
    parser.add_argument("--folder", type=Path, help="an empty folder that is kept")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        sys.exit(not prove(arguments.pages, arguments.folder))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(not prove(arguments.pages, Path(folder)))


if __name__ == "__main__":
    main()
