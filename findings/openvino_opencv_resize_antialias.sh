#!/bin/bash
# OpenVINO and OpenCV pass over `antialias` of ONNX's Resize (opset 18) without a word and scale as if it were 0, up to a
# hundred grey levels away on a picture with fine detail. ONNX Runtime follows it, as Pillow does, to one level.
# A model that holds its preprocessing so answers otherwise there. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93
PYTHONPATH="$D" python3 - <<'P'
import cv2, numpy as np, onnx, onnxruntime, openvino
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
picture = np.random.default_rng(0).integers(0, 256, (300, 400), np.uint8)
def model(antialias):
    sizes = numpy_helper.from_array(np.array([1, 1, 64, 64]), "sizes")
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", antialias=antialias, exclude_outside=antialias)
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 1, 300, 400]), ("y", [1, 1, 64, 64]))]
    graph = helper.make_graph([node], "resize", ports[:1], ports[1:], [sizes])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()
x = picture[None, None].astype(np.float32)
def by_onnxruntime(data):
    return onnxruntime.InferenceSession(data).run(None, {"x": x})[0]
def by_openvino(data):
    core = openvino.Core()
    return core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
def by_opencv(data):
    network = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    network.setInput(x, "x")
    return network.forward("y")
pillow = np.asarray(Image.fromarray(picture).resize((64, 64), Image.Resampling.BILINEAR), float)
def off(found):
    return round(float(np.abs(np.asarray(found).reshape(64, 64) - pillow).max()), 1)
print("OpenVINO", openvino.__version__, "OpenCV", cv2.__version__, "ONNX Runtime", onnxruntime.__version__)
as_found = True
for name, run in (("ONNX Runtime", by_onnxruntime), ("OpenVINO", by_openvino), ("OpenCV", by_opencv)):
    asked, not_asked = run(model(1)), run(model(0))
    same = bool(np.abs(np.asarray(asked) - np.asarray(not_asked)).max() < 1e-3)
    print(f"{name}: levels from Pillow with antialias {off(asked)}, without {off(not_asked)}; both the same: {same}")
    as_found &= same == (name != "ONNX Runtime") and (off(asked) < 1.1 or name != "ONNX Runtime")
raise SystemExit(0 if as_found else 1)
P
