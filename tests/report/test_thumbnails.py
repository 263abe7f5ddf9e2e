"""Thumbnails are small, samples are drawn by seed, and a rare class is among them."""

import base64
import io
import os
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from groupwise.report.thumbnails import THUMBNAIL_PX, draw_samples, image_uri, load_thumbnail


def test_a_thumbnail_keeps_its_aspect_and_a_small_image_its_size(tmp_path):
    Image.new("RGB", (1200, 600), "teal").save(tmp_path / "large.jpg")
    Image.new("RGB", (32, 20), "teal").save(tmp_path / "small.png")
    assert load_thumbnail(tmp_path / "large.jpg").shape == (THUMBNAIL_PX // 2, THUMBNAIL_PX, 3)
    assert load_thumbnail(tmp_path / "small.png").shape == (20, 32, 3)


def test_what_is_no_image_any_more_gives_none(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    os.mkfifo(tmp_path / "pipe.png")
    for path in ("broken.png", "gone.png", "pipe.png", "nul\0.png", "."):
        assert load_thumbnail(tmp_path / path) is None


def test_a_tiny_image_keeps_every_pixel_and_a_photograph_is_a_jpeg():
    tiny = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    kind, _, data = image_uri(tiny).partition(",")
    assert kind == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) == tiny).all()
    assert image_uri(np.zeros((100, 100, 3), np.uint8)).startswith("data:image/jpeg;base64,")


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.integers(0, 20), st.integers(0, 9))
def test_samples_are_distinct_spread_over_classes_and_repeatable(labels, n, seed):
    drawn = draw_samples(labels, n, seed=seed)
    assert drawn == draw_samples(labels, n, seed=seed)
    assert len(set(drawn)) == len(drawn) == min(n, len(labels))
    have, took = Counter(labels), Counter(labels[i] for i in drawn)
    most = max(took.values(), default=0)
    assert all(took[label] >= min(have[label], most - 1) for label in have)


def test_another_seed_draws_others():
    labels = ["a", "b"] * 50
    assert draw_samples(labels, 16, seed=0) != draw_samples(labels, 16, seed=1)
