#!/bin/bash
# Pillow reads two valid grey TIFFs by another sign than their SampleFormat says, without an error: 8 bits with a sign as
# 0 to 255 (-1 becomes 255), and 32 bits without one as mode I, where all from 2147483648 on is negative.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
PYTHONPATH="$D" python3 - <<'P'
import io
import numpy as np, PIL, tifffile
from PIL import Image
def read(values):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack", metadata=None)
    assert np.array_equal(tifffile.imread(io.BytesIO(buffer.getvalue())), values)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        return np.asarray(image).ravel().tolist(), image.mode
print("Pillow", PIL.__version__, "files by tifffile", tifffile.__version__)
signed, unsigned = np.array([[-128, -1, 0, 127]], np.int8), np.array([[0, 2**31 - 1, 2**31, 2**32 - 1]], np.uint32)
results = [(values.ravel().tolist(), *read(values)) for values in (signed, unsigned)]
for written, found, mode in results:
    print(f"written {written}, read {found} (mode {mode})")
raise SystemExit(0 if results[0][1] == [128, 255, 0, 127] and results[1][1][3] == -1 else 1)
P
