"""Compares engines on a run's held-out and test images: labels, probabilities, decisions and processor time.

    python benchmarks/engines.py RUN [--forms bundle int8] [--tflite FILE] [--repeats 5] [--batch 16]

Every engine that is installed computes every precision it can be asked for, on the images of `val` and
`test`, one at a time and all at once, against torch (of int8: against ONNX Runtime). Engines take the
processors that they may, so `taskset -c 1` and OMP_NUM_THREADS=1 give one thread. Those that are not in the
environment: pip install --target ENGINES openvino ncnn pnnx mnn tract, and PYTHONPATH=ENGINES. `--tflite`
is the file of `groupwise export RUN --to litert`, for LiteRT.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from groupwise.data.cache import decode_images
from groupwise.distributed.processor import this_processor
from groupwise.errors import GroupwiseError
from groupwise.export.bundle import Terms, torch_outputs
from groupwise.export.engines import ENGINES, Engine, Package, installed_engines, open_engine
from groupwise.export.programs import open_litert
from groupwise.export.reference import References
from groupwise.export.targets import export_run
from groupwise.export.verify import verify_engine
from groupwise.inference.bundle import BundleFiles
from groupwise.inference.predictor import load_run
from groupwise.runs.run import Run

FOLDS = ("val", "test")


def main() -> None:
    """Export, run every engine, and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--forms", nargs="+", choices=("bundle", "int8"), default=["bundle", "int8"])
    parser.add_argument("--tflite", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    arguments = parser.parse_args()
    if arguments.tflite is not None:
        content = arguments.tflite.read_bytes()
        ENGINES["litert"] = Package(
            "ai_edge_litert", ("ai-edge-litert",), lambda _, __: (open_litert(content), "f32")
        )
    print(f"On {this_processor()}\n")
    heads = ("form", "engine", "precision", "labels", "decisions", "logits off", "probabilities off")
    print(f"| {' | '.join(heads)} | ms alone | ms in a batch |")
    print("|---" * (len(heads) + 2) + "|", flush=True)
    for form in arguments.forms:
        with tempfile.TemporaryDirectory() as folder:
            bundle, _ = export_run(
                arguments.run, form, Path(folder) / form, terms=Terms(max_drop=100), replace=True
            )
            compare(arguments.run, BundleFiles.read(bundle), form, arguments.repeats, arguments.batch)


def compare(folder: Path, bundle: BundleFiles, form: str, repeats: int, batch: int) -> None:
    """A row for every engine and precision."""
    predictor, run = load_run(folder), Run.open(folder)
    manifest, split = run.manifest(), run.split()
    rows = [i for fold in FOLDS for i in split.indices(fold)]
    digests = {sample.path: sample.sha256 for sample in manifest.usable}
    names = [split.rows[i].path for i in rows]
    images = decode_images(
        [manifest.root / name for name in names], [digests[name] for name in names], predictor.preprocessing
    )
    compute: Any = partial(torch_outputs, predictor.model)
    if form == "int8":  # of which ONNX Runtime's answers are the ones that were measured
        compute = open_engine("onnxruntime", bundle.model).run
    expected = References.answered(names, images, predictor, compute)
    decide = partial(predictor.decision.answers, reference=predictor.reference)
    for name in installed_engines():
        for precision in ENGINES[name].precisions:
            try:
                engine = open_engine(name, bundle.model, precision)
                found = verify_engine(
                    engine, expected, predictor.preprocessing, decide, model_precision=precision_of(bundle)
                )
            except GroupwiseError as error:
                print(f"| {form} | {name} | {precision} | {error.fact} |" + " |" * 5, flush=True)
                continue
            n = found.pictures
            decisions = {field: k for field, k in found.differ.items() if field != "label"}
            cells = [
                f"{n - found.differ.get('label', 0)} of {n}",
                ", ".join(f"{k} {field}" for field, k in decisions.items()) or "equal",
                f"{found.logit_difference:.1e}",
                f"{found.probability_difference:.1e}",
                *(f"{milliseconds(engine, images, predictor, size, repeats):.2f}" for size in (1, batch)),
            ]
            # Asked for what the processor has not, OpenVINO takes another.
            taken = (
                precision if engine.precision == precision else f"{precision}, taken as {engine.precision}"
            )
            print(f"| {form} | {name} {engine.version} | {taken} | {' | '.join(cells)} |", flush=True)


def precision_of(bundle: BundleFiles) -> str:
    """What weights and activations of a bundle are."""
    return str(bundle.facts["network"]["precision"])


def milliseconds(engine: Engine, images: Any, predictor: Any, size: int, repeats: int) -> float:
    """The median processor time an image of calls of `size` images, which other work disturbs less."""
    batch = predictor.preprocessing.normalise(np.asarray(images[:size]))
    engine.run(batch)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        engine.run(batch)
        times.append((time.process_time() - start) * 1e3 / size)
    return statistics.median(times)


if __name__ == "__main__":
    main()
