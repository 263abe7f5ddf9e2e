"""Compares engines on a run's held-out and test images: labels, probabilities, decisions and processor time.

    python benchmarks/engines.py RUN [--forms bundle int8] [--converted FILE ...] [--older PYTHON ...]
                                 [--repeats 5] [--batch 16]

Every engine that is installed computes every precision it can be asked for, on the images of `val` and
`test`, one at a time and all at once, against torch (of int8: against ONNX Runtime). Engines take the
processors that they may, so `taskset -c 1` and OMP_NUM_THREADS=1 give one thread. Those that are not in the
environment: pip install --target ENGINES openvino ncnn pnnx mnn tract, and PYTHONPATH=ENGINES. `--converted`
names what `groupwise export RUN --to litert` and `--to executorch` wrote, `model.tflite` and `model.pte`;
`--forms` without a word leaves out the others. `--older` names the Python of an environment with another ONNX
Runtime, such as one that knows no numpy of today: pip install onnxruntime==1.18.1 "numpy<2".
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import Images, decode_images
from groupwise.distributed.processor import this_processor
from groupwise.errors import GroupwiseError
from groupwise.export.bundle import Terms, torch_outputs
from groupwise.export.engines import ENGINES, Engine, engines_of, installed_engines, open_engine
from groupwise.export.reference import References
from groupwise.export.targets import export_run
from groupwise.export.verify import verify_engine
from groupwise.inference.bundle import MODEL, BundleFiles
from groupwise.inference.predictor import Predictor, load_run
from groupwise.runs.run import Run

FOLDS = ("val", "test")
# Says its version, then answers every batch on its input with logits and features.
CHILD = """
import sys, pickle, numpy as np, onnxruntime
given, told = sys.stdin.buffer, sys.stdout.buffer
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
answer = onnxruntime.__version__
while True:
    pickle.dump(answer, told)
    told.flush()
    shape, content = pickle.load(given)
    images = np.frombuffer(content, np.float32).reshape(shape)
    answer = [one.tolist() for one in session.run(["logits", "features"], {"images": images})]
"""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Images of a run with the answers that count, and how often an engine is timed on them."""

    predictor: Predictor
    names: list[str]
    images: Images
    repeats: int
    batch: int

    def expected(self, compute: Any) -> References:
        """What `compute` answers to the images."""
        return References.answered(self.names, self.images, self.predictor, compute)

    def print_row(
        self, form: str, engine: Engine, expected: References, network: str, *, timed: bool = True
    ) -> None:
        """What an engine answers to all of them, in the precision that it took."""
        known = self.predictor
        decide = partial(known.decision.answers, reference=known.reference)
        found = verify_engine(engine, expected, known.preprocessing, decide, model_precision=network)
        n, differ = found.pictures, dict(found.differ)
        cells = [
            f"{n - differ.pop('label', 0)} of {n}",
            ", ".join(f"{k} {field}" for field, k in differ.items()) or "equal",
            f"{found.logit_difference:.1e}",
            f"{found.probability_difference:.1e}",
            *(f"{self.milliseconds(engine, size):.2f}" if timed else "" for size in (1, self.batch)),
        ]
        named = (form, f"{engine.name} {engine.version}", engine.precision)
        print(f"| {' | '.join((*named, *cells))} |", flush=True)

    def milliseconds(self, engine: Engine, size: int) -> float:
        """The median processor time an image of calls of `size` images, which other work disturbs less."""
        batch = self.predictor.preprocessing.normalise(np.asarray(self.images[:size]))
        engine.run(batch)
        times = []
        for _ in range(self.repeats):
            start = time.process_time()
            engine.run(batch)
            times.append((time.process_time() - start) * 1e3 / size)
        return statistics.median(times)


