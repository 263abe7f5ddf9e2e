"""Tables as other programs write them: R, pandas, competitions, archives; and what is refused in words."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

import groupwise
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.errors import GroupwiseError, UsageError
from layout_case import classes, picture, put, split, table, text

PETS = [(f"{c}/{c}{i}.jpg", c) for c in ("cat", "dog") for i in range(3)]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    put(tmp_path, *(path for path, _ in PETS))
    return tmp_path


def frame(orient: str) -> object:
    """What pandas' `to_json` writes of `PETS`."""
    columns = ("path", "label")
    rows = [dict(zip(columns, row, strict=True)) for row in PETS]
    return {
        "records": rows,
        "columns": {name: {str(i): row[name] for i, row in enumerate(rows)} for name in columns},
        "index": {str(i): row for i, row in enumerate(rows)},
        "split": {"columns": list(columns), "index": list(range(6)), "data": [list(row) for row in PETS]},
        "table": {"schema": {"fields": [], "pandas_version": "1.4.0"}, "data": rows},
        "files as names of rows": {path: {"label": label, "age": 3} for path, label in PETS},
    }[orient]


@pytest.mark.parametrize(
    "orient", ["records", "columns", "index", "split", "table", "files as names of rows"]
)
def test_what_pandas_writes_as_json(pets, orient):
    manifest = scan(text(pets, "t.json", json.dumps(frame(orient))))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)


@pytest.mark.parametrize("mark", ["\u2028", "\x85"])
@pytest.mark.parametrize("ending", ["jsonl", "txt", "csv"])
def test_a_line_ends_where_the_file_says(pets, mark, ending):
    """And not at what Python's `splitlines` takes for an end as well."""
    odd = f"cat/cat{mark}9.jpg"
    put(pets, odd)
    rows = [*PETS, (odd, "cat")]
    lines = {
        "jsonl": [json.dumps({"path": path, "label": label}, ensure_ascii=False) for path, label in rows],
        "txt": [f"{path} {label}" for path, label in rows],
        "csv": [f"# of{mark}path,label", "path,label", *(f"{path},{label}" for path, label in rows)],
    }[ending]
    manifest = scan(text(pets, f"t.{ending}", "\r\n".join(lines)))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(rows)


FILES = [path for path, _ in PETS]
LISTS = {
    "columns": {"file_name": FILES, "label": [c for _, c in PETS]},
    "columns of identifiers": {"image_id": [p[4:-4] for p in FILES], "label": [c for _, c in PETS]},
    "classes of an image": {path: [c] for path, c in PETS},
    "images of a class": {"cat": FILES[:3], "dog": FILES[3:]},
    "identifiers of a class": {"cat": [p[4:-4] for p in FILES[:3]], "dog": [p[4:-4] for p in FILES[3:]]},
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_are_read_by_the_side_that_names_images(pets, kind):
    manifest = scan(text(pets, "t.json", json.dumps(LISTS[kind])))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)


def test_several_classes_of_an_image_in_a_list(pets):
    content = {path: ["cat", "dog"] if i % 2 else ["cat"] for i, path in enumerate(FILES)}
    manifest = scan(text(pets, "t.json", json.dumps(content)))
    assert "several labels" in manifest.layout
    assert manifest.classes == ("cat", "dog")


@pytest.mark.parametrize(
    "content",
    [
        {"items": ["a"], "categories": {}},
        {"items": [{"image": "a.jpg"}], "categories": {"label": ["x"]}},
        {"images": [1], "annotations": [2], "categories": [3]},
    ],
)
def test_json_that_only_looks_like_an_export_is_refused_in_words(pets, content):
    with pytest.raises(GroupwiseError, match="holds no list of images"):
        scan(text(pets, "t.json", json.dumps(content)))


