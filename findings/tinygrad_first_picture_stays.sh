#!/bin/bash
# tinygrad's OnnxRunner keeps by name, from its first call on, each value that it needs as a Python number: starts and ends of Slice,
# k of TopK, the condition of Compress. A model that cuts out each picture's brightest place (ArgMax to Slice) is right for the first
# picture and cuts all others where the first was bright; TopK whose k is an input gives the first k's number of classes for good.
# A new runner for each picture is right, as ONNX Runtime is; a comment in the source takes such values to be the same in each run.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tinygrad==0.14.0
PYTHONPATH="$D" D="$D" DEV=PYTHON python3 - <<'P'
import os
from importlib.metadata import version
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tinygrad.nn.onnx import OnnxRunner
file = os.path.join(os.environ["D"], "model.onnx")
print("tinygrad", version("tinygrad"), "ONNX Runtime", onnxruntime.__version__)
rows = np.random.default_rng(0).uniform(size=(4, 8)).astype(np.float32)
rows[range(4), [1, 5, 3, 0]] += 5
def save(nodes, ports, width, **held):
    known = [numpy_helper.from_array(np.int64(value), name) for name, value in held.items()]
    reads = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in ports]
    gives = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, width])]
    made = helper.make_model(helper.make_graph(nodes, "rows", reads, gives, known), opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, file)
def by_tinygrad(runner, feed):
    return runner(feed)["y"].numpy()
node, picture = helper.make_node, ("x", TensorProto.FLOAT, [1, 8])
as_found = True
for what in ("cut", "best"):
    if what == "cut":
        save([node("ArgMax", ["x"], ["from"], axis=1, keepdims=0), node("Add", ["from", "two"], ["to"]), node("Slice", ["x", "from", "to", "one"], ["y"])],
             [picture], 2, one=[1], two=[2])
        feeds = [{"x": row[None]} for row in rows]
        wanted = [row[None, row.argmax():row.argmax() + 2] for row in rows]
        stays = [row[None, rows[0].argmax():rows[0].argmax() + 2] for row in rows]
    else:
        save([node("TopK", ["x", "k"], ["y", "places"])], [picture, ("k", TensorProto.INT64, [1])], "k")
        feeds = [{"x": row[None], "k": np.int64([k])} for row, k in zip(rows, (2, 3, 5, 1))]
        wanted = [np.sort(row)[None, ::-1][:, :int(feed["k"][0])] for row, feed in zip(rows, feeds)]
        stays = [np.sort(row)[None, ::-1][:, :2] for row in rows]
    session, kept = onnxruntime.InferenceSession(file), OnnxRunner(file)
    for number, feed in enumerate(feeds):
        runtime, found, fresh = session.run(["y"], feed)[0], by_tinygrad(kept, feed), by_tinygrad(OnnxRunner(file), feed)
        print(f"{what}, picture {number}: wanted {wanted[number].ravel().tolist()}, tinygrad {found.ravel().tolist()}, a new runner {fresh.ravel().tolist()}")
        as_found &= np.array_equal(runtime, wanted[number]) and np.array_equal(fresh, wanted[number]) and np.array_equal(found, stays[number])
        as_found &= number == 0 or not np.array_equal(found, wanted[number])
raise SystemExit(0 if as_found else 1)
P
