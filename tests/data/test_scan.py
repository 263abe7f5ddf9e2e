"""Every planted file is named once, with its reason; its near miss is not."""

from __future__ import annotations

import csv
import hashlib
import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from groupwise.data import inspect as inspect_module
from groupwise.data import scan as scan_module
from groupwise.data.inspect import inspect
from groupwise.data.manifest import Manifest, Sample, read_manifest
from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.data.table import read_contents
from groupwise.errors import GroupwiseError, UsageError

SIGN_DIGITS = Path(__file__).parents[2] / "../shared/data/sign-digits.csv"
Encode = Callable[..., bytes]


@pytest.fixture
def plant(tmp_path: Path, photo: Image.Image, encode: Encode) -> Callable[..., Path]:
    """Write one photograph under each of the paths; returns the folder."""
    content = encode(photo, "JPEG")

    def write(*paths: str) -> Path:
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        return tmp_path

    return write


def write_rows(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def find(manifest: Manifest, path: str) -> Sample:
    [sample] = [sample for sample in manifest.samples if sample.path == path]
    return sample


@pytest.fixture(scope="module")
def manifest(hostile: tuple[Path, dict[str, tuple[str, str]]]) -> Manifest:
    return scan(hostile[0], workers=2)


class TestHostileFolder:
    def test_names_every_file_once_in_order(
        self, manifest: Manifest, hostile: tuple[Path, dict[str, tuple[str, str]]]
    ) -> None:
        assert [sample.path for sample in manifest.samples] == sorted(hostile[1])

    def test_gives_each_its_status_and_codes(
        self, manifest: Manifest, hostile: tuple[Path, dict[str, tuple[str, str]]]
    ) -> None:
        found = {sample.path: (sample.status, " ".join(sample.codes)) for sample in manifest.samples}
        assert found == hostile[1]

    def test_gives_each_fault_a_plain_sentence(self, manifest: Manifest) -> None:
        for sample in manifest.samples:
            for part in sample.reason.split("; ") if sample.reason else ():
                code, colon, sentence = part.partition(": ")
                assert colon, sample
                assert code.replace("-", "").isalnum(), sample
                assert len(sentence) > 10, sample
                assert sentence.isprintable(), sample

    def test_measures_what_it_decoded(self, manifest: Manifest) -> None:
        plain, turned = find(manifest, "cat/plain.jpg"), find(manifest, "cat/turned.jpg")
        assert (plain.width, plain.height, plain.mode) == (48, 32, "RGB")
        assert (turned.width, turned.height) == (32, 48)
        assert plain.sha256 == hashlib.sha256(manifest.file(plain).read_bytes()).hexdigest()

    def test_takes_the_first_folder_as_the_label(self, manifest: Manifest) -> None:
        assert find(manifest, "dog/deep/er/x.jpg").label == "dog"
        assert manifest.classes == ("cat", "dog")

    def test_survives_the_way_through_a_file(self, manifest: Manifest, tmp_path: Path) -> None:
        manifest.write(tmp_path / "manifest.csv")
        assert read_manifest(tmp_path / "manifest.csv", manifest.root).samples == manifest.samples

    def test_does_not_depend_on_the_number_of_workers(self, manifest: Manifest) -> None:
        assert scan(manifest.root, workers=1).samples == manifest.samples

    def test_leaves_the_sources_alone(self, manifest: Manifest) -> None:
        def look() -> dict[str, tuple[int, int]]:
            files = (path.lstat() for path in sorted(manifest.root.rglob("*")))
            return {str(status.st_ino): (status.st_mtime_ns, status.st_size) for status in files}

        before = look()
        scan(manifest.root)
        assert look() == before

    def test_is_itself_a_list_that_can_be_scanned(self, manifest: Manifest) -> None:
        path = manifest.root / "manifest.csv"
        try:
            manifest.write(path)
            again = scan(path)
        finally:
            path.unlink()
        odd = "cat/caf\\xe9.jpg"  # an escaped name is no file's name
        assert {s for s in again.samples if s.path != odd} == {s for s in manifest.samples if s.path != odd}


class TestFolder:
    def test_refuses_a_folder_without_images(self, tmp_path: Path) -> None:
        (tmp_path / "cat").mkdir()
        (tmp_path / "cat/notes.txt").write_text("none")
        with pytest.raises(GroupwiseError, match=r"there are no images.*one folder of images a class"):
            scan(tmp_path)

    def test_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(GroupwiseError, match="no such file"):
            scan(tmp_path / "missing")

    def test_refuses_a_file_that_is_no_list(self, plant: Callable[..., Path]) -> None:
        with pytest.raises(GroupwiseError, match="neither a folder nor a CSV"):
            scan(plant("x.jpg") / "x.jpg")

    @pytest.mark.parametrize("names", [("train", "val", "test"), ("Train", "valid"), ("train",)])
    def test_refuses_a_data_set_already_split(
        self, plant: Callable[..., Path], names: tuple[str, ...]
    ) -> None:
        root = plant(*(f"{name}/cat/x.jpg" for name in names))
        with pytest.raises(GroupwiseError, match=r"already split.*Give one of them, such as .*[Tt]"):
            scan(root)

    def test_accepts_a_class_called_test_beside_others(self, plant: Callable[..., Path]) -> None:
        assert scan(plant("test/x.jpg", "control/y.jpg")).classes == ("control", "test")

    def test_accepts_a_split_folder_that_holds_no_image(self, plant: Callable[..., Path]) -> None:
        root = plant("cat/x.jpg", "dog/y.jpg")
        (root / "train").mkdir()
        assert scan(root).classes == ("cat", "dog")

    def test_reports_progress_to_the_end(self, plant: Callable[..., Path]) -> None:
        calls: list[tuple[int, int]] = []
        scan(plant("a/1.jpg", "a/2.jpg", "b/3.jpg"), progress=lambda done, total: calls.append((done, total)))
        assert calls == [(1, 3), (2, 3), (3, 3)]

    def test_keeps_the_warnings_of_the_decoder_to_itself(
        self, plant: Callable[..., Path], photo: Image.Image, encode: Encode, exif: Callable[[int], bytes]
    ) -> None:
        root = plant("cat/1.jpg", "dog/2.jpg")
        (root / "cat/1.jpg").write_bytes(encode(photo, "JPEG", exif=exif(6)[:-6]))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert [sample.status for sample in scan(root).samples] == ["ok", "ok"]
        assert said == []

    def test_names_a_folder_that_cannot_be_opened(
        self, plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = plant("cat/x.jpg", "cat/locked/y.jpg", "dog/z.jpg")
        real = os.scandir

        def refuse(path: Path) -> object:
            if Path(path).name == "locked":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, "scandir", refuse)
        locked = find(scan(root), "cat/locked")
        assert (locked.status, locked.label, locked.codes) == ("quarantined", "cat", ("unreadable",))
        assert "Permission denied" in locked.reason

    def test_names_a_file_that_cannot_be_opened(
        self, plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = plant("cat/x.jpg", "dog/y.jpg")
        real = os.open

        def refuse(path: Path, *arguments: int, **options: int) -> int:
            if Path(path).name == "x.jpg":
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, "open", refuse)
        manifest = scan(root)
        assert find(manifest, "cat/x.jpg").codes == ("unreadable",)
        assert find(manifest, "dog/y.jpg").status == "ok"

    def test_reads_no_more_of_a_huge_file_than_its_head(
        self, plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inspect_module, "MAX_FILE_BYTES", 1 << 20)
        root = plant("cat/x.jpg", "cat/huge.jpg", "dog/y.jpg")
        with (root / "cat/huge.jpg").open("ab") as file:
            file.truncate(1 << 40)  # a sparse terabyte
        assert find(scan(root), "cat/huge.jpg").codes == ("too-large",)

    def test_does_not_wait_for_a_pipe_that_takes_the_place_of_a_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "x.jpg")
        done: list[Sample] = []
        thread = threading.Thread(
            target=lambda: done.append(inspect(Sample("x.jpg", "cat"), tmp_path)), daemon=True
        )
        thread.start()
        thread.join(timeout=5)
        assert [sample.codes for sample in done] == [("special-file",)]