def folds_and_classes(kind: str) -> object:
    return {
        "fiftyone": {"classes": ["cat", "dog"], "labels": {p[4:-4]: int(c == "dog") for p, c in PETS}},
        "datumaro": {
            "categories": {"label": {"labels": [{"name": "cat"}, {"name": "dog"}]}},
            "items": [
                {
                    "id": p[:-4],
                    "annotations": [{"type": "label", "label_id": int(c == "dog")}, {"type": "bbox"}],
                    "image": {"path": p},
                }
                for p, c in PETS
            ],
        },
        "triples": {fold: [[p, int(c == "dog"), c] for p, c in PETS] for fold in ("train",)},
    }[kind]


@pytest.mark.parametrize("kind", ["fiftyone", "datumaro", "triples"])
def test_json_of_numbered_classes(pets, kind):
    manifest = scan(text(pets, "t.json", json.dumps(folds_and_classes(kind))))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)


@pytest.mark.parametrize("header", ["Pfad;Klasse", "archivo;etiqueta", "fichier;étiquette", "文件名;标签"])
def test_columns_in_other_languages(pets, header):
    manifest = scan(table(pets, "t.csv", header, PETS, ";"))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)


@pytest.mark.parametrize("above", ["# made by x, 2024\n#\npath,label", "# path,label"])
def test_comments_above_a_table(pets, above):
    manifest = scan(table(pets, "t.csv", above, PETS))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)


@pytest.mark.parametrize(("no", "labels"), [("-1", ["|a|", "|a|b|", "|b|"]), ("0", ["|a|", "|a|b|", "|b|"])])
def test_minus_one_is_no_where_nothing_else_is(pets, no, labels):
    rows = [(PETS[0][0], "1", no), (PETS[1][0], "1", "1"), (PETS[2][0], no, "1")]
    found = scan(table(pets, "t.csv", "path,a,b", rows))
    assert [sample.label for sample in found.usable] == labels
    assert ("-1 for no" in found.layout) == (no == "-1")
    with pytest.raises(GroupwiseError, match="holds -1, uncertain"):
        scan(table(pets, "t.csv", "path,a,b", [*rows, (PETS[3][0], "-1", "0")]))


def test_many_classes_of_one_image_are_one_note(pets):
    rows = [(path, f"{0.37 * i:.2f}") for i, (path, _) in enumerate(PETS)]
    measured, single = scan(table(pets, "t.csv", "path,label", rows)).notes
    assert "If they are a measurement" in measured
    assert "6 of 6 classes have a single image each" in single
    assert "measurement" not in single
    rows = [(path, f"c{i}") for i, (path, _) in enumerate(PETS)]
    [note] = scan(table(pets, "t.csv", "path,label", rows)).notes
    assert "measurement" not in note


def test_a_fold_without_class_folders_is_said(tmp_path):
    split(tmp_path, "train")
    put(tmp_path, "test/1.jpg", "test/2.jpg")
    [note] = scan(tmp_path, ReadOptions(given="pool")).notes
    assert "'test' holds no class folders: its 2 images" in note


def test_rows_that_say_no_are_asked_about(pets):
    rows = [(path, label, str(i % 2)) for i, (path, label) in enumerate(PETS)]
    [note] = scan(table(pets, "t.csv", "path,label,Confidence", rows)).notes
    assert "'Confidence' holds 0 and 1" in note
    assert scan(table(pets, "u.csv", "path,label,lamp", rows)).notes == ()
    assert scan(table(pets, "v.csv", "path,label,value", [(*row[:2], "1") for row in rows])).notes == ()


def test_files_are_taken_from_the_column_that_names_them(pets):
    rows = [(str(i), path, label) for i, (path, label) in enumerate(PETS)]
    found = scan(table(pets, "t.csv", "ID,Left-Fundus,label", rows))
    assert {sample.path: sample.label for sample in found.usable} == dict(PETS)


