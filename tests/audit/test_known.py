"""Copies of known pictures among new ones: the first known path is named, and new copies are joined."""

import shutil

import numpy as np
import pytest
from PIL import Image

from groupwise.audit.known import BYTES, find_equal_files, find_known_copies
from groupwise.data.manifest import Sample
from groupwise.data.scan import scan


def sample(path, digest):
    return Sample(path, "cat", sha256=digest)


def test_equal_files_are_told_by_their_digests():
    known = [sample("a", "1"), sample("b", "1"), sample("c", "2")]
    new = [sample("x", "1"), sample("y", "3"), sample("z", "3"), sample("a", "4")]
    found = find_equal_files(known, new, "gone")
    assert found.of == ("a", None, None, None)  # of two known ones the first; a path alone is no copy
    assert found.clusters[1] == found.clusters[2]
    assert len(set(found.clusters.tolist())) == 3
    assert (found.searched, found.reason) == (BYTES, "gone")


@pytest.fixture
def photographs(tmp_path):
    """Blurred noise, which has structure to find again: ten known pictures and six new ones."""
    rng = np.random.default_rng(0)
    for i in range(16):
        small = rng.integers(0, 256, (12, 12, 3)).astype(np.uint8)
        file = tmp_path / ("known" if i < 10 else "new") / "cat" / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(small).resize((120, 120), Image.Resampling.BICUBIC).save(file)
    return tmp_path


def test_a_turned_copy_is_found_under_the_same_name_as_another_picture(photographs):
    turned = Image.open(photographs / "known/cat/3.png").transpose(Image.Transpose.ROTATE_90)
    turned.save(photographs / "new/cat/5.png")  # the name of another known picture
    shutil.copy(photographs / "new/cat/12.png", photographs / "new/cat/99.png")
    new = scan(photographs / "new")
    found = find_known_copies(scan(photographs / "known"), new, seed=0)
    of = dict(zip([one.path for one in new.usable], found.of, strict=True))
    assert {path: original for path, original in of.items() if original} == {"cat/5.png": "cat/3.png"}
    clusters = dict(zip(of, found.clusters.tolist(), strict=True))
    assert clusters["cat/12.png"] == clusters["cat/99.png"]


def test_where_pictures_resemble_one_another_only_equal_files_are_told(photographs, monkeypatch):
    monkeypatch.setattr("groupwise.audit.audit.pictures_resemble", lambda *_, **__: True)
    shutil.copy(photographs / "known/cat/3.png", photographs / "new/cat/20.png")
    new = scan(photographs / "new")
    found = find_known_copies(scan(photographs / "known"), new, seed=0)
    assert found.searched == BYTES
    assert "resemble" in found.reason
    assert [of for of in found.of if of] == ["cat/3.png"]