class TestNotes:
    def test_a_sound_folder_has_none(self, plant: Callable[..., Path]) -> None:
        assert scan(plant("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg")).notes == ()

    @pytest.mark.parametrize("twin", ["Cat", "cat ", "ｃat"])
    def test_classes_that_differ_only_in_spelling(self, plant: Callable[..., Path], twin: str) -> None:
        notes = scan(plant("cat/1.jpg", "cat/2.jpg", f"{twin}/1.jpg", f"{twin}/2.jpg", "cats/1.jpg")).notes
        first, second = sorted(["cat", twin])
        assert [note for note in notes if "spelling" in note] == [
            f"The classes {first!r} and {second!r} differ only in spelling: are they one?"
        ]

    def test_a_class_folder_without_a_usable_image(self, plant: Callable[..., Path]) -> None:
        root = plant("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg")
        (root / "cow").mkdir()
        (root / "emu").mkdir()
        (root / "emu/1.jpg").touch()
        (root / ".cache").mkdir()
        assert scan(root).notes == (
            "The class folder 'cow' holds no usable image.",
            "The class folder 'emu' holds no usable image.",
        )

    def test_one_class_and_a_single_image(self, plant: Callable[..., Path]) -> None:
        assert scan(plant("cat/1.jpg")).notes == (
            "The class 'cat' has a single image.",
            "There is only one class, 'cat'. Where the names of the files hold others, --label-regex finds"
            " them.",
        )

    def test_nothing_usable(self, plant: Callable[..., Path]) -> None:
        assert scan(plant("1.jpg")).notes == (
            "No image can be used; `groupwise audit` writes why, file by file, into manifest.csv.",
        )