@pytest.mark.parametrize(("column", "cell"), [("mask", "{}_mask.png"), ("url", "http://x.org/t/{}_t.jpg")])
def test_identifiers_that_lead_to_images_are_their_paths(tmp_path, column, cell):
    names = [f"p{i:03}" for i in range(4)]
    put(tmp_path, *(f"images/{name}.jpg" for name in names), *(f"masks/{name}_mask.png" for name in names))
    rows = [(name, cell.format(name), c) for name, c in zip([*names, "p999"], "ababa", strict=True)]
    manifest = scan(table(tmp_path, "t.csv", f"image_id,{column},label", rows))
    assert [sample.path for sample in manifest.usable] == [f"images/{name}.jpg" for name in names]


def test_row_numbers_that_lead_nowhere_make_way_for_files(pets):
    rows = [(str(i), p, c) for i, (p, c) in enumerate(PETS)]
    manifest = scan(table(pets, "t.csv", "image_id,jpg,label", rows))
    assert {sample.path for sample in manifest.usable} == {path for path, _ in PETS}


def test_an_identifier_called_as_a_folder_is_looked_for(tmp_path):
    put(tmp_path, *(f"images/{i}.jpg" for i in range(4)), "0/x.png", "1/x.png")
    manifest = scan(table(tmp_path, "t.csv", "id,label", ((str(i), "ab"[i % 2]) for i in range(4))))
    assert [sample.path for sample in manifest.usable] == [f"images/{i}.jpg" for i in range(4)]
    odd = scan(table(tmp_path, "odd.csv", "path,label", [("images/2.jpg", "a"), ("images", "b")]))
    assert [sample.codes for sample in odd.samples] == [(), ("folder",)]


def test_files_without_an_ending_are_found_where_no_other_is_called_so(tmp_path):
    put(tmp_path, "images/7", "images/1.2.840.5", "images/8.png", "labels/8")
    names = ["7", "1.2.840.5", "8"]
    manifest = scan(table(tmp_path, "t.csv", "id,label", zip(names, "aba", strict=True)))
    found = [sample.path for sample in manifest.usable]
    assert found == ["images/7", "images/1.2.840.5", "images/8.png"]


@pytest.mark.parametrize("name", ["labels.txt", "classes.txt", "synsets.txt", "train.txt"])
def test_a_list_of_images_names_no_classes_of_one(pets, name):
    rows = "".join(f"{p} {int(c == 'dog')}\n" for p, c in PETS)
    text(pets, "labels.txt", rows)
    assert scan(text(pets, name, rows)).classes == ("0", "1")
    text(pets, "synsets.txt" if name != "synsets.txt" else "classes.txt", "cat\ndog\n")
    assert scan(pets / name).classes == ("cat", "dog")


def test_a_via_table_without_the_names_of_files_is_a_table(pets):
    listing = table(pets, "t.csv", "path,label,file_attributes", ((p, c, "{}") for p, c in PETS))
    assert len(scan(listing).usable) == 6


def test_a_file_beside_each_image_is_not_pointed_at(tmp_path):
    put(tmp_path, "images/1.jpg", "images/2.jpg")
    for i in (1, 2):
        text(tmp_path, f"images/{i}.json", '{"label": "cat"}')
    with pytest.raises(GroupwiseError, match=r"such as images/1.json stand beside one image each"):
        scan(tmp_path)


def test_pictures_that_lie_in_no_folder_name_the_pattern(tmp_path):
    put(tmp_path, "cat1.jpg", "dog1.jpg")
    [note] = scan(tmp_path).notes
    pattern = note.partition("as '")[2].partition("'")[0]
    assert scan(tmp_path, ReadOptions(label_regex=pattern)).classes == ("cat", "dog")


def test_re_identification_sets_are_ready_splits(tmp_path):
    put(
        tmp_path,
        "bounding_box_train/1_c1.jpg",
        "bounding_box_train/1_c2.jpg",
        "query/2_c1.jpg",
        "query/2_c2.jpg",
    )
    with pytest.raises(GroupwiseError, match="look like a data set already split"):
        scan(tmp_path)