def main() -> None:
    """Export, run every engine, and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--forms", nargs="*", choices=("bundle", "int8"), default=["bundle", "int8"])
    parser.add_argument("--converted", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("--older", nargs="+", type=Path, default=[], metavar="PYTHON")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    arguments = parser.parse_args()
    comparison = read(arguments.run, arguments.repeats, arguments.batch)
    print(f"On {this_processor()}\n")
    heads = ("form", "engine", "precision", "labels", "decisions", "logits off", "probabilities off")
    print(f"| {' | '.join(heads)} | ms alone | ms in a batch |")
    print("|---" * (len(heads) + 2) + "|", flush=True)
    for form in arguments.forms:
        with tempfile.TemporaryDirectory() as folder:
            bundle, _ = export_run(
                arguments.run, form, Path(folder) / form, terms=Terms(max_drop=100), replace=True
            )
            compare(comparison, BundleFiles.read(bundle), form)
            for python in arguments.older:
                compare_older(comparison, BundleFiles.read(bundle), form, python)
    for file in arguments.converted:
        compare_converted(comparison, file)


def read(folder: Path, repeats: int, batch: int) -> Comparison:
    """The images of `val` and `test`, as the network sees them."""
    predictor, run = load_run(folder), Run.open(folder)
    manifest, split = run.manifest(), run.split()
    digests = {sample.path: sample.sha256 for sample in manifest.usable}
    names = [split.rows[i].path for fold in FOLDS for i in split.indices(fold)]
    images = decode_images(
        [manifest.root / name for name in names], [digests[name] for name in names], predictor.preprocessing
    )
    return Comparison(predictor, names, images, repeats, batch)


def compare(comparison: Comparison, bundle: BundleFiles, form: str) -> None:
    """A row for every engine and precision; of int8 ONNX Runtime's answers count, which were measured."""
    network = str(bundle.facts["network"]["precision"])
    expected = comparison.expected(compute_of(comparison, bundle, form))
    for name in installed_engines():
        for precision in ENGINES[name].precisions:
            try:
                engine = open_engine(name, bundle.model, precision)
                if engine.precision != precision:  # asked for what the processor has not
                    engine = replace(engine, precision=f"{precision}, taken as {engine.precision}")
                comparison.print_row(form, engine, expected, network)
            except GroupwiseError as error:
                print(f"| {form} | {name} | {precision} | {error.fact} |" + " |" * 5, flush=True)


def compute_of(comparison: Comparison, bundle: BundleFiles, form: str) -> Any:
    """Whose answers count."""
    if form == "int8":
        return open_engine("onnxruntime", bundle.model).run
    return partial(torch_outputs, comparison.predictor.model)


def compare_older(comparison: Comparison, bundle: BundleFiles, form: str, python: Path) -> None:
    """A row for the ONNX Runtime of another environment, whose time is none of this process."""
    network = str(bundle.facts["network"]["precision"])
    with older_engine(python, bundle.folder / MODEL) as engine:
        expected = comparison.expected(compute_of(comparison, bundle, form))
        comparison.print_row(form, engine, expected, network, timed=False)


@contextmanager
def older_engine(python: Path, model: Path) -> Iterator[Engine]:
    """ONNX Runtime as another interpreter has it."""
    with subprocess.Popen(
        [python, "-c", CHILD, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        given, told = child.stdin, child.stdout
        found = pickle.load(told)

        def forward(images: Images) -> tuple[Any, Any]:
            pickle.dump((images.shape, np.ascontiguousarray(images).tobytes()), given)
            given.flush()
            logits, features = (np.array(one, np.float32) for one in pickle.load(told))
            return logits, features

        yield Engine("onnxruntime", found, "f32", forward)
        child.terminate()


def compare_converted(comparison: Comparison, file: Path) -> None:
    """A row for a file that was converted from torch, in the engine of its kind."""
    (name,) = engines_of(file.name)
    expected = comparison.expected(partial(torch_outputs, comparison.predictor.model))
    comparison.print_row(f"--to {name}", open_engine(name, file.read_bytes()), expected, "float32")


if __name__ == "__main__":
    main()
