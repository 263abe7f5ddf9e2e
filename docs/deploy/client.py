"""Answers pictures with OpenCV and ONNX Runtime alone: python client.py FOLDER PICTURE..."""

import sys
from pathlib import Path

import cv2
import onnxruntime

folder = Path(sys.argv[1])  # of: groupwise export RUN --to onnx --with-preprocessing
model = onnxruntime.InferenceSession(folder / "model.onnx")
classes = (folder / "classes.txt").read_text(encoding="utf-8").splitlines()
least = folder / "thresholds.txt"  # where a picture may have several labels: from when on each is given
thresholds = [float(line) for line in least.read_text().split()] if least.exists() else []
for file in sys.argv[2:]:
    picture = cv2.imread(file)  # upright, 8 bits, as large as it is: the model scales
    if picture is None:
        sys.exit(f"{file}: OpenCV cannot read it")
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    (probabilities,) = model.run(["probabilities"], {"picture": rgb})[0]
    given = [k for k, threshold in enumerate(thresholds) if probabilities[k] >= threshold]
    said = given if thresholds else [probabilities.argmax()]
    print(f"{file}:", ", ".join(f"{classes[k]} {probabilities[k]:.4f}" for k in said) or "none of the labels")
