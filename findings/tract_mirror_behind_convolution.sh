#!/bin/bash
# tract refuses a valid ONNX model that mirrors the maps of a convolution by Slice with a step of -1, which is how torch
# exports `flip`: "Invalid axis", from a pass that pulls the slice over the convolution's reshape. It takes the same model
# with Gather and the indices backwards, and answers right. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tract==0.23.9
PYTHONPATH="$D" D="$D" python3 - <<'P'
import os
import numpy as np, onnx, onnxruntime, tract
from onnx import TensorProto, helper, numpy_helper
rng = np.random.default_rng(0)
held = {"weight": rng.normal(size=(8, 8, 1, 1)).astype(np.float32), "start": [-1], "end": [-(2**63)], "axis": [-1], "step": [-1], "backwards": [3, 2, 1, 0]}
known = [numpy_helper.from_array(np.asarray(v, None if k == "weight" else np.int64), k) for k, v in held.items()]
mirrors = {"Slice": ["maps", "start", "end", "axis", "step"], "Gather": ["maps", "backwards"]}
def model(mirror):
    options = {"axis": 3} if mirror == "Gather" else {}
    nodes = [helper.make_node("Conv", ["x", "weight"], ["maps"]), helper.make_node(mirror, mirrors[mirror], ["y"], **options)]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 8, 4, 4]) for n in ("x", "y")]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(nodes, "mirror", ports[:1], ports[1:], [one for one in known if one.name in used])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()
x = rng.normal(size=(2, 8, 4, 4)).astype(np.float32)
seen = {}
for mirror in mirrors:
    file = os.path.join(os.environ["D"], f"{mirror}.onnx")
    open(file, "wb").write(model(mirror))
    expected = onnxruntime.InferenceSession(file).run(None, {"x": x})[0]
    try:
        found = tract.onnx().load(file).into_model().into_runnable().run([x])[0].to_numpy()
        seen[mirror] = f"off by {np.abs(found - expected).max():.0e}" if np.allclose(found, expected, atol=1e-5) else "wrong"
    except tract.TractError as error:
        seen[mirror] = "refused: " + " / ".join(line.strip() for line in str(error).splitlines()[:5])
    print("tract", tract.version(), mirror, seen[mirror])
raise SystemExit(0 if seen["Slice"].startswith("refused") and seen["Gather"].startswith("off") else 1)
P
