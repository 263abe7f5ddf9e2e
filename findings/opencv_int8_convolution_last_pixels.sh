#!/bin/bash
# OpenCV 5 computes the last pixels of an int8 1x1 convolution (stride 1) wrongly, without a word, on a processor with AVX-VNNI
# (Intel since Alder Lake and Sapphire Rapids, AMD since Zen 5): those beyond a multiple of 8. That is 1 of 7x7 and 4 of 14x14,
# the last two stages of a ResNet or ResNeXt at 224 px, and all there is in squeeze and excitation. For them it reads the
# weights in an order in which they are not stored. 8x8 or 56x56 pixels come out right, as all do in ONNX Runtime and OpenVINO.
# Exits 0 as long as this is so, else 1; and 2 on another processor, where it cannot be told.
set -eu
grep -q -m1 -w avx_vnni /proc/cpuinfo || { echo "cannot tell: this processor has no AVX-VNNI"; exit 2; }
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93
PYTHONPATH="$D" python3 - <<'P'
import cv2, numpy as np, onnx, onnxruntime, openvino
from onnx import TensorProto, helper, numpy_helper
rng = np.random.default_rng(0)
channels = 16
weights = rng.integers(-127, 128, (channels, channels, 1, 1)).astype(np.int8)
held = {"scale": np.float32(0.02), "zero": np.uint8(128), "weights": weights, "scales": np.full(channels, 0.01, np.float32),
        "zeros": np.zeros(channels, np.int8), "scale_out": np.float32(0.1), "zero_out": np.uint8(128)}
def model(height, width):
    """A convolution in QDQ form, as quantize_static of ONNX Runtime writes it."""
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
             helper.make_node("DequantizeLinear", ["weights", "scales", "zeros"], ["w"], axis=0),
             helper.make_node("Conv", ["d", "w"], ["c"]),
             helper.make_node("QuantizeLinear", ["c", "scale_out", "zero_out"], ["r"]),
             helper.make_node("DequantizeLinear", ["r", "scale_out", "zero_out"], ["y"])]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, channels, height, width]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "int8", ports[:1], ports[1:], [numpy_helper.from_array(np.asarray(v), k) for k, v in held.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()
def by_onnxruntime(data, x):
    return onnxruntime.InferenceSession(data).run(None, {"x": x})[0]
def by_openvino(data, x):
    core = openvino.Core()
    return core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
def by_opencv(data, x):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    network.setInput(x, "x")
    return network.forward("y")
print("OpenCV", cv2.__version__, "ONNX Runtime", onnxruntime.__version__, "OpenVINO", openvino.__version__)
as_found = True
for height, width in ((1, 1), (7, 7), (14, 14), (8, 8), (56, 56)):
    pixels = height * width
    x = rng.normal(size=(1, channels, height, width)).astype(np.float32)
    # What the integers say, in double precision, to within half a step of the result.
    levels = np.clip(np.round(x / held["scale"]) + 128, 0, 255) - 128
    sums = np.einsum("oc,chw->ohw", weights[:, :, 0, 0].astype(float), levels[0]) * 0.02 * 0.01
    exact = np.clip(sums, -128 * 0.1, 127 * 0.1)
    data, wrong = model(height, width), {}
    for name, run in (("ONNX Runtime", by_onnxruntime), ("OpenVINO", by_openvino), ("OpenCV", by_opencv)):
        off = np.abs(np.asarray(run(data, x))[0] - exact).max(axis=0).ravel()
        wrong[name] = np.flatnonzero(off > 0.11).tolist()
        print(f"{height}x{width}, {name}: pixels off by more than a step {wrong[name]}, the most {off.max() / 0.1:.1f} steps of 255")
    as_found &= not wrong["ONNX Runtime"] and not wrong["OpenVINO"]
    as_found &= wrong["OpenCV"] == list(range(pixels - pixels % 8, pixels))
raise SystemExit(0 if as_found else 1)
P
