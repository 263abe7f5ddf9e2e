#!/bin/bash
# OpenVINO answers wrongly, without a word, for int8 models written with QLinear operators (quantize_static of ONNX Runtime with
# QuantFormat.QOperator; int8 files of the ONNX Model Zoo). It takes the scales of the weights of a QLinearConv, one for each
# channel that comes out, for those of the channels that go in (where the two numbers differ it refuses the model). Its
# QLinearAdd, the sum of a residual block, wraps around past 0 and 255 instead of stopping there, QLinearAveragePool past 0.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, onnx, onnxruntime, openvino
from onnx import TensorProto, helper, numpy_helper
rng = np.random.default_rng(0)
def answers(node, shapes, held, given):
    """What ONNX Runtime and OpenVINO make of one operator."""
    ports = [helper.make_tensor_value_info(n, TensorProto.UINT8, s) for n, s in shapes.items()]
    known = [numpy_helper.from_array(np.asarray(v), k) for k, v in held.items()]
    graph = helper.make_graph([node], "int8", ports[:-1], ports[-1:], known)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    data, core = made.SerializeToString(), openvino.Core()
    network = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return onnxruntime.InferenceSession(data).run(None, given)[0].astype(int), network(list(given.values()))[0].astype(int)
print("OpenVINO", openvino.__version__, "ONNX Runtime", onnxruntime.__version__)
scales = np.float32([0.001, 0.002, 0.004, 0.008])
weights = rng.integers(-127, 128, (4, 4, 1, 1)).astype(np.int8)
x = rng.integers(0, 256, (1, 4, 8, 8)).astype(np.uint8)
held = {"sx": np.float32(0.02), "zx": np.uint8(128), "w": weights, "sw": scales, "zw": np.zeros(4, np.int8), "sy": np.float32(0.05), "zy": np.uint8(128)}
node = helper.make_node("QLinearConv", ["x", "sx", "zx", "w", "sw", "zw", "sy", "zy"], ["y"])
found = answers(node, {"x": x.shape, "y": x.shape}, held, {"x": x})
def by_hand(of_each):
    sums = np.einsum("oc,chw->ohw", weights[:, :, 0, 0] * of_each, x[0] - 128.0) * 0.02
    return np.clip(np.round(sums / 0.05) + 128, 0, 255)
differences = [[int(np.abs(f[0] - by_hand(of_each)).max()) for of_each in (scales[:, None], scales[None])] for f in found]
for name, (out, into) in zip(("ONNX Runtime", "OpenVINO"), differences):
    print(f"QLinearConv, {name}: levels from scales of channels out {out}, from scales of channels in {into}")
as_found = differences[0][0] <= 1 < differences[0][1] and differences[1][1] <= 1 < differences[1][0]
a, b = np.uint8([[[[20, 100, 142, 250]]]]), np.uint8([[[[60, 110, 243, 250]]]])
same = {"s": np.float32(0.02), "z": np.uint8(128)}
node = helper.make_node("QLinearAdd", ["a", "s", "z", "b", "s", "z", "s", "z"], ["y"], domain="com.microsoft")
right, wrong = answers(node, {"a": a.shape, "b": b.shape, "y": a.shape}, same, {"a": a, "b": b})
sums = a.astype(int) + b - 128
print(f"QLinearAdd: exact {sums.ravel().tolist()}, ONNX Runtime {right.ravel().tolist()}, OpenVINO {wrong.ravel().tolist()}")
as_found &= np.array_equal(right, np.clip(sums, 0, 255)) and np.array_equal(wrong, sums % 256) and not np.array_equal(wrong, right)
x = np.uint8([[[[10, 200, 128, 255]]]])
held = {"sx": np.float32(0.02), "zx": np.uint8(128), "sy": np.float32(0.01), "zy": np.uint8(128)}  # a finer scale behind it
node = helper.make_node("QLinearAveragePool", ["x", "sx", "zx", "sy", "zy"], ["y"], domain="com.microsoft", kernel_shape=[1, 1])
right, wrong = answers(node, {"x": x.shape, "y": x.shape}, held, {"x": x})
levels = (x.astype(int) - 128) * 2 + 128
print(f"QLinearAveragePool: exact {levels.ravel().tolist()}, ONNX Runtime {right.ravel().tolist()}, OpenVINO {wrong.ravel().tolist()}")
as_found &= np.array_equal(right, np.clip(levels, 0, 255)) and not np.array_equal(wrong, right)
raise SystemExit(0 if as_found else 1)
P
