#!/bin/bash
# Pillow shows the white of a valid JPEG 2000 of fewer than 8 bits as grey: it shifts samples to 8 bits and does not fill the
# lower ones, so white is 128 of 255 at 1 bit, 192 at 2 and 240 at 4. A PNG or TIFF of as many bits has 255.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 numpy==2.4.6 imagecodecs==2026.3.6
PYTHONPATH="$D" python3 - <<'P'
import io
import imagecodecs, numpy as np, PIL
from PIL import Image
print("Pillow", PIL.__version__, "files by imagecodecs", imagecodecs.__version__)
found = {}
for bits in (1, 2, 4):
    white = np.full((32, 32), 2**bits - 1, np.uint8)
    data = imagecodecs.jpeg2k_encode(white, level=0, bitspersample=bits, reversible=True)
    assert np.array_equal(imagecodecs.jpeg2k_decode(data), white)
    with Image.open(io.BytesIO(data)) as image:
        found[bits] = (image.mode, int(np.asarray(image).max()))
    print(f"{bits} bits: white is {found[bits][1]} of 255, mode {found[bits][0]}")
raise SystemExit(0 if [white for _, white in found.values()] == [128, 192, 240] else 1)
P
