#!/bin/bash
# The ReferenceEvaluator of ONNX, by which others check their engines, is wrong for two operators of image classifiers, without a
# word. BatchNormalization of opsets 9 to 13 in its form for inference (one output): it mixes a tenth of the mean and the
# variance of the given batch into the stored ones, so the answer to a picture depends on those beside it. LRN: it looks at
# neighbouring channels for the first channels alone, as many as the batch has pictures, and leaves the others as they are.
# ONNX Runtime follows the operators' definitions. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
rng = np.random.default_rng(0)
x = rng.normal(size=(2, 6, 5, 5)).astype(np.float32) * 2 + 1
scale, bias, mean = rng.normal(size=(3, 6)).astype(np.float32)
variance = rng.uniform(0.5, 1, 6).astype(np.float32)
held = dict(scale=scale, bias=bias, mean=mean, variance=variance)
def answers(node, opset, given):
    names = [name for name in node.input if name in held]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 6, 5, 5]) for n in ("x", "y")]
    graph = helper.make_graph([node], "one", ports[:1], ports[1:], [numpy_helper.from_array(held[n], n) for n in names])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return ReferenceEvaluator(made).run(None, {"x": given})[0], onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": given})[0]
def off(a, b):
    return float(np.abs(a - b).max().round(5))
print("onnx", onnx.__version__, "ONNX Runtime", onnxruntime.__version__)
by_channel = [v.astype(float)[:, None, None] for v in (scale, bias, mean, variance)]
exact = by_channel[0] * (x - by_channel[2]) / np.sqrt(by_channel[3] + 1e-5) + by_channel[1]
node, as_found = helper.make_node("BatchNormalization", ["x", "scale", "bias", "mean", "variance"], ["y"]), True
for opset in (9, 13, 14, 20):
    (reference, runtime), (alone, _) = answers(node, opset, x), answers(node, opset, x[:1])
    errors, beside = (off(reference, exact), off(runtime, exact)), off(alone[0], reference[0])
    print(f"BatchNormalization, opset {opset}: the reference is off by {errors[0]}, ONNX Runtime by {errors[1]}; "
          f"the first picture alone or beside another, by the reference: {beside} apart")
    as_found &= errors[1] < 1e-4 and (min(errors[0], beside) > 0.01) == (opset < 14) and (opset < 14 or max(errors[0], beside) < 1e-4)
size, alpha, beta = 3, 0.5, 0.75
squares = np.pad(x.astype(float) ** 2, ((0, 0), (1, 1), (0, 0), (0, 0)))
sums = sum(squares[:, k : k + 6] for k in range(size))
exact = x / (1 + alpha / size * sums) ** beta
reference, runtime = answers(helper.make_node("LRN", ["x"], ["y"], size=size, alpha=alpha, beta=beta, bias=1.0), 13, x)
channels = np.abs(reference - exact).max(axis=(0, 2, 3)).round(3).tolist()
untouched = [c for c in range(6) if np.array_equal(reference[:, c], x[:, c])]
print(f"LRN of 2 pictures, 6 channels: the reference is off by {channels}, ONNX Runtime by {off(runtime, exact)}; returned as they came: {untouched}")
raise SystemExit(0 if as_found and off(runtime, exact) < 1e-4 and max(channels[:2]) < 1e-3 and untouched == [2, 3, 4, 5] else 1)
P
