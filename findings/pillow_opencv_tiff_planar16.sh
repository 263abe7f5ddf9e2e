#!/bin/bash
# Pillow and OpenCV read a valid 16-bit RGB TIFF stored plane by plane (PlanarConfiguration 2, uncompressed) as noise or as
# another picture, without an error. It is what `tifffile.imwrite(file, array_of_shape_CHW, photometric="rgb")` writes.
# The same planes packed by Deflate are read right by Pillow. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6 opencv-python-headless==5.0.0.93
PYTHONPATH="$D" python3 - <<'P'
import io
import cv2, numpy as np, PIL, tifffile
from PIL import Image
y, x = np.mgrid[0:32, 0:48]
rgb = (np.dstack([x * 5, y * 8, 255 - x * 5]) * 257).astype(np.uint16)
def write(**options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, rgb.transpose(2, 0, 1), photometric="rgb", metadata=None, **options)
    return buffer.getvalue()
def pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image).astype(float)
def opencv(data):
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return None if found is None else found[..., ::-1] / 257
def error(found):
    return None if found is None else round(float(np.abs(found - rgb / 257).mean()), 1)
plain, packed = write(), write(compression="deflate")
page = tifffile.TiffFile(io.BytesIO(plain)).pages[0]
print("tifffile", tifffile.__version__, "reads what was written:", np.array_equal(page.asarray(), rgb.transpose(2, 0, 1)))
seen = {"uncompressed, Pillow": error(pillow(plain)), "deflate, Pillow": error(pillow(packed)), "uncompressed, OpenCV": error(opencv(plain))}
print("Pillow", PIL.__version__, "OpenCV", cv2.__version__)
for name, value in seen.items():
    print(f"mean error in levels of 255, {name}: {value}")
as_found = seen["uncompressed, Pillow"] > 20 and seen["deflate, Pillow"] < 1 and (seen["uncompressed, OpenCV"] or 0) > 20
raise SystemExit(0 if as_found else 1)
P
