#!/bin/bash
# Pillow turns the whitest samples of a valid colour JPEG 2000 of 12 bits into black: 4088 to 4095 become 0 instead of 255.
# The samples are rounded to 8 bits and not kept below 256. Grey ones of 12 bits are read right.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 numpy==2.4.6 imagecodecs==2026.3.6
PYTHONPATH="$D" python3 - <<'P'
import io
import imagecodecs, numpy as np, PIL
from PIL import Image
ramp = np.repeat(np.arange(4096, dtype=np.uint16).reshape(64, 64)[..., None], 3, axis=2)
data = imagecodecs.jpeg2k_encode(ramp, level=0, bitspersample=12, reversible=True)
assert np.array_equal(imagecodecs.jpeg2k_decode(data), ramp)  # lossless
with Image.open(io.BytesIO(data)) as image:
    found = np.asarray(image)
print("Pillow", PIL.__version__, "mode", image.mode, "file written and read back by imagecodecs", imagecodecs.__version__)
for value in (4070, 4087, 4088, 4095):
    print(f"{value} of 4095 becomes {found[value // 64, value % 64].tolist()}")
as_found = found[63, 63].tolist() == [0, 0, 0] and found[63, 55].min() == 255
raise SystemExit(0 if as_found else 1)
P