@pytest.mark.parametrize("given", ["pool", "folders"])
def test_a_folder_around_the_images_of_a_fold_is_no_class(tmp_path, given):
    classes(tmp_path, "asl_train/asl_train/A", "asl_train/asl_train/B", "asl_test/asl_test")
    found = scan(tmp_path, ReadOptions(given=given))
    assert found.classes == ("A", "B")
    assert "'asl_test' holds no class folders: its 3 images" in found.notes[0]
    classes(tmp_path / "near", "train/good", "test/good", "test/bad", "val/good")
    assert scan(tmp_path / "near", ReadOptions(given=given)).classes == ("bad", "good")


def test_tiny_imagenet(tmp_path):
    put(tmp_path, *(f"train/{c}/images/{c}_{i}.JPEG" for c in ("n01", "n02") for i in range(2)))
    put(tmp_path, *(f"val/images/val_{i}.JPEG" for i in range(2)))
    [note] = scan(tmp_path, ReadOptions(given="pool")).notes
    assert "'val' holds no class folders: its 2 images" in note
    text(tmp_path, "train/words.txt", "n01\tcat\nn02\tdog\n")
    assert any("words.txt may hold their names" in note for note in scan(tmp_path / "train").notes)


def test_json_without_names_of_columns_is_refused_in_words(pets):
    with pytest.raises(GroupwiseError, match="no list of images that is known"):
        scan(text(pets, "t.json", json.dumps([list(row) for row in PETS])))


@pytest.mark.parametrize("header", ['"","path","label"', '"path","label"'])
def test_row_names_as_r_writes_them(pets, header):
    rows = [(f'"{i}"', f'"{path}"', f'"{label}"') for i, (path, label) in enumerate(PETS, start=1)]
    manifest = scan(table(pets, "t.csv", header, rows))
    assert {sample.path: sample.label for sample in manifest.usable} == dict(PETS)
    assert manifest.samples[0].extra == {"column 1": "1"}
    with pytest.raises(GroupwiseError, match="row 2 does not have the 2 columns"):
        scan(table(pets, "u.csv", "path,label", [PETS[0], (*PETS[1], "x")]))
    with pytest.raises(GroupwiseError, match="row 1 does not have the 2 columns"):
        scan(table(pets, "v.csv", "path,label", [(*pet, "") for pet in PETS]))


def test_identifiers_of_a_competition_lie_in_the_folder_of_the_table(tmp_path):
    put(tmp_path, *(f"{fold}/{i}.jpg" for fold in ("train", "test") for i in range(4)))
    rows = [(str(i), ("cat", "dog")[i % 2]) for i in range(4)]
    found = scan(table(tmp_path, "train_labels.csv", "id,label", rows))
    assert [sample.path for sample in found.usable] == [f"train/{i}.jpg" for i in range(4)]
    for name in ("labels.csv", "train_test.csv"):
        found = scan(table(tmp_path, name, "id,label", rows))
        assert not found.usable
        [note] = [note for note in found.notes if "borne by several files" in note]
        root = Path(note.partition("--root ")[2].rstrip("."))
        assert len(scan(tmp_path / name, ReadOptions(root=root)).usable) == 4


def test_several_rows_an_image_name_the_option(pets):
    rows = [*PETS, (PETS[0][0], "wet"), (PETS[3][0], "wet")]
    file = table(pets, "t.csv", "path,label", rows)
    [note] = [note for note in scan(file).notes if "--labels several" in note]
    assert "2 files stand in several rows" in note
    several = scan(file, ReadOptions(labels="several"))
    assert several.usable[0].label == "|cat|wet|"
    assert not any(
        "--labels several" in n for n in scan(table(pets, "u.csv", "path,label", [*PETS, PETS[0]])).notes
    )


