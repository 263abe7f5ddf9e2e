#!/bin/bash
# tifffile writes two kinds of TIFF with packed samples that it reads back as another picture, without an error: big-endian
# files of 9 to 15 bits a sample (byteorder ">", bitspersample), and colours of one bit (bool, photometric "rgb"). The same
# arrays in little-endian order, or as one grey channel, come back whole; libtiff (imagecodecs) reads both as tifffile does.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" tifffile==2026.3.3 numpy==2.4.6 imagecodecs==2026.3.6
PYTHONPATH="$D" python3 - <<'P'
import io
import imagecodecs, numpy as np, tifffile
def comes_back(values, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    data = buffer.getvalue()
    found, other = tifffile.imread(io.BytesIO(data)), imagecodecs.tiff_decode(data)
    return np.array_equal(found, values), np.array_equal(other, values)
rng = np.random.default_rng(0)
deep = rng.integers(0, 4096, (32, 48)).astype(np.uint16)
colours = rng.random((32, 48, 3)) > 0.5
cases = {
    "12 bits, little-endian": comes_back(deep, photometric="minisblack", bitspersample=12, byteorder="<"),
    "12 bits, big-endian": comes_back(deep, photometric="minisblack", bitspersample=12, byteorder=">"),
    "1 bit, grey": comes_back(colours[..., 0], photometric="minisblack"),
    "1 bit, colours": comes_back(colours, photometric="rgb"),
}
print("tifffile", tifffile.__version__, "imagecodecs", imagecodecs.__version__)
for name, (own, other) in cases.items():
    print(f"{name}: read back by tifffile {'whole' if own else 'as another picture'}, by libtiff {'whole' if other else 'as another picture'}")
raise SystemExit(0 if [own for own, _ in cases.values()] == [True, False, True, False] else 1)
P
