"""Engines of telephones: LiteRT and ExecuTorch, each with a file of its own, one image at a time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from groupwise.export.converted import Opened, silent
from groupwise.stats.arrays import Floats32

LITERT_MODEL, EXECUTORCH_MODEL = "model.tflite", "model.pte"


def open_litert(model: bytes, _: str) -> Opened:
    """A file of LiteRT."""
    with quiet():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
    (given,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    logits, features, _maps = sorted(outputs, key=lambda one: one["name"])

    def forward_one(image: Floats32) -> list[Floats32]:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        return [interpreter.get_tensor(one["index"])[0].copy() for one in (logits, features)]

    return one_by_one(forward_one)


def open_executorch(model: bytes, _: str) -> Opened:
    """A file of ExecuTorch, whose runtime takes tensors of torch."""
    import torch

    with quiet():
        from executorch.runtime import Runtime

        program = Runtime.get().load_program(model)
        method = program.load_method("forward")
    assert method is not None

    def forward_one(image: Floats32, _kept: object = (model, program)) -> list[Floats32]:
        # The method reads the file's own bytes, and the process ends where they are gone.
        found = method.execute([torch.from_numpy(np.ascontiguousarray(image[None]))])
        return [one.numpy()[0].copy() for one in found[:2]]

    return one_by_one(forward_one)


def one_by_one(forward_one: Callable[[Floats32], list[Floats32]]) -> Opened:
    """What answers batches by an engine that takes one image."""

    def forward(images: Floats32) -> tuple[Floats32, Floats32]:
        logits, features = zip(*map(forward_one, images), strict=True)
        return np.stack(logits), np.stack(features)

    return forward, "f32"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what converters and engines say of their own workings from the user."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), silent(1, 2):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