class TestGroups:
    def test_the_first_capture_group_or_the_whole_match(self, plant: Callable[..., Path]) -> None:
        root = plant("cat/p1_a.jpg", "dog/p2_b.jpg")
        assert [s.group for s in scan(root, ReadOptions(group_regex=r"(p\d)_")).samples] == ["p1", "p2"]
        assert [s.group for s in scan(root, ReadOptions(group_regex=r"p\d")).samples] == ["p1", "p2"]

    def test_images_without_a_match_stand_alone_and_are_counted(self, plant: Callable[..., Path]) -> None:
        root = plant("cat/p1_a.jpg", "dog/p2_b.jpg", "dog/other.jpg", "cat/q.jpg")
        manifest = scan(root, ReadOptions(group_regex=r"p\d"))
        assert find(manifest, "dog/other.jpg").group == ""
        assert manifest.notes == ("2 of 4 images have no group by 'p\\\\d': each stands alone.",)

    def test_a_pattern_that_matches_nothing_is_refused_before_the_scan(
        self, plant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scan_module, "inspect", lambda *_, **__: pytest.fail("it scanned"))
        with pytest.raises(UsageError, match=r"--group-regex: 'p9' finds no group.*'cat/1.jpg'"):
            scan(plant("cat/1.jpg", "dog/2.jpg"), ReadOptions(group_regex="p9"))

    def test_a_pattern_that_is_none_is_refused(self, plant: Callable[..., Path]) -> None:
        with pytest.raises(UsageError, match=r"--group-regex: '\(' is not a regular expression"):
            scan(plant("cat/1.jpg"), ReadOptions(group_regex="("))

    def test_a_folder_has_no_columns(self, plant: Callable[..., Path]) -> None:
        with pytest.raises(UsageError, match=r"--group-column: .* is a folder"):
            scan(plant("cat/1.jpg"), ReadOptions(group_column="patient"))

    def test_column_and_pattern_together_are_refused(self, plant: Callable[..., Path]) -> None:
        with pytest.raises(UsageError, match="not both"):
            scan(plant("cat/1.jpg"), ReadOptions(group_column="patient", group_regex="p"))


