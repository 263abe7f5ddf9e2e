import threading

import numpy as np
import pytest
from PIL import Image

from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.inference import stream as answering
from groupwise.inference.stream import stream_predictions

SMALL = Preprocessing(image_size_px=4)


@pytest.fixture
def files(tmp_path):
    for level in range(10):
        Image.new("L", (4, 4), level).save(tmp_path / f"{level}.png")
    return [tmp_path / f"{level}.png" for level in range(10)]


def levels(images):
    return [int(image[0, 0, 0]) for image in images]


def test_answers_come_in_order(files):
    found = list(stream_predictions(files, levels, SMALL, batch_size=3))
    assert [(p.path, p.answer) for p in found] == [(str(file), i) for i, file in enumerate(files)]


def test_few_images_are_in_memory(files, monkeypatch):
    """However slow the network, no more files are opened than `AHEAD` and a batch."""
    opened, lock = [], threading.Lock()

    def load(path, preprocessing):
        with lock:
            opened.append(path)
        return np.zeros((4, 4, 3), np.uint8), ()

    monkeypatch.setattr(answering, "load_picture", load)
    monkeypatch.setattr(answering, "AHEAD", 8)
    stream = stream_predictions((f"{i}.png" for i in range(10**9)), levels, SMALL, batch_size=4)
    for _ in range(6):
        next(stream)
    assert 8 <= len(opened) <= 6 + 4 + 8
    stream.close()


def test_a_bad_file_is_told_or_raised(files, tmp_path):
    bad = []
    paths = [tmp_path / "gone.png", files[3]]
    assert [p.answer for p in stream_predictions(paths, levels, SMALL, on_bad=bad.append)] == [3]
    assert "gone.png" in str(bad[0])
    with pytest.raises(GroupwiseError, match=r"gone\.png"):
        list(stream_predictions(paths, levels, SMALL))
