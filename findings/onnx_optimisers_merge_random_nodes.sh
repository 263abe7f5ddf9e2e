#!/bin/bash
# Two nodes without a seed draw on their own by ONNX. onnxslim, onnxsim and onnxoptimizer by default take two RandomUniformLike,
# Bernoulli, Multinomial or Dropout (training_mode true) of one input for one node, ONNX Runtime as it comes does so with Bernoulli
# alone. So Monte Carlo dropout in one model, two draws and their difference as spread, gives a spread of exactly 0: each picture
# is sure. onnxslim moreover takes out a Dropout whose training_mode is true. Right is ONNX Runtime without optimisation.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 onnxoptimizer==0.4.2
PYTHONPATH="$D" python3 - <<'P'
from importlib.metadata import version
import numpy as np, onnx, onnxoptimizer, onnxruntime, onnxsim, onnxslim
from onnx import TensorProto, helper, numpy_helper
draws = {"RandomUniformLike": (["x"], {}), "Bernoulli": (["x"], {}), "Multinomial": (["x"], {"sample_size": 64}),
         "Dropout": (["x", "half", "yes"], {})}
x = np.full((2, 64), 0.5, np.float32)
def model(operator, copies):
    """One draw, or the difference of two."""
    read, options = draws[operator]
    kind = TensorProto.INT32 if operator == "Multinomial" else TensorProto.FLOAT
    nodes = [helper.make_node(operator, read, [f"draw{i}"], **options) for i in range(copies)]
    nodes.append(helper.make_node("Sub", ["draw0", "draw1"], ["y"]) if copies == 2 else helper.make_node("Abs", ["draw0"], ["y"]))
    held = [numpy_helper.from_array(np.float32(0.5), "half"), numpy_helper.from_array(np.array(True), "yes")] if len(read) == 3 else []
    ports = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 64]), helper.make_tensor_value_info("y", kind, ["batch", 64])]
    made = helper.make_model(helper.make_graph(nodes, "draws", ports[:1], ports[1:], held), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    return made
def answer(made, optimise=False):
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(made.SerializeToString(), options).run(None, {"x": x})[0]
ways = {"as it is": answer, "ONNX Runtime's own": lambda made: answer(made, True), "onnxslim": lambda made: answer(onnxslim.slim(made)),
        "onnxsim": lambda made: answer(onnxsim.simplify(made)[0]), "onnxoptimizer": lambda made: answer(onnxoptimizer.optimize(made))}
print(*(f"{name} {version(name)}" for name in ("onnx", "onnxruntime", "onnxslim", "onnxsim", "onnxoptimizer")))
as_found = True
for operator in draws:
    for way, by in ways.items():
        apart = float((by(model(operator, 2)) != 0).mean())
        print(f"two {operator}, {way}: {apart:.0%} of the differences are not 0")
        merged = way in ("onnxslim", "onnxsim", "onnxoptimizer") or (way == "ONNX Runtime's own" and operator == "Bernoulli")
        as_found &= apart == 0 if merged else apart > 0.2
for way, by in ways.items():
    dropped = float((by(model("Dropout", 1)) == 0).mean())
    print(f"one Dropout, {way}: {dropped:.0%} dropped")
    as_found &= dropped == 0 if way == "onnxslim" else 0.2 < dropped < 0.8
raise SystemExit(0 if as_found else 1)
P
