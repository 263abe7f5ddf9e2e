#!/bin/bash
# Pillow shows two kinds of TIFF that careless writers make otherwise than libtiff does, without an error: a palette whose map
# of 16 bits holds levels of 0 to 255 comes out black (libtiff takes such a map for levels), and a grey picture that lacks
# PhotometricInterpretation as its negative (libtiff takes zero for black). OpenCV, which asks libtiff, reads the first right.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
PYTHONPATH="$D" python3 - <<'P'
import io, struct
import cv2, numpy as np, PIL
from PIL import Image
def tiff(samples, *more):
    """A little-endian TIFF of one strip of 8 bits; `more` are (tag, values of 16 bits)."""
    height, width = samples.shape
    tags = sorted([(256, [width]), (257, [height]), (258, [8]), (259, [1]), (277, [1]), (278, [height]), *more])
    count, extra = len(tags) + 2, b""
    behind = 8 + 2 + 12 * count + 4
    entries = []
    for tag, values in tags:
        packed = struct.pack(f"<{len(values)}H", *values)
        if len(packed) > 4:
            extra, packed = extra + packed, struct.pack("<I", behind + len(extra))
        entries.append((tag, struct.pack("<HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")))
    for tag, value in ((273, behind + len(extra)), (279, samples.size)):
        entries.append((tag, struct.pack("<HHII", tag, 4, 1, value)))
    head = b"II*\0" + struct.pack("<IH", 8, count) + b"".join(e for _, e in sorted(entries)) + bytes(4)
    return head + extra + samples.tobytes()
def pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
def opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
levels = list(range(256))
palette = tiff(ramp, (262, [3]), (320, levels * 3))
nameless, named = tiff(ramp), tiff(ramp, (262, [1]))
grey = np.repeat(ramp[..., None], 3, axis=2)
print("Pillow", PIL.__version__, "OpenCV", cv2.__version__)
assert np.array_equal(pillow(named), grey)
print("map of 0 to 255: the brightest of Pillow", pillow(palette).max(), "of OpenCV", opencv(palette).max())
print("no photometric kind: the first pixel, stored 0, by Pillow", pillow(nameless)[0, 0].tolist())
as_found = pillow(palette).max() == 0 and np.array_equal(opencv(palette), grey)
raise SystemExit(0 if as_found and np.array_equal(pillow(nameless), 255 - grey) else 1)
P
