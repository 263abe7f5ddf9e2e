#!/bin/bash
# tinygrad answers otherwise than ONNX says, without a word: Unsqueeze of [N, C] with axes [-2, -1] gives [N, 1, C, 1] instead of
# [N, C, 1, 1] (so with as many rows as channels a squeeze-and-excitation block weighs rows); LogSoftmax without an axis, up to
# opset 12 over axis 1, is over the last one, all 0 for a head of [N, C, 1, 1]; Attention with fewer key heads than query heads
# reads head i % 2 instead of i // 2, and softcap comes after the mask, which it so makes finite: what is masked is seen. ArgMin
# of 8-bit pictures passes over 0, since -0 is no greater than -1 = 255. Axes [2, 3] and ONNX Runtime are right.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 tinygrad==0.14.0
PYTHONPATH="$D" D="$D" DEV=PYTHON python3 - <<'P'
import os
from importlib.metadata import version
import numpy as np, onnx, onnxruntime
from onnx import helper, numpy_helper
from tinygrad.nn.onnx import OnnxRunner
file = os.path.join(os.environ["D"], "model.onnx")
print("tinygrad", version("tinygrad"), "ONNX Runtime", onnxruntime.__version__)
rng, node, root = np.random.default_rng(0), helper.make_node, np.float32(2) ** np.float32(0.5)
def numbers(*shape):
    return rng.normal(size=shape).astype(np.float32)
def softmax(v):
    v = np.exp(v - v.max(axis=-1, keepdims=True))
    return v / v.sum(axis=-1, keepdims=True)
def ports(arrays):
    return [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for name, v in arrays.items()]
def both(nodes, opset, feed, wanted, **held):
    """What ONNX Runtime and tinygrad answer."""
    known = [numpy_helper.from_array(np.int64(value), name) for name, value in held.items()]
    made = helper.make_model(helper.make_graph(nodes, "operator", ports(feed), ports({"y": wanted}), known), opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, file)
    return onnxruntime.InferenceSession(file).run(None, feed)[0], OnnxRunner(file)(feed)["y"].numpy()
maps, head, grey = numbers(2, 4, 4, 4), numbers(2, 5, 1, 1), np.uint8([[3, 0, 1, 9]])
query, key, value = numbers(1, 4, 3, 2), numbers(1, 2, 3, 2), numbers(1, 2, 3, 2)
own = np.repeat(np.arange(2), 2)  # the key head of each of four query heads
mask = np.tril(np.ones((3, 3), bool))
scores = query @ key[:, own].swapaxes(2, 3) / root
full = {"q": query, "k": key[:, own].copy(), "v": value[:, own].copy(), "m": mask}
squeezed = [node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0), node("Unsqueeze", ["mean", "axes"], ["up"]), node("Mul", ["x", "up"], ["y"])]
weighed, of_rows = maps * maps.mean(axis=(2, 3))[:, :, None, None], maps * maps.mean(axis=(2, 3))[:, None, :, None]
log = head - np.log(np.exp(head).sum(axis=1, keepdims=True))
grouped, capped = softmax(scores) @ value[:, own], softmax(np.where(mask, np.tanh(scores), -np.inf)) @ full["v"]
other = np.tile(np.arange(2), 2)
cases = {  # what it is: (nodes, opset, input, what is right, what tinygrad answers, axes)
    "Unsqueeze [2, 3]": (squeezed, 18, {"x": maps}, weighed, weighed, [2, 3]),
    "Unsqueeze [-2, -1]": (squeezed, 18, {"x": maps}, weighed, of_rows, [-2, -1]),
    "LogSoftmax": ([node("LogSoftmax", ["x"], ["y"])], 11, {"x": head}, log, np.zeros_like(log), None),
    "Attention": ([node("Attention", ["q", "k", "v"], ["y"])], 23, {"q": query, "k": key, "v": value}, grouped,
                  softmax(query @ key[:, other].swapaxes(2, 3) / root) @ value[:, other], None),
    "Attention, softcap": ([node("Attention", ["q", "k", "v", "m"], ["y"], softcap=1.0)], 24, full, capped,
                           softmax(np.tanh(np.where(mask, scores, -np.inf))) @ full["v"], None),
    "ArgMin": ([node("ArgMin", ["x"], ["y"], axis=1)], 18, {"x": grey}, np.int64([[1]]), np.int64([[2]]), None),
}
as_found = True
for what, (nodes, opset, feed, wanted, thought, axes) in cases.items():
    runtime, found = both(nodes, opset, feed, wanted, **({} if axes is None else {"axes": axes}))
    off = float(np.abs(found.astype(float) - wanted).max())
    print(f"{what}: ONNX Runtime off by {np.abs(runtime.astype(float) - wanted).max():.1e}, tinygrad by {off:.1e}")
    as_found &= found.shape == wanted.shape and np.allclose(runtime, wanted, atol=1e-5) and np.allclose(found, thought, atol=1e-5)
    as_found &= off < 1e-5 if what == "Unsqueeze [2, 3]" else off > 0.1
raise SystemExit(0 if as_found else 1)
P
