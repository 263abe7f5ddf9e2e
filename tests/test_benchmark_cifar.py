"""The parts of `benchmarks/cifar.py` and of its peer that need no training."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import airbench
import cifar

RNG = np.random.default_rng(0)


def images(n):
    return RNG.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def test_python_batches_and_folders_say_the_same(tmp_path):
    pixels, labels = images(12), np.arange(12) % 2
    python, folders = tmp_path / "python", tmp_path / "folders"
    python.mkdir()
    files = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for number, file in enumerate(files):
        rows = slice(2 * number, 2 * number + 2)
        batch = {b"data": pixels[rows].transpose(0, 3, 1, 2).reshape(2, -1), b"labels": labels[rows].tolist()}
        (python / file).write_bytes(pickle.dumps(batch))
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        file = folders / ("test" if number >= 10 else "train") / "ab"[label] / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    read = cifar.read_parts(python, tmp_path / "python.npz")
    assert np.array_equal(read["train"].images, pixels[:10])
    assert read["test"].labels.tolist() == [0, 1]
    of_folders = cifar.read_parts(folders, tmp_path / "folders.npz")
    by_class = np.argsort(labels[:10], kind="stable")
    assert np.array_equal(of_folders["train"].images, pixels[:10][by_class])
    assert np.array_equal(of_folders["test"].images, pixels[10:])


def test_a_folder_without_a_test_part_is_refused(tmp_path):
    (tmp_path / "data" / "a").mkdir(parents=True)
    Image.fromarray(images(1)[0]).save(tmp_path / "data" / "a" / "0.png")
    with pytest.raises(SystemExit, match="no images of the part `train`"):
        cifar.read_parts(tmp_path / "data", tmp_path / "cache.npz")


def test_choosing_leaves_the_test_part_unread(monkeypatch):
    monkeypatch.setattr(cifar, "HELD_OUT", 4)
    train = cifar.Part(np.arange(20), np.arange(20))
    learnt, judged = cifar.folds({"train": train}, 10)
    assert len(learnt.labels) == 10
    assert len(set(learnt.labels) | set(judged.labels)) == 14
    test = cifar.Part(np.arange(20, 25), np.arange(5))
    assert cifar.folds({"train": train, "test": test}, None) == (train, test)


def line(epoch, right, **changed):
    known = {"contestant": "airbench", "seed": 0, "epochs": 2, "choose": None, "changes": {}}
    return {
        **known,
        "epoch": epoch,
        "seconds": 10.0 * epoch,
        "wall_seconds": 20.0,
        "right": right,
        "of": 100,
        **changed,
    }


def test_the_aim_is_reached_at_94_of_100_and_not_at_93():
    assert cifar.seconds_to_aim([line(1, 93), line(2, 94)]) == 20
    assert cifar.seconds_to_aim([line(1, 93), line(2, 93)]) is None


def test_the_table_has_whole_runs_alone():
    other = [line(number, 90, seed=1) for number in (1, 2)]
    text = cifar.table([line(1, 80), line(2, 94), line(1, 99, seed=2), *other, line(2, 99, choose=100)])
    assert text.splitlines()[2:] == [
        "| airbench | 0, 1 | 2 | 92.00 (90.00 to 94.00) | 20 (20 to 20) | 20 (20 to 20) | 20, never |"
    ]


def test_a_run_that_goes_on_keeps_its_seconds(tmp_path):
    known = {name: line(1, 0)[name] for name in ("contestant", "seed", "epochs", "choose", "changes")}
    judged = cifar.Part(images(3), np.array([0, 1, 1]))
    for epoch in (1, 2):
        recorder = cifar.Recorder(known, judged, tmp_path / "results.jsonl")
        recorder.seconds += 5
        recorder.tell(epoch, lambda shown: torch.ones(len(shown)))
    cifar.Recorder({**known, "seed": 1}, judged, tmp_path / "results.jsonl").tell(1, lambda x: torch.zeros(3))
    lines = cifar.read_results(tmp_path / "results.jsonl")
    assert [one["right"] for one in lines] == [2, 2, 1]
    assert [round(one["seconds"]) for one in lines] == [5, 10, 0]


def test_airbench_mirrors_each_image_in_every_second_epoch():
    shown = torch.arange(32.0).expand(64, 3, 32, 32)  # brighter to the right
    risen = [(airbench.vary(shown, 0, epoch)[:, 0, 16, 3:29].diff() > 0).all(1) for epoch in range(3)]
    assert torch.equal(risen[0], risen[2])
    assert torch.equal(risen[0], ~risen[1])
    assert 16 < risen[0].sum() < 48


def test_airbench_begins_with_white_patches():
    network = airbench.AirbenchNet()
    shown = airbench.normalise(torch.from_numpy(images(200)).permute(0, 3, 1, 2))
    network.whiten_like(shown)
    patches = torch.nn.functional.conv2d(shown, network.whiten.weight[:12]).transpose(0, 1).flatten(1)
    assert torch.allclose(patches @ patches.T / patches.shape[1], torch.eye(12), atol=0.01)
