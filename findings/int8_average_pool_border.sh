#!/bin/bash
# Two engines average wrongly at the border of an int8 picture, without a word, where AveragePool counts its padding
# (count_include_pad=1, as torch exports every AvgPool2d that is not told otherwise). OpenVINO takes integer 0 for the padding
# where the real number 0 is the zero point, so that it counts as the lowest value there is. ONNX Runtime, where ceil_mode lets
# the last window stick out, divides by the whole window, so that half or a quarter of the average is left; in float, and
# without its graph optimisations, it does not. Each is right where the other errs. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, onnx, onnxruntime, openvino
from onnx import TensorProto, helper, numpy_helper
scale, zero = np.float32(0.02), np.uint8(128)
x = np.random.default_rng(0).uniform(1, 2.5, (1, 8, 7, 7)).astype(np.float32)
levels = np.round(x / scale).astype(int)  # above the zero point
def model(attributes, side):
    """An average in QDQ form, as quantize_static of ONNX Runtime writes it."""
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in (("scale", scale), ("zero", zero))]
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]), helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
             helper.make_node("AveragePool", ["d"], ["p"], count_include_pad=1, strides=[2, 2], **attributes),
             helper.make_node("QuantizeLinear", ["p", "scale", "zero"], ["r"]), helper.make_node("DequantizeLinear", ["r", "scale", "zero"], ["y"])]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8, s, s]) for n, s in (("x", 7), ("y", side))]
    made = helper.make_model(helper.make_graph(nodes, "int8", ports[:1], ports[1:], held), opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()
def by_onnxruntime(data, optimised=True):
    options = onnxruntime.SessionOptions()
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(data, options).run(None, {"x": x})[0]
def by_openvino(data):
    core = openvino.Core()
    return core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
def windows(values, size):
    """The sums over windows of `size`, two apart."""
    return sum(values[:, :, i : i + 7 : 2, j : j + 7 : 2][:, :, :4, :4] for i in range(size) for j in range(size))
padded = lambda filling: np.pad(levels, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=filling)
beyond = lambda values: np.pad(values, ((0, 0), (0, 0), (0, 1), (0, 1)))
cases = {
    "3x3, padding 1": (dict(kernel_shape=[3, 3], pads=[1] * 4), windows(padded(0), 3) / 9, windows(padded(-128), 3) / 9),
    "2x2, ceil_mode": (dict(kernel_shape=[2, 2], ceil_mode=1), windows(beyond(levels), 2) / windows(beyond(np.ones_like(levels)), 2), windows(beyond(levels), 2) / 4),
}
print("ONNX Runtime", onnxruntime.__version__, "OpenVINO", openvino.__version__)
runs = {"ONNX Runtime": by_onnxruntime, "ONNX Runtime, not optimised": lambda data: by_onnxruntime(data, False), "OpenVINO": by_openvino}
as_found = True
for case, (attributes, exact, mistaken) in cases.items():
    data = model(attributes, 4)
    for name, run in runs.items():
        found = np.asarray(run(data)) / scale
        off, off_mistaken = (float(np.abs(found - np.maximum(one, -128)).max()) for one in (exact, mistaken))
        print(f"{case}, {name}: {off:.1f} of 255 steps off the average, {off_mistaken:.1f} off the mistaken one")
        errs = name == ("OpenVINO" if "3x3" in case else "ONNX Runtime")
        as_found &= (off > 30 and off_mistaken < 1.1) if errs else off < 1.1
raise SystemExit(0 if as_found else 1)
P
