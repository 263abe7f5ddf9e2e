"""A probe as one ONNX graph: its frozen features, and its head behind them."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor

from groupwise.errors import UsageError
from groupwise.models.ensemble import Ensemble, Network, networks_of
from groupwise.models.feature_graph import FEATURES, FLOAT, MAPS
from groupwise.models.onnx_files import onnx_packages
from groupwise.models.probe import Probe


def probe_model(model: Network) -> bytes:
    """The graph of a probe, or of several over the same features whose probabilities are averaged."""
    onnx, _ = onnx_packages("export")
    probes = [cast(Probe, net) for net in networks_of(model)]
    if any(probe.model != probes[0].model for probe in probes):
        raise UsageError(
            "probes of different features are no one graph", place="export", remedy="Export one of them."
        )
    whole = onnx.load_model_from_string(probes[0].model)
    graph, outputs = whole.graph, list(whole.graph.output)
    features, maps = (next(one for one in outputs if one.name == name) for name in (FEATURES, MAPS))
    add = _Adding(onnx, graph)
    if isinstance(model, Ensemble):
        names = [
            add.linear(FEATURES, probe.fc.weight / temperature, probe.fc.bias / temperature, f"member_{i}")
            for i, (probe, temperature) in enumerate(zip(probes, model.temperatures, strict=True))
        ]
        if model.several:
            add.mean_of_label_probabilities(names)
        else:
            add.mean_of_probabilities(names)
        features, maps = (add.repeated(name, len(probes)) for name in (FEATURES, MAPS))
    else:
        add.linear(FEATURES, probes[0].fc.weight, probes[0].fc.bias, "logits")
    logits = onnx.helper.make_tensor_value_info("logits", FLOAT, ["batch", len(probes[0].fc.bias)])
    del graph.output[:]
    graph.output.extend([logits, features, maps])
    content: bytes = whole.SerializeToString()
    return content


class _Adding:
    """Nodes and constants added to a graph, each by the name of what it gives."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self._onnx, self._graph = onnx, graph

    def linear(self, taken: str, weight: Tensor, bias: Tensor, name: str) -> str:
        constants = [
            self._constant(f"{name}_{part}", value.detach().float().numpy())
            for part, value in (("weight", weight), ("bias", bias))
        ]
        return self._node("Gemm", [taken, *constants], name, transB=1)

    def mean_of_probabilities(self, scores: list[str]) -> None:
        """`logits`: the logarithm of the mean of the softmaxes of these scores."""
        logs = [self._node("LogSoftmax", [name], f"{name}_log", axis=1) for name in scores]
        count = self._constant("members_count", np.array(math.log(len(scores)), np.float32))
        self._node("Sub", [self._log_sum(logs, "members"), count], "logits")

    def mean_of_label_probabilities(self, scores: list[str]) -> None:
        """`logits`: those of the mean of the sigmoids of these scores, log of mean p over mean 1 - p."""
        over = [self._node("Softplus", [name], f"{name}_over") for name in scores]
        no = [self._node("Neg", [name], f"{name}_no") for name in over]
        yes = [self._node("Add", [name, log], f"{name}_yes") for name, log in zip(scores, no, strict=True)]
        self._node("Sub", [self._log_sum(yes, "yes"), self._log_sum(no, "no")], "logits")

    def _log_sum(self, logs: list[str], name: str) -> str:
        """The logarithm of the sum of exponentials of outputs of one shape, which are added one by one.

        log(exp a + exp b) = max(a, b) + softplus(-|a - b|). Of ReduceLogSumExp OpenVINO passes over the axes,
        in opsets 13 to 17.
        """
        total = logs[0]
        for number, log in enumerate(logs[1:], start=1):
            at = f"{name}_{number}"
            apart = self._node("Abs", [self._node("Sub", [total, log], f"{at}_less")], f"{at}_apart")
            rest = self._node("Softplus", [self._node("Neg", [apart], f"{at}_nearer")], f"{at}_rest")
            total = self._node("Add", [self._node("Max", [total, log], f"{at}_more"), rest], f"{at}_sum")
        return total

    def repeated(self, name: str, times: int) -> Any:
        """The output `name` once for each of so many members, in its place."""
        one = f"{name}_once"
        for node in self._graph.node:
            for names in (node.input, node.output):
                names[:] = [one if other == name else other for other in names]
        self._node("Concat", [one] * times, name, axis=1)
        before = next(output for output in self._graph.output if output.name == name)
        kept = self._onnx.ValueInfoProto()
        kept.CopyFrom(before)
        return kept

    def _node(self, kind: str, taken: list[str], name: str, **attributes: Any) -> str:
        self._graph.node.append(self._onnx.helper.make_node(kind, taken, [name], **attributes))
        return name

    def _constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self._graph.initializer.append(self._onnx.numpy_helper.from_array(value, name))
        return name