@pytest.mark.parametrize("mark", [";", "\t", "|", ","])
def test_a_list_to_leave_out_with_any_separator(pets, mark):
    left_out = table(pets, "out.csv", f"why{mark}path", [("bad", PETS[0][0])], mark)
    listing = table(pets, "t.csv", "path,label", PETS)
    assert len(scan(listing, ReadOptions(exclude=left_out)).usable) == 5


class TestArchives:
    def test_a_table_whose_images_lie_in_an_archive(self, pets, tmp_path_factory):
        away = tmp_path_factory.mktemp("away")
        archive = Path(shutil.make_archive(str(away / "pets"), "zip", pets))
        bare = [(path.rpartition("/")[2][:-4], label) for path, label in PETS]
        for rows in (PETS, bare):
            found = scan(table(away, "t.csv", "path,label", rows), ReadOptions(root=archive))
            assert {sample.path: sample.label for sample in found.usable} == dict(PETS)
        rows = [*PETS, ("cat/none.jpg", "cat")]
        found = scan(table(away, "t.csv", "path,label", rows), ReadOptions(root=archive))
        assert [sample.codes for sample in found.samples[-1:]] != [()]
        assert len(found.usable) == 6
        with pytest.raises(UsageError, match=r"is an archive.*Give the archive itself"):
            scan(pets, ReadOptions(root=archive))

    @pytest.mark.parametrize("kind", ["zip", "gztar"])
    def test_a_table_within_an_archive(self, tmp_path, kind):
        inner = tmp_path / "inner"
        put(inner, *(path.replace("/", "_") for path, _ in PETS))
        table(inner, "metadata.csv", "file_name,label", ((p.replace("/", "_"), c) for p, c in PETS))
        found = scan(Path(shutil.make_archive(str(tmp_path / "x"), kind, inner)))
        assert sorted(sample.label for sample in found.usable) == ["cat"] * 3 + ["dog"] * 3

    def test_a_folder_in_an_archive_is_not_advised_as_data(self, tmp_path):
        split(tmp_path / "in", "train", "test")
        archive = Path(shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / "in"))
        with pytest.raises(GroupwiseError, match=r"Unpack it and give one of them, such as train, or, where"):
            scan(archive)

    def test_a_table_within_the_folder_around_the_classes_is_said(self, tmp_path):
        put(tmp_path, *(f"data/{path}" for path, _ in PETS))
        listing = table(tmp_path, "data/metadata.csv", "file_name,label", PETS)
        [note] = [note for note in scan(tmp_path).notes if "lists these images" in note]
        assert f"give {listing} as DATA" in note

    def test_a_damaged_image_in_a_zip_stops_no_scan(self, tmp_path):
        name = "cat/1.png"
        with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for path in ("cat/0.png", name, "dog/0.png"):
                file.writestr(path, picture(path))
            begin = file.getinfo(name).header_offset + 30 + len(name)
        content = bytearray((tmp_path / "x.zip").read_bytes())
        content[begin : begin + 6] = bytes(byte ^ 0xFF for byte in content[begin : begin + 6])
        (tmp_path / "x.zip").write_bytes(content)
        codes = {sample.path: sample.codes for sample in scan(tmp_path / "x.zip").samples}
        assert codes == {"cat/0.png": (), name: ("unreadable",), "dog/0.png": ()}

    @pytest.mark.parametrize("kind", ["tar", "gztar"])
    def test_links_in_a_tar_are_followed_or_named(self, tmp_path, kind):
        inner = tmp_path / "in"
        put(inner, "cat/0.jpg", "cat/1.jpg", "dog/0.jpg")
        os.link(inner / "cat/0.jpg", inner / "dog/hard.jpg")
        (inner / "dog/soft.jpg").symlink_to("../cat/1.jpg")
        for name, target in (("none", "nothing.jpg"), ("loop", "loop.jpg"), ("out", "../../out.jpg")):
            (inner / f"dog/{name}.jpg").symlink_to(target)
        manifest = scan(Path(shutil.make_archive(str(tmp_path / "x"), kind, inner)))
        digests = {sample.path: sample.sha256 for sample in manifest.usable}
        assert len(digests) == 5
        assert digests["dog/hard.jpg"] == digests["cat/0.jpg"]
        assert digests["dog/soft.jpg"] == digests["cat/1.jpg"]
        named = {sample.path for sample in manifest.samples if sample.codes == ("unreadable",)}
        assert named == {"dog/none.jpg", "dog/loop.jpg", "dog/out.jpg"}

    def test_roboflow_packed(self, tmp_path):
        for fold in ("train", "valid"):
            put(tmp_path, f"in/{fold}/a.jpg", f"in/{fold}/b.jpg")
            rows = [("a.jpg", "1", "0"), ("b.jpg", "0", "1")]
            table(tmp_path, f"in/{fold}/_classes.csv", "filename,cat,dog", rows)
        archive = Path(shutil.make_archive(str(tmp_path / "x"), "zip", tmp_path / "in"))
        with pytest.raises(GroupwiseError, match="already split"):
            scan(archive)
        found = scan(archive, ReadOptions(given="folders"))
        assert {(s.label, s.extra["given_fold"]) for s in found.usable} == {
            (label, fold) for label in ("cat", "dog") for fold in ("train", "val")
        }

    def test_another_table_beside_class_folders_in_an_archive_has_a_true_remedy(self, pets, tmp_path_factory):
        away = tmp_path_factory.mktemp("away")
        listing = table(pets, "labels.csv", "path,label", PETS)
        archive = Path(shutil.make_archive(str(away / "packed"), "zip", pets))
        [note] = [note for note in scan(archive).notes if "labels.csv lists these images" in note]
        assert f"give labels.csv as DATA with --root {archive}" in note
        taken = shutil.copy(listing, away / "labels.csv")
        assert len(scan(Path(taken), ReadOptions(root=archive)).usable) == 6


