"""A predictor that knows light pictures from dark ones, and pictures to show it."""

import io

import numpy as np
from PIL import Image

from groupwise.data.decode import Preprocessing
from groupwise.inference.decision import Decision


class FakeAnswer:
    def __init__(self, classes, probs):
        probs = np.array(probs)
        best = int(np.argmax(probs))
        self.fields = {
            "label": classes[best],
            "probability": float(probs[best]),
            "probabilities": dict(zip(classes, map(float, probs), strict=True)),
            "prediction_set": [classes[k] for k in np.argsort(-probs) if probs[k] > 0.1],
            "abstain": bool(probs[best] < 0.6),
            "unlike": bool(probs[best] > 0.98),
            "decided": classes[best],
        }

    def as_json(self):
        return self.fields


class FakePredictor:
    """The probability of the last class is the mean level of the picture over 255."""

    def __init__(self, classes=("dark", "light"), image_size_px=16):
        self.classes = tuple(classes)
        self.preprocessing = Preprocessing(image_size_px=image_size_px)
        self.decision = Decision(self.classes)
        self.facts = {}
        self.heat_method = "class activation map"
        self.batches = []

    def answer_images(self, images):
        self.batches.append(len(images))
        light = images.reshape(len(images), -1).mean(axis=1) / 255
        rest = len(self.classes) - 1
        return [FakeAnswer(self.classes, [*[(1 - p) / rest] * rest, p]) for p in light]

    def heat_maps(self, images, class_numbers):
        levels = images.astype(float).mean(axis=3)[:, ::4, ::4] / 255
        return np.stack([m if k else 1 - m for m, k in zip(levels, class_numbers, strict=True)])


def picture(level=200, size=(20, 20), form="PNG"):
    """The bytes of an image of one grey level."""
    file = io.BytesIO()
    Image.new("RGB", size, (level,) * 3).save(file, form)
    return file.getvalue()
