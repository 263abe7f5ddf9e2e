"""Answers pictures with OpenCV and ONNX Runtime alone: python client.py FOLDER PICTURE..."""

import sys
from pathlib import Path

import cv2
import onnxruntime

folder = Path(sys.argv[1])  # of: groupwise export RUN --to onnx --with-preprocessing
model = onnxruntime.InferenceSession(folder / "model.onnx")
left = model.get_modelmeta().custom_metadata_map  # to the client: ranges and channels, where there are any
classes = (folder / "classes.txt").read_text(encoding="utf-8").splitlines()
least = folder / "thresholds.txt"  # where a picture may have several labels: from when on each is given
thresholds = [float(line) for line in least.read_text().split()] if least.exists() else []
for file in sys.argv[2:]:
    picture = cv2.imread(file, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)  # upright, as large: the model scales
    if picture is None:
        sys.exit(f"{file}: OpenCV cannot read it")
    if "channels" in left:
        sys.exit(f"{file}: the model takes the channels {left['channels']}, which OpenCV cannot choose")
    if picture.dtype != "uint8":
        rule = left.get("float_range" if picture.dtype.kind == "f" else "integer_range", "which its files declare")
        sys.exit(f"{file}: more than 8 bits; first map the range of the training set ({rule}) to 0..255")
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    (probabilities,) = model.run(["probabilities"], {"picture": rgb})[0]
    given = [k for k, threshold in enumerate(thresholds) if probabilities[k] >= threshold]
    said = given if thresholds else [probabilities.argmax()]
    print(f"{file}:", ", ".join(f"{classes[k]} {probabilities[k]:.4f}" for k in said) or "none of the labels")
