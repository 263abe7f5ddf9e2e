"""Lets schemathesis invent requests from the server's own OpenAPI description, and prints what it found.

    python benchmarks/serve_schema.py --examples 10000      # as many cases, about 15 minutes

Every answer must be one that the description names, of the shape it names, and none a 5xx but 503.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from served import random_bundle, served

# Left out: what it calls a wrong request is often a right one here, since any bytes may be an image's.
LEFT_OUT = "negative_data_rejection,positive_data_acceptance"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=3000, help="cases an operation and phase")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundle = random_bundle(Path(folder), "resnext11_8x4d", 32, ("a", "b"))
        with served(bundle) as server:
            command = ["-m", "schemathesis.cli", "run", f"http://127.0.0.1:{server.port}/openapi.json"]
            limits = ["--max-examples", str(options.examples), "--exclude-checks", LEFT_OUT]
            done = subprocess.run(
                [sys.executable, *command, *limits, "--seed", str(options.seed), "--no-color"], cwd=folder
            )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
