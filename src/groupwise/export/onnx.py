"""ONNX: one file with a free batch size."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import torch

from groupwise.errors import GroupwiseError
from groupwise.export.network import LANES, ExportedNetwork, widen_groups
from groupwise.export.probe import probe_model
from groupwise.models.ensemble import Network, trained_networks

OPSET = 20
OUTPUTS = ("logits", "features", "maps")


def export_onnx(model: Network, image_size_px: int, *, lanes: int = LANES) -> bytes:
    """The network as an ONNX model: `images` (N, C, S, S), normalised, to `OUTPUTS`, of any N.

    `lanes` is what `widen_groups` takes.
    """
    trained = trained_networks(model)
    if not trained:
        return probe_model(model)
    network = ExportedNetwork(widen_groups(model, lanes)).eval()
    channels = trained[0].config.in_channels
    # A batch of one would be taken for a constant.
    example = torch.zeros(2, channels, image_size_px, image_size_px)
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=list(OUTPUTS),
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                verbose=False,
            )
        except ImportError as error:
            raise missing_package(error) from None
    assert program is not None
    content: bytes = program.model_proto.SerializeToString()
    return content


def missing_package(error: ImportError) -> GroupwiseError:
    """What to say where a package of the extra `export` is missing."""
    return GroupwiseError(
        f"{error.name} is not installed",
        place="export",
        remedy="Install it: pip install 'groupwise[export]'",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks on its own workings from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
