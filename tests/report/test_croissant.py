"""The data set as Croissant: the structure of the description, and the table that it describes.

`benchmarks/croissant.py` has mlcroissant validate it and load every record.
"""

import csv
import hashlib
import re
from dataclasses import replace

import pytest

from groupwise.data.split import read_split
from groupwise.errors import GroupwiseError
from groupwise.files import read_json, write_json
from groupwise.report.croissant import OUR_WORDS, OURS_TO_ASK, _file_set, write_croissant
from groupwise.runs.files import read_run


@pytest.fixture
def described(make_run, tmp_path):
    run, folder = make_run(), tmp_path / "published"
    write_croissant(read_run(run), folder)
    return run, folder, read_json(folder / "croissant.json")


def by_id(nodes):
    return {node["@id"]: node for node in nodes}


def test_the_table_has_the_split_and_no_group(described):
    run, folder, _ = described
    with (folder / "images.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    split = read_split(run / "split.csv")
    assert [(row["path"], row["label"], row["fold"]) for row in rows] == [
        (one.path, one.label, one.fold) for one in split.rows
    ]
    assert [int(row["source"]) for row in rows] == split.sources.tolist()
    assert "group" not in rows[0]
    assert all(row["label_quoted"] == f"'{row['label']}'" for row in rows)


def test_classes_are_read_between_quotes_which_no_reader_takes_for_a_number(described):
    _, _, told = described
    for records in ("images", "pictures"):
        field = by_id(by_id(told["recordSet"])[records]["field"])[f"{records}/label"]
        assert field["source"]["extract"] == {"column": "label_quoted"}
        pattern = field["source"]["transform"]["regex"]
        assert [re.match(pattern, f"'{name}'")[1] for name in ("007", "NA", "it's")] == ["007", "NA", "it's"]


@pytest.mark.parametrize(
    ("paths", "kinds"),
    [
        (["a/1.tif", "a/2.tiff"], ["image/png", "image/tiff"]),
        (["a/1.jpg", "a/2.tif"], ["image/jpeg", "image/tiff"]),
        (["a/1.png"], "image/png"),
    ],
)
def test_tiff_is_never_the_first_kind_named(paths, kinds):
    assert _file_set(paths)["encodingFormat"] == kinds


def test_every_reference_leads_somewhere(described):
    _, folder, told = described
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    files, records = by_id(told["distribution"]), by_id(told["recordSet"])
    assert files["images.csv"]["sha256"] == hashlib.sha256((folder / "images.csv").read_bytes()).hexdigest()
    assert files["image-files"]["includes"] == ["*.png"]
    header = (folder / "images.csv").read_text().splitlines()[0].split(",")
    for record in records.values():
        fields = by_id(record["field"])
        assert record["key"]["@id"] in fields
        for name, field in fields.items():
            assert name == f"{record['@id']}/{field['name']}"
            for link in (field.get("source"), field.get("references")):
                if link is None:
                    continue
                assert (link.get("fileObject") or link["fileSet"])["@id"] in files
                assert link["extract"].get("column", "path") in header
        assert all(row.keys() == fields.keys() for row in record.get("data", ()))
    folds = [row["folds/name"] for row in records["folds"]["data"]]
    assert sorted(folds) == ["test", "train", "val"]
    assert [row["classes/name"] for row in records["classes"]["data"]] == ["cat", "dog"]
    kinds = {name: field["dataType"] for name, field in by_id(records["images"]["field"]).items()}
    assert "cr:Split" in kinds["images/fold"]
    assert "60 images of 2 classes from 20 sources" in told["description"]
    assert "every source in one fold alone" in told["description"]


def test_sources_in_two_folds_are_said(make_run, tmp_path):
    run = make_run(method="random", name="random")
    across = read_json(run / "split.json")["spanning_sources"]
    write_croissant(read_run(run), tmp_path / "published")
    told = read_json(tmp_path / "published" / "croissant.json")["description"]
    assert across > 1
    assert f"Divided with {across} sources in more than one fold" in told


def test_what_a_person_wrote_is_kept_and_the_rest_is_new(described):
    run, folder, told = described
    assert write_croissant(read_run(run), folder) == list(OURS_TO_ASK)
    licence = "https://creativecommons.org/licenses/by/4.0/"
    write_json(folder / "croissant.json", told | {"license": licence, "recordSet": [], "url": "https://a.b"})
    assert write_croissant(read_run(run), folder) == ["creator", "datePublished"]
    assert read_json(folder / "croissant.json") == told | {"license": licence, "url": "https://a.b"}


def test_of_another_run_the_name_and_the_counts_are_its_own(described, make_run):
    _, folder, told = described
    other = read_run(make_run(method="random", name="random"))
    write_croissant(replace(other, ledger={**other.ledger, "data": "sets/birds.zip"}), folder)
    now = read_json(folder / "croissant.json")
    assert (told["name"], now["name"]) == ("pets", "birds")
    assert "sources in more than one fold" in now["description"]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Pets of Jena"},
        {"description": "Cats and dogs."},
        {"description": "{} Photographed in 2024."},
        {"name": "Pets of Jena", "description": "In our words: {}"},
    ],
)
def test_of_another_run_what_a_person_named_and_described_stays(described, make_run, changed):
    _, folder, told = described
    written = {key: text.format(told["description"]) for key, text in changed.items()}
    write_json(folder / "croissant.json", told | written)
    other = read_run(make_run(method="random", name="random"))
    write_croissant(replace(other, ledger={**other.ledger, "data": "sets/birds.zip"}), folder)
    now = read_json(folder / "croissant.json")
    assert {key: now[key] for key in changed} == written
    assert ("name" in changed) or now["name"] == "birds"


def test_a_name_in_an_earlier_description_without_the_set_s_own_stays(described):
    """It may be a person's: earlier versions did not say what they had called the set."""
    run, folder, told = described
    earlier = {key: value for key, value in told.items() if key != "alternateName"}
    write_json(folder / "croissant.json", earlier | {"name": "Pets of Jena"})
    write_croissant(read_run(run), folder)
    assert read_json(folder / "croissant.json") == told | {"name": "Pets of Jena"}


def test_every_description_of_ours_is_known_again(described):
    told = described[2]["description"]
    for other in (
        told,
        told.replace("photograph that an audit found.", "photograph."),
        told.replace(" A source", " 1,204 images left out of every fold. A source"),
        told.replace("classes", "labels").replace(
            "every source in one fold alone", "1 source in more than one fold"
        ),
    ):
        assert OUR_WORDS.fullmatch(other), other


def test_a_foreign_file_and_a_run_without_split_are_refused(described, tmp_path):
    run, folder, _ = described
    write_json(folder / "croissant.json", ["no description"])
    with pytest.raises(GroupwiseError, match=r"croissant\.json: no description\. Move the file away"):
        write_croissant(read_run(run), folder)
    (run / "split.csv").unlink()
    with pytest.raises(GroupwiseError, match=r"split\.csv: no such file, or an empty one"):
        write_croissant(read_run(run), tmp_path / "new")
    assert not (tmp_path / "new").exists()
