"""Which way up, by whose curve, and what lies behind the end: files as phones and editors write them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

import pixels_case as case
from groupwise.data.decode import UndecodableImage, decode
from groupwise.data.header import MAX_JPEG_SCANS, count_scans

PICTURE = case.picture()
XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation=\"6\"/></rdf:RDF>"
    b"</x:xmpmeta>"
)


@pytest.mark.parametrize("colours", [1, 3])
def test_a_deep_png_is_turned_as_one_of_8_bits_is(colours):
    levels = PICTURE[..., 0] if colours == 1 else PICTURE
    plain = case.write_png(case.deepen(levels, 16))
    marked = case.write_png(case.deepen(levels, 16), (b"eXIf", case.exif(6).removeprefix(b"Exif\0\0")))
    expected = np.rot90(decode(plain).rgb, -1)
    assert np.array_equal(decode(marked).rgb, expected)


def test_a_deep_png_says_of_its_curve_what_one_of_8_bits_does():
    marked = case.write_png(case.deepen(PICTURE, 16), (b"gAMA", (100_000).to_bytes(4, "big")))
    assert "gamma-not-applied" in {code for code, _ in decode(marked).warnings}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_xmp_alone_turns_nothing_as_in_browsers(form):
    stored = {}
    if form == "PNG":
        stored["pnginfo"] = PngImagePlugin.PngInfo()
        stored["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    plain, marked, both = io.BytesIO(), io.BytesIO(), io.BytesIO()
    image = Image.fromarray(PICTURE)
    image.save(plain, form)
    more = stored or {"xmp": XMP}
    image.save(marked, form, **more)
    image.save(both, form, exif=case.exif(3), **more)
    upright = decode(plain.getvalue()).rgb
    assert np.array_equal(decode(marked.getvalue()).rgb, upright)
    assert np.array_equal(decode(both.getvalue()).rgb, np.rot90(upright, 2))


def test_a_film_behind_a_picture_is_no_scan_of_it():
    data = case.write_pillow(PICTURE, "JPEG")
    film = b"\xff\xda\x00\x02" * (MAX_JPEG_SCANS + 1)
    assert np.array_equal(decode(data + film).rgb, decode(data).rgb)
    progressive = io.BytesIO()
    Image.fromarray(PICTURE).save(progressive, "JPEG", progressive=True)
    assert 2 <= count_scans(progressive.getvalue()) == progressive.getvalue().count(b"\xff\xda")


def test_scans_are_counted_behind_what_only_looks_like_an_end():
    data = case.write_pillow(PICTURE, "JPEG")
    start = data.index(b"\xff\xda")
    comment = b"\xff\xfe\x00\x04\xff\xd9"
    many = (
        data[:start] + comment + data[start:-2] * 1 + b"\xff\xda\x00\x02" * (MAX_JPEG_SCANS + 1) + b"\xff\xd9"
    )
    with pytest.raises(UndecodableImage) as caught:
        decode(many)
    assert caught.value.code == "decompression-bomb"


def test_a_long_text_in_a_png_is_no_damage():
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * 3_000_000, zip=True)
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "PNG", pnginfo=text)
    assert np.array_equal(decode(file.getvalue()).rgb, PICTURE)


def test_the_profile_of_grey_with_transparency_is_applied_as_that_of_grey():
    profile = grey_profile()
    grey = PICTURE[..., 0]
    plain, clear = io.BytesIO(), io.BytesIO()
    Image.fromarray(grey).save(plain, "PNG", icc_profile=profile)
    Image.fromarray(np.dstack([grey, np.full_like(grey, 255)]), "LA").save(clear, "PNG", icc_profile=profile)
    with_one, with_both = decode(plain.getvalue()), decode(clear.getvalue())
    assert "icc-converted" in {code for code, _ in with_one.warnings}
    assert np.array_equal(with_both.rgb, with_one.rgb)
    assert with_both.warnings == with_one.warnings


def grey_profile() -> bytes:
    """A grey ICC profile of gamma 1, by hand (ICC.1:2001-04): header, white point and curve."""

    def padded(tag: bytes) -> bytes:
        return tag + bytes(-len(tag) % 4)

    text = b"linear grey\0"
    description = b"desc" + bytes(4) + len(text).to_bytes(4, "big") + text + bytes(78)
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6000100000000d32d")
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + (256).to_bytes(2, "big")
    tags = [(b"desc", padded(description)), (b"wtpt", padded(white)), (b"kTRC", padded(curve))]
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, tag in tags:
        table += name + (at + len(body)).to_bytes(4, "big") + len(tag).to_bytes(4, "big")
        body += tag
    whole = at + len(body)
    header = whole.to_bytes(4, "big") + b"lcms" + bytes.fromhex("02400000") + b"mntrGRAYXYZ "
    header += bytes(12) + b"acsp" + bytes(28) + bytes.fromhex("0000f6d6000100000000d32d")
    header += bytes(128 - len(header))
    profile = header + len(tags).to_bytes(4, "big") + table + body
    ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return profile
