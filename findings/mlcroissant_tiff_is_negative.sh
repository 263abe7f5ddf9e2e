#!/bin/bash
# mlcroissant, the reader of data sets described in Croissant, gives every TIFF of 8 bits (encodingFormat image/tiff, a FileObject or a
# FileSet) as its negative, without a word: it takes what tifffile reads for numbers from 0 to 1, multiplies them by 255 and cuts
# them to 8 bits, so 70 becomes 17850 = 186 modulo 256. Of 16 bits it keeps the lower byte of the product. TIFFs of floats from 0 to 1 and
# of one bit are right, and so is the same picture as PNG, which Pillow reads. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 pillow==13.0.0 tifffile==2026.3.3 mlcroissant==1.1.1
PYTHONPATH="$D" D="$D" HOME="$D" python3 - <<'P'
import hashlib, json, logging, os, warnings
from importlib.metadata import version
from pathlib import Path
logging.disable()
warnings.simplefilter("ignore")
import mlcroissant as mlc, numpy as np, tifffile
from PIL import Image
folder = Path(os.environ["D"]) / "data"
folder.mkdir()
def read(file, kind, known_as):
    """The picture of a file, by a description of it."""
    if known_as == "FileObject":
        file_facts = mlc.FileObject(id="files", name="files", content_url=file.name, encoding_formats=[kind], sha256=hashlib.sha256(file.read_bytes()).hexdigest())
        source = mlc.Source(file_object="files", extract=mlc.Extract(file_property="content"))
    else:
        file_facts = mlc.FileSet(id="files", name="files", includes=[f"*{file.suffix}"], encoding_formats=[kind])
        source = mlc.Source(file_set="files", extract=mlc.Extract(file_property="content"))
    field = mlc.Field(id="pictures/content", name="content", data_types=[mlc.DataType.IMAGE_OBJECT], source=source)
    described = mlc.Metadata(name="set", description="One picture.", url="https://example.org", license="https://creativecommons.org/licenses/by/4.0/",
                             distribution=[file_facts], record_sets=[mlc.RecordSet(id="pictures", name="pictures", fields=[field])])
    (folder / "croissant.json").write_text(json.dumps(described.to_json(), default=str))
    (record,) = mlc.Dataset(jsonld=str(folder / "croissant.json")).records("pictures")
    return np.asarray(record["pictures/content"])
y, x = np.mgrid[0:16, 0:24]
colours = np.dstack([x * 10, y * 15, 255 - x * 5]).astype(np.uint8)
grey, negative = colours[..., 0], -colours.astype(int) % 256
pictures = {  # what it is: (what is stored, what comes)
    "8 bits, colours": (colours, negative),
    "8 bits, grey": (grey, negative[..., 0]),
    "16 bits, grey": (grey.astype(np.uint16) * 257, negative[..., 0]),
    "floats from 0 to 1": ((colours / 255).astype(np.float32), colours),
    "one bit": (grey > 99, (grey > 99) * 255),
}
print(*(f"{name} {version(name)}" for name in ("mlcroissant", "tifffile", "pillow")))
as_found = True
for known_as in ("FileObject", "FileSet"):
    for what, (stored, expected) in pictures.items():
        tifffile.imwrite(folder / "picture.tif", stored, metadata=None)
        found = read(folder / "picture.tif", "image/tiff", known_as)
        print(f"{known_as}, TIFF of {what}: stored {stored[5, 7].round(3).tolist() if stored.dtype.kind == 'f' else stored[5, 7].tolist()}, comes as {found[5, 7].tolist()}")
        as_found &= np.array_equal(found, expected)
    Image.fromarray(colours).save(folder / "picture.png")
    found = read(folder / "picture.png", "image/png", known_as)
    print(f"{known_as}, PNG of 8 bits, colours: stored {colours[5, 7].tolist()}, comes as {found[5, 7].tolist()}")
    as_found &= np.array_equal(found, colours)
raise SystemExit(0 if as_found else 1)
P
