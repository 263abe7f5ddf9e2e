"""Damage that some decoders of deep pictures do not survive: it is refused, and ends no process."""

from __future__ import annotations

import contextlib
import multiprocessing
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest

from groupwise.data.decode import UndecodableImage, decode
from pixels_case import containers

tifffile = pytest.importorskip("tifffile")
imagecodecs = pytest.importorskip("imagecodecs")


def tiff(values: np.ndarray, **options) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


SHAPES = {
    "grey": ((40, 50), {}),
    "colour": ((40, 50, 3), {"photometric": "rgb"}),
    "planes": ((3, 40, 50), {"photometric": "rgb", "planarconfig": "separate"}),
    "opacity": ((40, 50, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "tiles": ((40, 50, 3), {"photometric": "rgb", "tile": (16, 16)}),
    "other order": ((40, 50, 3), {"photometric": "rgb", "byteorder": ">"}),
}


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits"])
@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_libtiff_unpacks_is_what_tifffile_reads(shape, kind, compression):
    from groupwise.data.tiff_pixels import _decode_page

    size, options = SHAPES[shape]
    values = (np.random.default_rng(0).random(size) * 4000).astype(kind)
    predictor = {"predictor": True} if compression != "packbits" else {}
    data = tiff(values, compression=compression, **options, **predictor)
    with tifffile.TiffFile(BytesIO(data)) as file:
        np.testing.assert_array_equal(_decode_page(file.pages[0], data), file.pages[0].asarray())


def read_damaged(data: bytes, n: int, done) -> None:
    rng = np.random.default_rng(0)
    for _ in range(n):
        broken = bytearray(data)
        for place in rng.integers(len(data) // 6, len(data), 6):
            broken[place] = rng.integers(0, 256)
        with contextlib.suppress(UndecodableImage):
            decode(bytes(broken))
        done.value += 1


@pytest.mark.parametrize("container", ["tiff-16-lzw-predictor", "jpeg-lossless-12", "tiff-16-deflate-tiles"])
def test_damaged_codes_end_no_process(container):
    """With imagecodecs' own LZW and `ljpeg` about one file in some hundred ends the process."""
    data = containers()[container][0]
    context = multiprocessing.get_context("fork")
    done = context.Value("i", 0)
    child = context.Process(target=read_damaged, args=(data, 400, done))
    child.start()
    child.join(60)
    assert (child.exitcode, done.value) == (0, 400)


def deep_png(chunks: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks


def chunk(name: bytes, content: bytes, declared: int | None = None) -> bytes:
    length = len(content) if declared is None else declared
    return struct.pack(">I", length) + name + content + struct.pack(">I", zlib.crc32(name + content))


PIXELS = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(range(192)) for _ in range(32))))
END = chunk(b"IEND", b"")


def test_a_png_whose_chunk_declares_more_than_the_file_holds_is_cut(monkeypatch):
    import cv2

    assert decode(deep_png(PIXELS + END)).rgb.shape == (32, 32, 3)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("makes room for four gigabytes"))
    for content in (PIXELS + chunk(b"zTXt", b"x", 2**32 - 9), PIXELS + END[:6]):
        with pytest.raises(UndecodableImage) as refused:
            decode(deep_png(content))
        assert refused.value.code == "truncated"


def test_a_jpeg_ls_that_declares_a_large_picture_or_lacks_its_end_is_cut_before_it_is_decoded(monkeypatch):
    values = np.full((64, 64), 9, np.uint16)
    data = bytearray(imagecodecs.jpegls_encode(values))
    assert decode(bytes(data)).rgb.shape == (64, 64, 3)
    place = data.index(b"\xff\xf7") + 5
    data[place : place + 4] = struct.pack(">HH", 9000, 9000)
    monkeypatch.setattr(imagecodecs, "jpegls_decode", lambda *_: pytest.fail("takes seconds"))
    for cut in (bytes(data), imagecodecs.jpegls_encode(values)[:-2]):
        with pytest.raises(UndecodableImage) as refused:
            decode(cut)
        assert refused.value.code == "truncated"


def test_a_tiff_that_declares_a_large_picture_is_cut_before_it_is_unpacked(monkeypatch):
    data = tiff(np.zeros((64, 64, 3), np.uint16), compression="zlib", photometric="rgb")
    assert decode(data).width == 64
    for tag in (256, 257):
        data = _set_number(data, tag, 9000)
    monkeypatch.setattr(imagecodecs, "tiff_decode", lambda *_, **__: pytest.fail("makes room for 486 MB"))
    with pytest.raises(UndecodableImage) as refused:
        decode(data)
    assert refused.value.code == "truncated"


def _set_number(data: bytes, tag: int, value: int) -> bytes:
    """A TIFF in little-endian order with another value of a tag."""
    place = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
    return data[:place] + struct.pack("<I", value) + data[place + 4 :]


def test_a_picture_of_one_colour_is_whole_however_few_bytes_it_takes():
    data = imagecodecs.jpegls_encode(np.full((3000, 3000), 9, np.uint16))
    assert decode(data).width == 3000
