from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from groupwise.data.cache import FIRST, cache_name, decode_images, open_cache
from groupwise.data.decode import Preprocessing
from groupwise.errors import GroupwiseError
from groupwise.files import sha256_file

SMALL = Preprocessing(image_size_px=8)


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return paths


def digests(files):
    return [sha256_file(file) for file in files]


def build(tmp_path, files, preprocessing=SMALL):
    calls = []
    images = open_cache(
        tmp_path / "cache", files, digests(files), preprocessing, progress=lambda done, of: calls.append(done)
    )
    return images, calls


def test_the_cache_holds_what_decoding_gives(tmp_path, files):
    images, calls = build(tmp_path, files)
    assert calls == [1, 2, 3, 4, 5]
    assert (images == decode_images(files, digests(files), SMALL)).all()
    assert (images[2] == SMALL.resize_image(np.asarray(Image.open(files[2])))).all()


def test_a_whole_cache_is_used_again(tmp_path, files):
    build(tmp_path, files)
    assert build(tmp_path, files)[1] == []


@pytest.mark.parametrize(
    "change", ["size", "content", "no marker", "broken marker", "one bit", "cut short", "other order"]
)
def test_a_cache_of_something_else_is_built_anew(tmp_path, files, change):
    build(tmp_path, files)
    preprocessing = SMALL
    if change == "size":
        preprocessing = Preprocessing(image_size_px=4)
    elif change == "content":
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(files[1])
    elif change == "no marker":
        (tmp_path / "cache" / "cache.json").unlink()
    elif change == "broken marker":
        (tmp_path / "cache" / "cache.json").write_text('{"key"')
    elif change in ("one bit", "cut short"):
        array = tmp_path / "cache" / "images.npy"
        data = bytearray(array.read_bytes())
        data[-1] ^= 1
        array.write_bytes(data if change == "one bit" else data[:-1])
    else:
        files = files[::-1]
    images, calls = build(tmp_path, files, preprocessing)
    assert len(calls) == 5
    assert (images == decode_images(files, digests(files), preprocessing)).all()


def test_bicubic_pixels_of_another_order_of_the_sides_are_not_taken():
    """Of bilinear ones, which never depended on it, an older cache stays valid."""
    fields = {name: value for name, value in asdict(SMALL).items() if name in FIRST}
    assert cache_name(SMALL) == fields
    assert cache_name(replace(SMALL, interpolation="bicubic")) not in (
        fields,
        fields | {"interpolation": "bicubic"},
    )


def test_a_file_that_changed_is_named(tmp_path, files):
    before = digests(files)
    files[3].write_bytes(files[0].read_bytes())
    with pytest.raises(GroupwiseError, match=r"3\.png: changed since the data were scanned. Restore it"):
        decode_images(files, before, SMALL)


def test_a_file_that_vanished_is_named(tmp_path, files):
    before = digests(files)
    files[3].unlink()
    with pytest.raises(GroupwiseError, match=r"3\.png: cannot be read \(No such file"):
        decode_images(files, before, SMALL)


def test_a_disk_that_is_too_small_is_refused_before_decoding(tmp_path, files, monkeypatch):
    class Full:
        f_bavail, f_frsize = 1, 100

    monkeypatch.setattr("os.statvfs", lambda folder: Full)
    with pytest.raises(GroupwiseError, match=r"images need 0.0 GB, and 0.0 GB are free. Free some space"):
        build(tmp_path, files)
    assert not (tmp_path / "cache" / "images.npy").exists()
