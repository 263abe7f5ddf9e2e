#!/bin/bash
# mlcroissant, the reader of data sets described in Croissant, gives other labels than a table holds where the description says that they
# are text (sc:Text), without a word: pandas guesses the type of a column first, and the guess is made text again. From CSV and TSV
# 007 is 7, 1e5 is 100000.0, TRUE is True, and NA, None and null are no label; an empty cell beside it makes 01 to 1.0. From JSON Lines
# "007" in quotes is 7, and of a name of 23 digits 17 are left. From JSON and Parquet the same table comes whole.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 pandas==3.1.1 pyarrow==26.0.1 mlcroissant==1.1.1
PYTHONPATH="$D" D="$D" HOME="$D" python3 - <<'P'
import csv, hashlib, json, logging, os, warnings
from importlib.metadata import version
from pathlib import Path
logging.disable()
warnings.simplefilter("ignore")
import mlcroissant as mlc, pyarrow, pyarrow.parquet
folder = Path(os.environ["D"]) / "data"
folder.mkdir()
kinds = {"csv": "text/csv", "tsv": "text/tab-separated-values", "jsonl": "application/jsonlines", "json": "application/json", "parquet": "application/x-parquet"}
def save(kind, labels):
    file, names = folder / f"table.{kind}", [f"{i}.png" for i in range(len(labels))]
    if kind in ("csv", "tsv"):
        with file.open("w", newline="") as stream:
            csv.writer(stream, delimiter="," if kind == "csv" else "\t").writerows([("picture", "label"), *zip(names, labels)])
    elif kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"picture": names, "label": labels}), file)
    else:
        rows = [{"picture": name, "label": label} for name, label in zip(names, labels)]
        file.write_text(json.dumps(rows) if kind == "json" else "".join(json.dumps(row) + "\n" for row in rows))
    return file
def read(file, kind):
    """The labels of a table, by a description that says they are text."""
    table = mlc.FileObject(id="table", name="table", content_url=file.name, encoding_formats=[kinds[kind]], sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    where = mlc.Extract(json_path="$[*].label") if kind == "json" else mlc.Extract(column="label")
    field = mlc.Field(id="pictures/label", name="label", data_types=[mlc.DataType.TEXT], source=mlc.Source(file_object="table", extract=where))
    described = mlc.Metadata(name="set", description="One table.", url="https://example.org", license="https://creativecommons.org/licenses/by/4.0/",
                             distribution=[table], record_sets=[mlc.RecordSet(id="pictures", name="pictures", fields=[field])])
    (folder / "croissant.json").write_text(json.dumps(described.to_json(), default=str))
    values = [record["pictures/label"] for record in mlc.Dataset(jsonld=str(folder / "croissant.json")).records("pictures")]
    return [value.decode() if isinstance(value, bytes) else value for value in values]
tables = [  # the labels of a table, and what CSV and TSV, and JSON Lines make of them
    (["007", "010"], ["7", "10"], ["7", "10"]),
    (["1e5", "2.50"], ["100000.0", "2.5"], ["100000.0", "2.5"]),
    (["TRUE", "FALSE"], ["True", "False"], ["TRUE", "FALSE"]),
    (["NA", "None", "null", "EU"], [None, None, None, "EU"], ["NA", "None", "null", "EU"]),
    (["01", "", "02"], ["1.0", None, "2.0"], ["01", "", "02"]),
    (["12345678901234567890123", "2"], ["12345678901234567890123", "2"], ["1.2345678901234568e+22", "2.0"]),
    (["cat", "007"], ["cat", "007"], ["cat", "007"]),
]
print(*(f"{name} {version(name)}" for name in ("mlcroissant", "pandas", "pyarrow")))
as_found = True
for labels, by_csv, by_lines in tables:
    for kind in kinds:
        found = [None if value is None or value != value else value for value in read(save(kind, labels), kind)]
        print(f"{kind}: {labels} comes {'whole' if found == labels else f'as {found}'}")
        as_found &= found == (by_csv if kind in ("csv", "tsv") else by_lines if kind == "jsonl" else labels)
raise SystemExit(0 if as_found else 1)
P
