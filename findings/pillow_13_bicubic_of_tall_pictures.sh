#!/bin/bash
# Pillow 13 scales the height of some pictures first, where all versions before scaled the width first. Both passes clip to 0..255, so
# with the bicubic and the Lanczos filter, which overshoot, the same call on the same picture gives other grey levels than Pillow 12.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
cat > "$D/scale.py" <<'P'
import sys
import numpy as np, PIL
from PIL import Image
y, x = np.mgrid[:300, :200]
page = np.where((x % 7 < 2) & (y % 11 < 8) | (y % 11 == 4) & (x % 21 < 14), 0, 255).astype(np.uint8)  # strokes as on a page of text
made = {"tall": page, "wide": page.T.copy()}
np.savez(sys.argv[1], **{f"{shape} {name}": np.asarray(Image.fromarray(image).resize((128, 128), getattr(Image.Resampling, name)))
                         for shape, image in made.items() for name in ("BILINEAR", "BICUBIC", "LANCZOS")})
print("Pillow", PIL.__version__)
P
for version in 12.1.0 13.0.0; do
  python3 -m pip install --quiet --disable-pip-version-check --target "$D/$version" pillow==$version numpy==2.4.6
  PYTHONPATH="$D/$version" python3 "$D/scale.py" "$D/$version.npz"
done
PYTHONPATH="$D/13.0.0" python3 - "$D/12.1.0.npz" "$D/13.0.0.npz" <<'P'
import sys
import numpy as np
before, after = map(np.load, sys.argv[1:])
most = {name: int(np.abs(before[name].astype(int) - after[name].astype(int)).max()) for name in before}
for name, levels in most.items():
    print(f"{name}: the two versions differ by up to {levels} of 255 grey levels")
alike = all(levels <= 1 for name, levels in most.items() if name.startswith("wide") or name.endswith("BILINEAR"))
raise SystemExit(0 if alike and most["tall BICUBIC"] > 5 and most["tall LANCZOS"] > 5 else 1)
P