def test_splits_within_numbered_folds_are_several_data_sets(tmp_path):
    split(tmp_path, *(f"fold_{k}/{fold}" for k in (1, 2) for fold in ("train", "test")))
    for given in (None, "folders", "pool"):
        with pytest.raises(GroupwiseError, match=r"several ready splits|already split"):
            scan(tmp_path, ReadOptions(given=given))
    assert scan(tmp_path / "fold_1", ReadOptions(given="folders")).classes == ("cat", "dog")


@pytest.mark.parametrize("given", ["folders", "pool"])
def test_a_split_that_is_not_there_is_refused_with_a_pattern_as_well(tmp_path, given):
    classes(tmp_path, "cat", "dog")
    with pytest.raises(UsageError, match="no folders called train"):
        scan(tmp_path, ReadOptions(given=given, label_regex="^([^/]+)/"))


class TestCalls:
    class Frame:
        """What of a pandas table is looked at."""

        def to_csv(self) -> None: ...

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            ({"data": Frame(), "run": "r"}, r"data: holds Frame.*to_csv"),
            ({"data": "d", "run": "r", "exclude": ["a.jpg"]}, r"exclude: holds list.*one a line"),
            ({"data": "d", "run": "r", "root": 3}, r"root: holds int"),
            ({"data": ["a", "b"], "run": "r"}, r"data: holds list"),
        ],
    )
    def test_values_that_are_no_paths_are_refused_in_words(self, call, words):
        with pytest.raises(UsageError, match=words):
            groupwise.train(**call)

    def test_a_missing_label_is_no_class_of_the_estimator(self):
        with pytest.raises(UsageError, match=r"y: holds 'nan'.*missing label"):
            groupwise.GroupwiseClassifier().fit(["a.jpg", "b.jpg"], ["nan", "cat"])
        with pytest.raises(ValueError, match="requires y"):
            groupwise.GroupwiseClassifier().fit(["a.jpg"])
