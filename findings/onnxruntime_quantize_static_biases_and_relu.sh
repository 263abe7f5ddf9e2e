#!/bin/bash
# quantize_static of ONNX Runtime writes int8 models that are not the network, without a word. In its usual form (QDQ) the factor
# `beta` of a Gemm's bias is lost: for 0.25 the bias counts once, and with the usual graph optimisation 4 times. With
# QuantFormat.QOperator it counts 4 times too; a bias that two convolutions read, as of one network that sees two pictures, gets
# the scale of the first for both; and a ReLU or Clip behind a convolution is left out if its maps are read elsewhere too, as in a
# residual block that acts before it convolves (for signed numbers known since 2021). QDQ is right in these two.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
PYTHONPATH="$D" D="$D" python3 - <<'P'
import logging, os
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
logging.disable()
rng, node, folder = np.random.default_rng(0), helper.make_node, os.environ["D"]
class Pictures(CalibrationDataReader):
    """Each picture once, by itself: the same as are compared below, so that all ranges hold."""
    def __init__(self, feed):
        self.feeds = iter([{name: v[i : i + 1] for name, v in feed.items()} for i in range(len(feed["x"]))])
    def get_next(self):
        return next(self.feeds, None)
def numbers(*shape):
    return rng.normal(size=shape).astype(np.float32)
def answers(nodes, feed, wide, **held):
    """What the network answers, and by format its int8 form, read without optimisation and with."""
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", *v.shape[1:]]) for n, v in feed.items()]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", *wide])
    made = helper.make_model(helper.make_graph(nodes, "network", ports, [out], [numpy_helper.from_array(np.asarray(v), n) for n, v in held.items()]),
                             opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    source, target, found = os.path.join(folder, "network.onnx"), os.path.join(folder, "int8.onnx"), {}
    onnx.save(made, source)
    for form in (QuantFormat.QDQ, QuantFormat.QOperator):
        quantize_static(source, target, Pictures(feed), quant_format=form, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        plain = onnxruntime.SessionOptions()
        plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        found[form.name] = [onnxruntime.InferenceSession(target, options).run(None, feed)[0] for options in (plain, onnxruntime.SessionOptions())]
    return onnxruntime.InferenceSession(source).run(None, feed)[0], found
rows, maps = {"x": numbers(64, 8)}, {"x": numbers(16, 8, 8, 8)}
rows["x"][0] *= 4  # so that no other row meets the end of a range
matrix, kernels, others, bias = numbers(5, 8), numbers(8, 8, 3, 3) / 4, numbers(8, 8, 3, 3) / 4, numbers(8) * 2
around = {"pads": [1] * 4}
two = {"x": numbers(16, 8, 8, 8), "brighter": numbers(16, 8, 8, 8) * 10}
acts = {"Relu": node("Relu", ["a"], ["acted"]), "Clip": node("Clip", ["a", "low", "high"], ["acted"])}
cases = {}  # what it is: (nodes, input, shape of the output, constants, forms that err)
for beta in (1.0, 0.25):
    cases[f"Gemm, beta {beta:g}"] = ([node("Gemm", ["x", "w", "b"], ["y"], transB=1, beta=beta)], rows, [5], {"w": matrix, "b": bias[:5] / 4}, () if beta == 1 else ("QDQ", "QOperator"))
for second in ("b", "c"):
    branches = [node("Conv", ["x", "w", "b"], ["first"], **around), node("Conv", ["brighter", "w", second], ["second"], **around), node("Concat", ["first", "second"], ["y"], axis=1)]
    held = {"w": kernels, "b": bias} | ({"c": bias} if second == "c" else {})
    cases[f"two convolutions, {'one bias' if second == 'b' else 'the bias twice'}"] = (branches, two, [16, 8, 8], held, ("QOperator",) if second == "b" else ())
for name, act in acts.items():
    for read_twice in (True, False):
        tail = [node("Conv", ["acted", "v"], ["branch"], **around), node("Add", ["branch", "a"], ["y"])] if read_twice else [node("Conv", ["acted", "v"], ["y"], **around)]
        held = {"w": kernels, "v": others, "b": bias / 2} | ({"low": np.float32(0), "high": np.float32(6)} if name == "Clip" else {})
        cases[f"{name} behind maps read {'twice' if read_twice else 'once'}"] = ([node("Conv", ["x", "w", "b"], ["a"], **around), act, *tail], maps, [8, 8, 8], held, ("QOperator",) if read_twice else ())
print("ONNX Runtime", onnxruntime.__version__, "onnx", onnx.__version__)
as_found = True
for what, (nodes, feed, wide, held, err) in cases.items():
    exact, found = answers(nodes, feed, wide, **held)
    for form, values in found.items():
        off = [float(np.sqrt(((value - exact) ** 2).mean()) / exact.std()) for value in values]
        print(f"{what}, {form}: off by {off[0]:.1%} of the spread, with graph optimisation {off[1]:.1%}")
        as_found &= min(off) > 0.1 if form in err else max(off) < 0.06
    if "beta" in what:
        small = held["b"]
        counts = {form: [float((value - rows["x"] @ matrix.T)[1:].mean(axis=0) @ small / (small @ small)) for value in values] for form, values in found.items()}
        print(f"{what}: the bias counts", ", ".join(f"{form} {plain:.2f} and {optimised:.2f} times" for form, (plain, optimised) in counts.items()))
        wanted = {"QDQ": [1, 1], "QOperator": [1, 1]} if what == "Gemm, beta 1" else {"QDQ": [1, 4], "QOperator": [4, 4]}
        as_found &= all(np.allclose(counts[form], wanted[form], atol=0.2) for form in wanted)
raise SystemExit(0 if as_found else 1)
P