class TestList:
    def test_takes_paths_labels_groups_and_further_columns(self, plant: Callable[..., Path]) -> None:
        root = plant("pool/1.jpg", "pool/2.jpg")
        listing = write_rows(
            root / "list.csv",
            "path,label,patient,site,width",
            "pool/1.jpg,cat,p1,Ankara,9",
            f"{root}/pool/2.jpg,dog,p2,Bonn,8",
        )
        manifest = scan(listing, ReadOptions(group_column="patient"))
        assert [(s.path, s.label, s.group, s.width) for s in manifest.samples] == [
            ("pool/1.jpg", "cat", "p1", 48),
            ("pool/2.jpg", "dog", "p2", 48),
        ]
        assert manifest.samples[0].extra == {"patient": "p1", "site": "Ankara", "user_width": "9"}
        assert manifest.root == root

    def test_takes_other_names_for_its_columns(self, plant: Callable[..., Path]) -> None:
        root = plant("1.jpg")
        listing = write_rows(root / "list.csv", "file,diagnosis,label", "1.jpg,cat,x")
        [sample] = scan(listing, ReadOptions(path_column="file", label_column="diagnosis")).samples
        assert (sample.path, sample.label, sample.extra) == ("1.jpg", "cat", {"user_label": "x"})

    def test_takes_a_column_called_group_unless_another_is_named(self, plant: Callable[..., Path]) -> None:
        listing = write_rows(plant("1.jpg") / "list.csv", "path,label,group,visit", "1.jpg,cat,g1,v1")
        [by_name], [by_choice] = (
            scan(listing).samples,
            scan(listing, ReadOptions(group_column="visit")).samples,
        )
        assert (by_name.group, by_name.extra) == ("g1", {"visit": "v1"})
        assert (by_choice.group, by_choice.extra) == ("v1", {"user_group": "g1", "visit": "v1"})

    def test_refuses_a_list_that_cannot_be_opened(self, tmp_path: Path) -> None:
        (tmp_path / "list.csv").mkdir()
        with pytest.raises(GroupwiseError, match="there are no images"):
            scan(tmp_path / "list.csv")
        with pytest.raises(GroupwiseError, match=r"the file cannot be read \(Is a directory\)"):
            read_contents(tmp_path / "list.csv")

    def test_reads_paths_written_on_windows(self, plant: Callable[..., Path]) -> None:
        root = plant("cat/1.jpg")
        assert (
            scan(write_rows(root / "list.csv", "path,label", r"cat\1.jpg,cat")).samples[0].path == "cat/1.jpg"
        )

    def test_accounts_for_every_row(self, plant: Callable[..., Path]) -> None:
        root = plant("data/1.jpg", "data/2.jpg", "data/3.jpg", "data/no-label.jpg", "outside.jpg")
        (root / "data/notes.txt").write_text("none")
        (root / "data/out.jpg").symlink_to("../outside.jpg")
        (root / "data/folder").mkdir()
        (root / "data/way-out").symlink_to("..")
        rows = {
            "1.jpg,cat": ("ok", ""),
            "./1.jpg,cat": ("ignored", "listed-twice"),
            "2.jpg,cat": ("quarantined", "two-labels"),
            "2.jpg,dog": ("quarantined", "two-labels"),
            "folder/../3.jpg,dog": ("ok", ""),
            "4.jpg,cat": ("quarantined", "missing"),
            ",cat": ("quarantined", "missing"),
            "1\0.jpg,cat": ("quarantined", "missing"),
            "1.jpg/x.jpg,cat": ("quarantined", "missing"),
            f"{'long' * 99}.jpg,cat": ("quarantined", "unreadable"),
            "no-label.jpg,": ("quarantined", "no-label"),
            "../outside.jpg,cat": ("quarantined", "outside-root"),
            "/etc/hostname,cat": ("quarantined", "outside-root"),
            "out.jpg,cat": ("quarantined", "link-outside"),
            "way-out/outside.jpg,cat": ("quarantined", "link-outside"),
            "folder,cat": ("quarantined", "folder"),
            "notes.txt,cat": ("ignored", "not-an-image"),
        }
        manifest = scan(write_rows(root / "data/list.csv", "path,label", *rows))
        assert [(s.status, " ".join(s.codes)) for s in manifest.samples] == list(rows.values())

    def test_keeps_what_the_user_ignored_in_a_manifest(self, plant: Callable[..., Path]) -> None:
        root = plant("cat/1.jpg", "cat/2.jpg", "dog/3.jpg")
        scan(root, ReadOptions(group_regex=r"\d")).write(root / "manifest.csv")
        with (root / "manifest.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        rows[1][3] = "ignored"
        with (root / "manifest.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        again = scan(root / "manifest.csv")
        assert [(s.status, s.reason) for s in again.samples] == [
            ("ignored", "by-user: ignored in the manifest"),
            ("ok", ""),
            ("ok", ""),
        ]
        assert [s.group for s in again.samples] == ["1", "2", "3"]

    def test_names_the_columns_there_are(self, plant: Callable[..., Path]) -> None:
        listing = write_rows(plant("1.jpg") / "list.csv", "path,label,visit", "1.jpg,cat,v1")
        with pytest.raises(UsageError, match=r"no column 'patient', only path, label, visit"):
            scan(listing, ReadOptions(group_column="patient"))
        with pytest.raises(GroupwiseError, match=r"no column 'diagnosis' among 'path', 'label', 'visit'"):
            scan(listing, ReadOptions(label_column="diagnosis"))

    def test_says_so_when_no_row_leads_to_a_file(self, plant: Callable[..., Path]) -> None:
        listing = write_rows(plant("1.jpg") / "list.csv", "path,label", "pool/1.jpg,cat", "pool/2.jpg,dog")
        with pytest.raises(GroupwiseError, match=r"none of the 2 files .* 'pool/1.jpg'.*relative to the CSV"):
            scan(listing)

    def test_refuses_a_list_without_rows(self, tmp_path: Path) -> None:
        with pytest.raises(GroupwiseError, match="there are no images"):
            scan(write_rows(tmp_path / "list.csv", "path,label"))


@pytest.mark.real
def test_trial_photographs_are_all_usable() -> None:
    if not SIGN_DIGITS.exists():
        pytest.skip(f"the trial photographs are not at {SIGN_DIGITS}")
    manifest = scan(SIGN_DIGITS, ReadOptions(group_column="student"))
    assert len(manifest.usable) == len(manifest.samples) == 2062
    assert manifest.classes == tuple("0123456789")
    assert len({sample.group for sample in manifest.samples}) == 220
    # Most were taken by a phone whose colours are wider than sRGB.
    assert {code for sample in manifest.samples for code in sample.codes} == {"icc-converted"}
