"""Compiles docs/deploy/client.cpp, answers a run's pictures by it, and compares with the product's answers.

    python benchmarks/native_client.py RUN --include HEADERS [--pictures 100]

HEADERS holds onnxruntime_cxx_api.h and what it includes, from an archive of ONNX Runtime; the library is
that of the Python package. Pictures are decoded as the product does, upright and in sRGB; the exported model
scales them. Ends with status 1 where a label differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from groupwise.data.decode import decode
from groupwise.export.bundle import Terms
from groupwise.export.material import read_material
from groupwise.export.targets import export_run
from groupwise.inference.predictor import load_run
from groupwise.runs.run import Run

CLIENT = Path(__file__).parents[1] / "docs/deploy/client.cpp"


def main() -> None:
    """Compile, ask for each picture, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--include", type=Path, required=True, help="the headers of ONNX Runtime")
    parser.add_argument("--pictures", type=int, default=100)
    arguments = parser.parse_args()
    predictor = load_run(arguments.run)
    shown = read_material(Run.open(arguments.run)).spread(arguments.pictures)
    files = [shown.root / path for path in shown.paths]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "client"
        export_run(arguments.run, "onnx", folder, terms=Terms(with_preprocessing=True))
        program = build(Path(temporary), arguments.include)
        found = [ask(program, folder, file) for file in files]
    answers = [one.answer for one in predictor.predict(files)]
    pairs = list(zip(found, answers, strict=True))
    same = [label == answer.label for (label, _), answer in pairs]
    apart = [abs(value - answer.probabilities[label]) for (label, value), answer in pairs]
    print(
        f"ONNX Runtime {onnxruntime.__version__}: {sum(same)} of {len(files)} labels equal, a probability off"
        f" by {max(apart):.2g} at most and {np.mean(apart):.2g} in the mean"
    )
    sys.exit(not all(same))


def build(work: Path, include: Path) -> Path:
    """The client as a program, linked with the library of the Python package."""
    (held,) = (Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (work / name).symlink_to(held)
    program = work / "program"
    words = ["g++", "-std=c++17", CLIENT, "-I", include, "-L", work, "-lonnxruntime", f"-Wl,-rpath,{work}"]
    subprocess.run([*words, "-o", program], check=True)
    return program


def ask(program: Path, folder: Path, file: Path) -> tuple[str, float]:
    """Label and probability that the program gives a picture."""
    picture = decode(file.read_bytes(), place=file).rgb
    head = f"P6\n{picture.shape[1]} {picture.shape[0]}\n255\n".encode()
    done = subprocess.run([program, folder], input=head + picture.tobytes(), capture_output=True, check=True)
    label, _, value = done.stdout.decode().strip().rpartition(" ")
    return label, float(value)


if __name__ == "__main__":
    main()
