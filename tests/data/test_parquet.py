"""Parquet files that hold the images themselves, as HuggingFace writes them."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groupwise.data.archive import read_file
from groupwise.data.parquet_images import find_image_column
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError, UsageError

STRUCT = "struct<bytes: binary, path: string>"


def picture(number: int, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def write_images(
    file: Path, first: int = 0, n: int = 6, *, named: bool = True, stem: str = "", hidden: bool = False
) -> Path:
    """Images of cat and dog in turn as `datasets` writes them, classes by number and named in the schema."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import pyarrow.parquet as parquet

    forms = ("PNG", "JPEG")
    numbers = range(first, first + n)
    images = [
        {
            "bytes": picture(i, forms[i % 2]),
            "path": f"cat_dog/{stem}{i}.{forms[i % 2].lower()}" if named else None,
        }
        for i in numbers
    ]
    features = {
        "image": {"_type": "Image"},
        "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
        "patient": {"dtype": "string", "_type": "Value"},
    }
    table = pa.table(
        {
            "image": images,
            "label": [-1 if hidden else i % 2 for i in numbers],
            "patient": [f"p{i // 2}" for i in numbers],
            "part": [("train", "test")[i % 3 == 0] for i in numbers],
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, file, row_group_size=2)
    return file


@pytest.mark.parametrize("named", [True, False])
def test_images_are_read_in_place_with_the_names_of_their_classes(tmp_path, named):
    file = write_images(tmp_path / "t.parquet", named=named)
    manifest = scan(file)
    assert [sample.status for sample in manifest.samples] == ["ok"] * 6
    assert [sample.label for sample in manifest.samples] == ["cat", "dog"] * 3
    assert "Parquet with the images in it" in manifest.layout
    names = [sample.path for sample in manifest.samples]
    assert names[:2] == (
        ["t.parquet/000000-0.png", "t.parquet/000001-1.jpeg"]
        if named
        else ["t.parquet/000000.png", "t.parquet/000001.jpg"]
    )
    for i in (5, 0, 3, 4, 1):
        assert read_file(manifest.file(manifest.samples[i])) == picture(i, ("PNG", "JPEG")[i % 2])


def test_a_column_beside_them_is_a_group(tmp_path):
    manifest = scan(write_images(tmp_path / "t.parquet"), ReadOptions(group_column="patient"))
    assert [sample.group for sample in manifest.samples] == ["p0", "p0", "p1", "p1", "p2", "p2"]


def test_a_row_without_an_image_is_named(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    import pyarrow.parquet as parquet

    cells = [picture(0), picture(1), b"", None]
    parquet.write_table(pa.table({"image": cells, "label": list("abab")}), tmp_path / "t.parquet")
    assert [(s.status, s.codes) for s in scan(tmp_path / "t.parquet").samples] == [
        *[("ok", ())] * 2,
        *[("quarantined", ("zero-byte",))] * 2,
    ]


def test_the_shards_of_a_hub_are_one_data_set(tmp_path):
    for number in range(2):
        write_images(tmp_path / f"data/train-0000{number}-of-00002.parquet", 6 * number)
    manifest = scan(tmp_path)
    assert Counter(sample.label for sample in manifest.usable) == {"cat": 6, "dog": 6}
    assert read_file(manifest.file(manifest.usable[-1])) == picture(11, "JPEG")


def test_the_splits_of_a_hub_are_asked_about_and_used(tmp_path):
    write_images(tmp_path / "data/train-00000-of-00001.parquet")
    write_images(tmp_path / "data/validation-00000-of-00001.parquet", 6, 2)
    write_images(tmp_path / "data/test-00000-of-00001.parquet", 8, 2)
    with pytest.raises(GroupwiseError, match="already split"):
        scan(tmp_path)
    used = Counter(
        sample.extra["given_fold"] for sample in scan(tmp_path, ReadOptions(given="folders")).usable
    )
    assert used == {"train": 6, "val": 2, "test": 2}
    assert not any(
        "given_fold" in sample.extra for sample in scan(tmp_path, ReadOptions(given="pool")).usable
    )


def test_a_hidden_label_is_none(tmp_path):
    write_images(tmp_path / "data/train-00000-of-00001.parquet")
    write_images(tmp_path / "data/test-00000-of-00001.parquet", 6, 2, hidden=True)
    manifest = scan(tmp_path, ReadOptions(given="folders"))
    assert manifest.classes == ("cat", "dog")
    assert [sample.codes for sample in manifest.samples if "test-0" in sample.path] == [("no-label",)] * 2


def test_shards_of_an_older_hub_and_a_column_of_folds(tmp_path):
    write_images(tmp_path / "data/train-00000-of-00001-0e7f8a9e5f2e2b5a.parquet")
    [asked] = [note for note in scan(tmp_path).notes if "--split.given part" in note]
    assert "train 4" in asked
    manifest = scan(tmp_path, ReadOptions(given="part"))
    assert Counter(sample.extra["given_fold"] for sample in manifest.usable) == {"train": 4, "test": 2}
    for given in ("part", "pool"):
        notes = scan(tmp_path, ReadOptions(given=given)).notes
        assert not any("--split.given" in note for note in notes)
    with pytest.raises(UsageError, match="no column 'nonsense'"):
        scan(tmp_path, ReadOptions(given="nonsense"))


def test_numbers_of_rows_are_no_series_of_names(tmp_path):
    for shard in range(3):
        name = tmp_path / f"data/train-0000{shard}-of-00003.parquet"
        write_images(name, 6 * shard, stem="scan_")
    assert not any("--group-regex" in note for note in scan(tmp_path).notes)


@pytest.mark.parametrize("end", [100, 4])
def test_a_file_that_ends_early_is_named(tmp_path, end):
    file = write_images(tmp_path / "t.parquet")
    file.write_bytes(file.read_bytes()[:-end])
    with pytest.raises(GroupwiseError, match="not a readable Parquet file"):
        scan(file)


@pytest.mark.parametrize(
    ("types", "found"),
    [
        ({"image": STRUCT, "label": "int64"}, "image"),
        ({"image": "struct<bytes: large_binary, path: large_string>", "label": "int64"}, "image"),
        ({"image": "struct<size: int64, kilobytes: binary>", "label": "int64"}, None),
        ({"pixel": STRUCT, "file_name": "string"}, "pixel"),
        ({"img": "large_binary", "label": "string"}, "img"),
        ({"thumbnail": "binary", "label": "string"}, None),
        ({"image": "binary", "path": "string"}, None),
        ({"image": "string", "label": "string"}, None),
    ],
)
def test_which_column_holds_the_images(types, found):
    assert find_image_column(types) == found


def test_without_pyarrow_the_shards_say_what_they_need(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train-00000-of-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"pip install 'groupwise\[parquet\]'"):
        scan(tmp_path)
