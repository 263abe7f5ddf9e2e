"""Whether the wheel works alone: installed into an empty environment, outside of the clone, an empty home.

    python benchmarks/wheel.py dist/groupwise-0.1.0-py3-none-any.whl

It installs the wheel with `serve`, at the versions of constraints.txt, runs the demo, trains a few epochs on
the demo's digits as a folder of its own, exports a bundle, and has it answer one picture over HTTP. The exit
status is 1 where any of it fails. Some minutes, of which the installation is the most.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
PASSED_ON = ("PATH", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "PIP_FIND_LINKS", "TMPDIR")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args().wheel.resolve()
    with tempfile.TemporaryDirectory() as folder:
        prove(wheel, Path(folder))
    print(f"{wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB): demo, train, export and serve work alone.")


def prove(wheel: Path, here: Path) -> None:
    """Every step in `here`, by the environment's own command."""
    home = here / "home"
    home.mkdir()
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"HOME": str(home)}

    def run(*words: str | Path) -> None:
        print("$", *map(str, words), flush=True)
        subprocess.run([str(word) for word in words], cwd=here, env=environment, check=True)

    run(sys.executable, "-m", "venv", "env")
    run(
        "env/bin/pip",
        "install",
        "--quiet",
        "--constraint",
        CONSTRAINTS,
        f"groupwise[serve] @ {wheel.as_uri()}",
    )
    run("env/bin/groupwise", "demo")
    digits, few = here / "runs" / "demo-digits", ["--training.epochs", "2"]
    run("env/bin/groupwise", "train", digits, "--run", "runs/own", "--recipe", "digits", *few)
    run("env/bin/groupwise", "export", "runs/own", "--to", "bundle", "--out", "bundle")
    picture = next(digits.rglob("*.png"))
    answer(here, environment, picture)


def answer(here: Path, environment: dict[str, str], picture: Path) -> None:
    """Serve the bundle, ask it one picture, and stop it."""
    words = ["env/bin/groupwise", "serve", "bundle", "--port", "0"]
    with subprocess.Popen(
        words, cwd=here, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            assert server.stdout is not None
            url = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
            request = urllib.request.Request(
                f"{url.rstrip('/')}/v1/predict", picture.read_bytes(), {"Content-Type": "image/png"}
            )
            with urllib.request.urlopen(request, timeout=60) as reply:
                print(json.dumps(json.load(reply))[:200])
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
