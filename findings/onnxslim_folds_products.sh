#!/bin/bash
# onnxslim folds a product behind a convolution into its weights whenever the constant has as many numbers as there are channels,
# along whichever axis they lie: weights for the columns or rows of maps as wide or high as there are channels (a window over the
# picture's middle) are laid on the channels. A sum there, and onnxsim, onnxoptimizer and ONNX Runtime, are right. And of a Gemm
# read twice, once by Reshape and Mul, the other reader too gets the weights times that constant. No word, `slim` checks nothing
# unless told to. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 onnxoptimizer==0.4.2
PYTHONPATH="$D" python3 - <<'P'
from importlib.metadata import version
import numpy as np, onnx, onnxoptimizer, onnxruntime, onnxsim, onnxslim
from onnx import TensorProto, helper, numpy_helper
rng = np.random.default_rng(0)
def numbers(*shape):
    return rng.normal(size=shape).astype(np.float32)
def model(nodes, shapes, **held):
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    known = [numpy_helper.from_array(value, name) for name, value in held.items()]
    made = helper.make_model(helper.make_graph(nodes, "product", ports[:1], ports[1:], known), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made
def answers(made, x, optimise=False):
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, {"x": x})
node, pictures, kernels, rows = helper.make_node, numbers(2, 3, 8, 8), numbers(8, 3, 1, 1), numbers(2, 3)
maps, matrix, shape = np.einsum("oi,nihw->nohw", kernels[:, :, 0, 0], pictures), numbers(4, 3), np.int64([-1, 2, 4])
cases = {}  # what it is: (model, input, what is right, whether onnxslim is)
for operator, combined in (("Mul", np.multiply), ("Add", np.add)):
    for axis, size in (("channels", (8, 1, 1)), ("rows", (8, 1)), ("columns", (8,))):
        constant = numbers(*size)
        made = model([node("Conv", ["x", "w"], ["m"]), node(operator, ["m", "c"], ["y"])],
                     {"x": ["batch", 3, 8, 8], "y": ["batch", 8, 8, 8]}, w=kernels, c=constant)
        cases[f"Conv, {operator} for {axis}"] = made, pictures, [combined(maps, constant)], operator == "Add" or axis == "channels"
scale = numbers(4)
made = model([node("Gemm", ["x", "w"], ["g"], transB=1), node("Reshape", ["g", "s"], ["r"]), node("Mul", ["r", "c"], ["scaled"]), node("Abs", ["g"], ["y"])],
             {"x": [2, 3], "y": [2, 4], "scaled": [1, 2, 4]}, w=matrix, c=scale, s=shape)
cases["Gemm read twice"] = made, rows, [np.abs(rows @ matrix.T), (rows @ matrix.T * scale)[None]], False
ways = {"onnxslim": lambda made, x: answers(onnxslim.slim(made), x), "onnxsim": lambda made, x: answers(onnxsim.simplify(made)[0], x),
        "onnxoptimizer": lambda made, x: answers(onnxoptimizer.optimize(made), x), "ONNX Runtime": lambda made, x: answers(made, x, True)}
print(*(f"{name} {version(name)}" for name in ("onnx", "onnxruntime", "onnxslim", "onnxsim", "onnxoptimizer")))
as_found = True
for what, (made, x, wanted, right) in cases.items():
    for way, by in ways.items():
        off = max(float(np.abs(found - value).max()) for found, value in zip(by(onnx.ModelProto.FromString(made.SerializeToString()), x), wanted))
        print(f"{what}, {way}: off by {off:.1e}")
        as_found &= off < 1e-4 if right or way != "onnxslim" else off > 0.1
raise SystemExit(0 if as_found else 1)
P
