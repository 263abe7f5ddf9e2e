"""Deep pictures and DICOM where data lie as people have them: in archives, beside previews, in trainings."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

import pixels_case as case
from groupwise.audit.measure import measure
from groupwise.data.cache import load_image
from groupwise.data.decode import Preprocessing
from groupwise.data.manifest import Sample
from groupwise.data.masks import count_masks
from groupwise.data.scan import scan, scan_listed
from groupwise.pipeline.prepare import draw_samples
from groupwise.report.thumbnails import load_thumbnail

GREY = case.picture()[..., 0]


def photograph(number: int, bits: int = 12) -> np.ndarray:
    """Noise over a gradient, another for each number, in so many bits of 16."""
    noise = np.random.default_rng(number).integers(0, 60, GREY.shape)
    return case.deepen((GREY * 0.7 + noise).clip(0, 255), bits)


def dicom(number: int, patient: str) -> bytes:
    """A picture of 12 bits of a patient."""
    return case.write_dicom(photograph(number), BitsStored=12, HighBit=11, PatientID=patient)


def packed(folder: Path) -> Path:
    """Class folders of 12 bits in 16 and of DICOM in a zip archive."""
    file = folder / "data.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number, label in enumerate(("cat", "dog") * 3):
            archive.writestr(f"{label}/{number}.png", case.write_cv2(photograph(number), ".png"))
            archive.writestr(f"{label}/{number}.dcm", dicom(number, f"P{number // 2}"))
    return file


def test_an_archive_is_read_by_one_rule(tmp_path):
    manifest = scan(packed(tmp_path))
    assert len(manifest.usable) == 12
    assert manifest.reading.integer_range == (0, 4095)
    assert any("4095 white, the 12 bits" in note for note in manifest.notes)
    assert "class folders" in manifest.layout
    assert len({sample.group for sample in manifest.usable} - {""}) == 3
    assert any("6 DICOM images are their patients" in note for note in manifest.notes)


def test_pictures_in_an_archive_are_seen_by_all_who_look(tmp_path):
    manifest = scan(packed(tmp_path))
    data = Preprocessing(image_size_px=32).settled(manifest.reading)
    for sample in manifest.usable:
        file = manifest.file(sample)
        number = int(file.stem)
        shown = photograph(number) / 4095 * 255
        assert abs(measure(file, manifest.reading).mean_colour.mean() - shown.mean()) < 3
        assert abs(load_image(file, data, expected_sha256=sample.sha256).mean() - shown.mean()) < 3
        thumbnail = load_thumbnail(file, manifest.reading)
        assert thumbnail is not None
        assert abs(thumbnail.mean() - shown.mean()) < 3
    draw_samples(manifest, tmp_path / "samples.png", rows=2, cols=3, seed=0)


def test_spellings_of_a_patient_are_one_group_as_those_of_any_group(tmp_path):
    for number, patient in enumerate(("P7", "p_07", "unknown", "P8", "n/a", "p8 ")):
        file = tmp_path / ("cat", "dog")[number % 2] / f"{number}.dcm"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(dicom(number, patient))
    of = {Path(sample.path).stem: sample.group for sample in scan(tmp_path).samples}
    assert of["0"] == of["1"] != of["3"] == of["5"]
    assert of["2"] == of["4"] == ""


def test_a_group_that_is_given_goes_before_the_patient_and_a_missing_one_does_not(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.dcm").write_bytes(dicom(number, "P1"))
    groups = ("patient-9", "", "")
    samples = [Sample(f"{i}.dcm", "cat", group) for i, group in enumerate(groups)]
    manifest = scan_listed(tmp_path, samples)
    given, *found = (sample.group for sample in manifest.samples)
    assert given == "patient-9"
    assert found[0] == found[1] != ""
    assert any("The groups of 2 DICOM images" in note for note in manifest.notes)


def test_a_deep_picture_beside_its_preview_is_no_mask(tmp_path):
    for number in range(6):
        deep, file = photograph(number), tmp_path / "cat" / f"{number}.tif"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(case.write_tiff(deep // 8, photometric="minisblack"))
        shallow = (deep // 16).astype(np.uint8)
        file.with_suffix(".jpg").write_bytes(case.write_pillow(shallow, "JPEG"))
    assert count_masks(scan(tmp_path).samples) == 0


def test_a_mask_of_16_bits_is_one(tmp_path):
    for number in range(6):
        for folder, suffix in (("images/cat", ".jpg"), ("masks/cat", ".png")):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            values = photograph(number) // 16
            content = (
                case.write_pillow(values.astype(np.uint8), "JPEG")
                if suffix == ".jpg"
                else case.write_cv2(((values > 100) * 2).astype(np.uint16), suffix)
            )
            (tmp_path / folder / f"{number}{suffix}").write_bytes(content)
    assert count_masks(scan(tmp_path).samples) == 6
