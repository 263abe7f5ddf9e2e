#!/bin/bash
# OpenVINO passes over `axes` of ReduceLogSumExp, ReduceLogSum and ReduceL1 in ONNX models of opsets 13 to 17 and reduces all there
# is to one number, without a word. So torch.logsumexp(logits, 1), the energy by which unknown pictures are told, exported up to
# opset 17, is one number for a batch instead of one for each picture. With opset 11 or 18 it is right, as ReduceMean is in all.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, onnx, onnxruntime, openvino
from onnx import TensorProto, helper, numpy_helper
logits = np.random.default_rng(0).uniform(0.5, 4, (3, 5)).astype(np.float32)
def model(operator, opset):
    node = helper.make_node(operator, ["x", "axes"] if opset >= 18 else ["x"], ["y"], keepdims=1, **({} if opset >= 18 else {"axes": [1]}))
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", s]) for n, s in (("x", 5), ("y", 1))]
    held = [numpy_helper.from_array(np.int64([1]), "axes")] if opset >= 18 else []
    made = helper.make_model(helper.make_graph([node], "reduce", ports[:1], ports[1:], held), opset_imports=[helper.make_opsetid("", opset)], ir_version=6)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()
def by_openvino(data):
    core = openvino.Core()
    return core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(logits)[0]
exact = {"ReduceLogSumExp": lambda v, **k: np.log(np.exp(v).sum(**k)), "ReduceLogSum": lambda v, **k: np.log(v.sum(**k)),
         "ReduceL1": lambda v, **k: np.abs(v).sum(**k), "ReduceMean": lambda v, **k: v.mean(**k)}
print("OpenVINO", openvino.__version__, "ONNX Runtime", onnxruntime.__version__)
as_found = True
for operator, formula in exact.items():
    wanted, of_all = formula(logits, axis=1, keepdims=True), formula(logits, keepdims=True)
    for opset in (11, 13, 17, 18):
        data = model(operator, opset)
        runtime, found = onnxruntime.InferenceSession(data).run(None, {"x": logits})[0], by_openvino(data)
        right = found.shape == wanted.shape and np.allclose(found, wanted, rtol=1e-5)
        whole = found.size == 1 and np.allclose(found, of_all, rtol=1e-5)
        print(f"{operator}, opset {opset}: wanted {[round(float(v), 3) for v in wanted.ravel()]}, OpenVINO {[round(float(v), 3) for v in found.ravel()]}")
        as_found &= np.allclose(runtime, wanted, rtol=1e-5) and (whole if operator != "ReduceMean" and 13 <= opset <= 17 else right)
raise SystemExit(0 if as_found else 1)
P
