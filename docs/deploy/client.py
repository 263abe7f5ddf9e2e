"""Answers pictures with OpenCV and ONNX Runtime alone: python client.py FOLDER PICTURE..."""

import sys
from pathlib import Path

import cv2
import onnxruntime

folder = Path(sys.argv[1])  # of: groupwise export RUN --to onnx --with-preprocessing
model = onnxruntime.InferenceSession(folder / "model.onnx")
classes = (folder / "classes.txt").read_text(encoding="utf-8").splitlines()
for file in sys.argv[2:]:
    picture = cv2.imread(file)  # upright, 8 bits, as large as it is: the model scales
    if picture is None:
        sys.exit(f"{file}: OpenCV cannot read it")
    rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    (probabilities,) = model.run(["probabilities"], {"picture": rgb})
    best = probabilities[0].argmax()
    print(f"{file}: {classes[best]} {probabilities[0][best]:.4f}")
