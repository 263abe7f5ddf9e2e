import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from groupwise.data.cache import Picture
from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.files import sha256_file
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
        return Picture(np.zeros((4, 4, 3), np.uint8), (), "")

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


def test_names_come_back_as_they_were_given(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.png").write_text("no picture")
    (tmp_path / "torn.zip").write_text("no archive")
    wrong = ["./words.png", ".//gone.png", "words.png", "./torn.zip/a.png"]
    bad = []
    (answer,) = stream_predictions([*wrong, ".//3.png"], levels, SMALL, on_bad=bad.append)
    assert answer.path == ".//3.png"
    assert [error.place for error in bad] == wrong
    assert [str(error).startswith(f"{path}: ") for error, path in zip(bad, wrong, strict=True)] == [True] * 4
    assert bad[0].code == bad[2].code  # it is still the same failure


def test_the_digest_is_of_what_was_read_in_an_archive_too(files, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(files[3], "a/3.png")
    (answer,) = stream_predictions([tmp_path / "all.zip" / "a" / "3.png"], levels, SMALL)
    assert answer.sha256 == sha256_file(files[3])
