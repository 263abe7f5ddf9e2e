#!/bin/bash
# Pillow reads an uncompressed CIELAB TIFF of 8 bits stored plane by plane (PlanarConfiguration 2) as other colours than the same
# picture stored pixel by pixel, without an error: planes with a sign are taken for such without one.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
PYTHONPATH="$D" python3 - <<'P'
import io
import numpy as np, PIL, tifffile
from PIL import Image
stored = np.zeros((8, 8, 3), np.uint8)
stored[..., 0], stored[..., 1], stored[..., 2] = 128, 10, 246  # L* 50, a* 10, b* -10
def read(order):
    buffer = io.BytesIO()
    planes = stored if order == "contig" else np.ascontiguousarray(stored.transpose(2, 0, 1))
    tifffile.imwrite(buffer, planes, photometric=8, planarconfig=order, metadata=None)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        return [band.getpixel((0, 0)) for band in image.split()], image.mode
print("Pillow", PIL.__version__, "files by tifffile", tifffile.__version__)
(pixel, mode), (plane, _) = read("contig"), read("separate")
print(f"mode {mode}: pixel by pixel {pixel}, plane by plane {plane} (a and b with 128 added)")
raise SystemExit(0 if pixel == [128, 138, 118] and plane != pixel else 1)
P
