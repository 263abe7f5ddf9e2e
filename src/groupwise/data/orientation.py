"""Which way up a picture is, by its EXIF data, and the turn that sets it upright."""

from __future__ import annotations

from PIL import Image

from groupwise.data.remarks import Remark, to_plain

_MIRROR, _FLIP = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM
_UPRIGHT = {
    2: _MIRROR,
    3: Image.Transpose.ROTATE_180,
    4: _FLIP,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG = 0x0112


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as a viewer shows it; an orientation beyond 2 to 8 turns nothing."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def read_orientation(image: Image.Image) -> tuple[int, tuple[Remark, ...]]:
    """Return 1 to 8 from the EXIF data; to be called after loading, because some formats store it last."""
    try:
        # Pillow has already read the EXIF data of a JPEG once and kept a failure to itself.
        Image.Exif().load(image.info.get("exif", b""))
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as error:  # EXIF data are a file within a file, and may be as broken
        return 1, (("exif-broken", f"the EXIF data cannot be read and were ignored ({to_plain(error)})"),)
    if isinstance(value, int) and 1 <= value <= 8:
        return value, ()
    sentence = f"the EXIF orientation is {to_plain(value)!r} instead of 1 to 8 and was ignored"
    return 1, (("exif-orientation-invalid", sentence),)
