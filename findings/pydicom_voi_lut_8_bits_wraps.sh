#!/bin/bash
# pydicom's apply_voi_lut takes the index into a VOI LUT of 8 bits modulo 256: it keeps indices in the type of the entries.
# A radiograph of 12 bits with the valid table 4096 entries -> 8 bits comes out as stripes, without an error or a warning.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" pydicom==3.0.2 numpy==2.4.6
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, pydicom
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut
values = np.array([[0, 255, 256, 1024, 2048, 4095]], np.uint16)  # stored, of 12 bits
table = np.arange(4096) // 16  # PS3.3 C.11.2: 4096 entries of 8 bits, a straight line
item = Dataset()
item.LUTDescriptor, item.LUTData = [4096, 0, 8], table.tolist()
item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "US"
dataset = Dataset()
dataset.VOILUTSequence = [item]
found = apply_voi_lut(values, dataset).ravel().tolist()
expected = table[values.ravel()].tolist()
print("pydicom", pydicom.__version__)
print("stored  ", values.ravel().tolist())
print("expected", expected)
print("found   ", found)
raise SystemExit(0 if found == table[values.ravel() % 256].tolist() != expected else 1)
P
