#!/bin/bash
# ONNX's version converter (onnx.version_converter.convert_version) writes a Softmax or LogSoftmax of opset 13 or later for opset 12 or
# earlier with the axis as it is and nothing else, without a word. Up to opset 12 the operator takes all axes from that one on for
# one. So weights over the patches of a picture, [N, patches, heads] over axis 1, or classes for each pixel, [N, C, H, W], come out
# with one sum for all heads or pixels; the last axis, or [N, C, 1, 1], is right. The way up from 12 to 13 is right for both,
# and wrong for Hardmax, whose axis is left as it is. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper
from onnx.version_converter import convert_version
rng = np.random.default_rng(0)
def model(operator, shape, axis, opset):
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("x", "y")]
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], axis=axis)], "one", ports[:1], ports[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.checker.check_model(made, full_check=True)
    return made
def answer(made, x):
    return onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x})[0]
def softmax(x, axes):
    powers = np.exp(x - x.max(axis=axes, keepdims=True))
    return powers / powers.sum(axis=axes, keepdims=True)
formulas = {"Softmax": softmax, "LogSoftmax": lambda x, axes: np.log(softmax(x, axes)),
            "Hardmax": lambda x, axes: (x == x.max(axis=axes, keepdims=True)).astype(np.float32)}
shapes = {"patches x heads": ([2, 9, 4], 1), "classes of pixels": ([2, 5, 3, 3], 1), "last axis": ([2, 4, 9], -1), "classes of one pixel": ([2, 5, 1, 1], 1)}
print("onnx", onnx.__version__, "ONNX Runtime", onnxruntime.__version__)
as_found = True
for operator, formula in formulas.items():
    for what, (shape, axis) in shapes.items():
        x = rng.normal(size=shape).astype(np.float32)
        behind = tuple(range(axis % len(shape), len(shape)))
        for before, after in ((13, 12), (12, 13)):
            # From 13 on over one axis, up to 12 over all from that one on.
            wanted = formula(x, axis if before >= 13 else behind)
            mistaken = formula(x, axis if after >= 13 else behind)
            made = model(operator, shape, axis, before)
            try:
                converted = convert_version(made, after)
            except RuntimeError as error:
                print(f"{operator}, {what}, {before} to {after}: refused")
                as_found &= operator == "Hardmax" and after < 13
                continue
            onnx.checker.check_model(converted, full_check=True)
            found, first = answer(converted, x), answer(made, x)
            off = float(np.abs(found - wanted).max())
            sums = (np.exp(found) if operator == "LogSoftmax" else found).sum(axis=axis)
            print(f"{operator}, {what}, {before} to {after}: off by {off:.1e}; sums over the axis {sums.min():.2f} to {sums.max():.2f}")
            wrong = what in ("patches x heads", "classes of pixels") and (after < 13 if operator != "Hardmax" else after >= 13)
            as_found &= np.allclose(first, wanted, atol=1e-5) and (off > 0.1 and np.allclose(found, mistaken, atol=1e-5) if wrong else off < 1e-5)
raise SystemExit(0 if as_found else 1)
P
