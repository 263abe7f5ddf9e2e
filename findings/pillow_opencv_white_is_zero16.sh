#!/bin/bash
# Pillow and OpenCV invert a grey TIFF whose zero is white (PhotometricInterpretation 0) at 8 bits a sample, and return the
# negative at 16 bits, in silence: the same scan saved at two depths comes out as picture and negative.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6 opencv-python-headless==5.0.0.93
PYTHONPATH="$D" python3 - <<'P'
import io
import cv2, numpy as np, PIL, tifffile
from PIL import Image
grey = np.arange(256, dtype=np.uint16).reshape(16, 16)  # what a viewer shows: black first
def write(values):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="miniswhite", metadata=None)
    return buffer.getvalue()
files = {8: write((255 - grey).astype(np.uint8)), 16: write(65535 - grey * 257)}
def pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)
def opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
def judge(found, bits):
    found = found // 257 if bits == 16 else found
    return "picture" if np.array_equal(found, grey) else "negative" if np.array_equal(255 - found, grey) else "other"
print("Pillow", PIL.__version__, "OpenCV", cv2.__version__)
seen = {(name, bits): judge(read(data), bits) for name, read in (("Pillow", pillow), ("OpenCV", opencv)) for bits, data in files.items()}
for (name, bits), what in seen.items():
    print(f"{name}, {bits} bits: the {what}")
as_found = all(what == ("picture" if bits == 8 else "negative") for (_, bits), what in seen.items())
raise SystemExit(0 if as_found else 1)
P
