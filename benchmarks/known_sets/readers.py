"""One reader a set: from the names of files to classes, groups and parts."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .published import Picture

TILE_APART = 130  # numbers of the camera's frames: the exposures of a tile differ by less, tiles by more
LARGE = 100  # pictures of a class of objects
FACES = ("Faces", "Faces_easy")
PERSON_APART = 30  # one student's ten digits follow one another


def _files(copy: Path, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Every file below `copy` whose path from there is `pattern` altogether."""
    for file in sorted(copy.rglob("*")):
        path = file.relative_to(copy).as_posix()
        if (match := re.fullmatch(pattern, path)) and file.is_file():
            yield path, match


def read_magnetic_tiles(copy: Path) -> list[Picture]:
    """`MT_Crack/Imgs/exp3_num_1234.jpg`: exposure and frame; frames of one tile have near numbers."""
    found = [
        (int(match[2]), path, match[1]) for path, match in _files(copy, r"MT_(\w+)/Imgs/exp\d_num_(\d+)\.jpg")
    ]
    pictures, tile, before = [], 0, -TILE_APART
    for frame, path, label in sorted(found):
        tile += frame - before >= TILE_APART
        before = frame
        pictures.append(Picture(path, label, f"tile{tile:03}"))
    return pictures


def read_sign_digits(copy: Path) -> list[Picture]:
    """`Dataset/7/IMG_1234.JPG`: a student shows 0 to 9, so that a new one begins where the digit falls."""
    found = [
        (int(match[2]), int(match[1]), path) for path, match in _files(copy, r"Dataset/(\d)/IMG_(\d+)\.JPG")
    ]
    pictures, student, before = [], 0, (-PERSON_APART, 10)
    for number, digit, path in sorted(found):
        student += digit < before[1] or number - before[0] > PERSON_APART
        before = (number, digit)
        pictures.append(Picture(path, str(digit), f"student{student:03}"))
    return pictures


def read_chest(copy: Path) -> list[Picture]:
    """`train/PNEUMONIA/person12_virus_34.jpeg`, `val/NORMAL/IM-0123-0001.jpeg`: the patient comes first."""
    names = r"(train|val|test)/(NORMAL|PNEUMONIA)/(person\d+|(?:NORMAL2-)?IM-\d+)[_-].*\.jpeg"
    return [Picture(path, match[2].lower(), match[3], match[1]) for path, match in _files(copy, names)]


def read_potato(copy: Path) -> list[Picture]:
    """`.../Train/Potato___healthy/Potato_healthy-12-_0_345.jpg`: the leaf's number, where augmented."""
    parts = {"Train": "train", "Valid": "val", "Test": "test"}
    pictures = []
    for path, match in _files(copy, r"(?:.*/)?Potato/(\w+)/Potato___(\w+)/([^/]+)\.(?:jpg|JPG)"):
        leaf = re.match(r"Potato_healthy-\d+-", match[3])
        pictures.append(Picture(path, match[2], leaf[0] if leaf else match[3], parts[match[1]]))
    return pictures


def read_brain(copy: Path) -> list[Picture]:
    """`Training/glioma/Tr-gl_0012.jpg`; patients are not told."""
    parts = {"Training": "train", "Testing": "test"}
    return [
        Picture(path, match[2], "", parts[match[1]])
        for path, match in _files(copy, r"(Training|Testing)/(\w+)/[^/]+\.jpg")
    ]


def read_trash(copy: Path) -> list[Picture]:
    """`dataset-resized/glass/glass12.jpg`; objects are not told."""
    return [Picture(path, match[1]) for path, match in _files(copy, r"dataset-resized/(\w+)/\w+\.jpg")]


def read_hymenoptera(copy: Path) -> list[Picture]:
    """`hymenoptera_data/val/bees/123.jpg`."""
    return [
        Picture(path, match[2], "", match[1])
        for path, match in _files(copy, r"hymenoptera_data/(train|val)/(ants|bees)/[^/]+\.jpg")
    ]


def read_scenes(copy: Path) -> list[Picture]:
    """`aGrass/a123.jpg`; the places are not told."""
    return [Picture(path, match[1]) for path, match in _files(copy, r"[a-g]([A-Z]\w+)/[a-g]\d+\.jpg")]


def read_steel(copy: Path) -> list[Picture]:
    """`NEU-DET/IMAGES/rolled-in_scale_12.jpg`; strips of steel are not told."""
    return [Picture(path, match[1]) for path, match in _files(copy, r"NEU-DET/IMAGES/(.+)_\d+\.jpg")]


def read_pets(copy: Path) -> list[Picture]:
    """`Data/Train_Data/cat/cat.12.jpg`."""
    return [Picture(path, match[1]) for path, match in _files(copy, r"Data/Train_Data/(cat|dog)/[^/]+\.jpg")]


def read_textures(copy: Path) -> list[Picture]:
    """`images/banded/banded_0012.jpg`."""
    return [Picture(path, match[1]) for path, match in _files(copy, r"images/(\w+)/\w+\.jpg")]


def read_chinese(copy: Path) -> list[Picture]:
    """`data/data/input_WRITER_REPEAT_CODE.jpg`: each of 100 people wrote 15 characters ten times."""
    return [
        Picture(path, f"character{int(match[2]):02}", f"writer{match[1]}")
        for path, match in _files(copy, r"data/data/input_(\d+)_\d+_(\d+)\.jpg")
    ]


def read_objects(copy: Path) -> list[Picture]:
    """`caltech-101/Faces/image_0012.jpg`: the classes of at least 100 pictures, without the clutter.

    `Faces_easy/image_0012.jpg` is cut out of the picture of that number in `Faces`.
    """
    found = list(_files(copy, r"caltech-101/(\w+)/image_(\d+)\.jpg"))
    sizes = Counter(match[1] for _, match in found)
    return [
        Picture(path, match[1], f"face{match[2]}" if match[1] in FACES else "")
        for path, match in found
        if sizes[match[1]] >= LARGE and match[1] != "BACKGROUND_Google"
    ]


def read_signs(copy: Path) -> list[Picture]:
    """`.../Final_Training/Images/00003/00006_00010.ppm`: class, track and frame; a track films one sign."""
    names = r"GTSRB/Final_Training/Images/(\d+)/(\d+)_\d+\.ppm"
    return [Picture(path, match[1], f"{match[1]}-{match[2]}") for path, match in _files(copy, names)]


def read_flowers(copy: Path) -> list[Picture]:
    """`flowers/rose/12345_n.jpg`."""
    return [Picture(path, match[1]) for path, match in _files(copy, r"flowers/(\w+)/[^/]+\.jpg")]


def read_faces(copy: Path) -> list[Picture]:
    """`images/Jane_Doe_0002.jpg`: the person comes first; the expression stands in `data/legend.csv`."""
    with (copy / "data/legend.csv").open(newline="", encoding="utf-8") as lines:
        expressions = {row["image"]: row["emotion"].lower() for row in csv.DictReader(lines)}
    return [
        Picture(path, expressions[match[1]], re.sub(r"(_\d{4})?\.\w+$", "", match[1]))
        for path, match in _files(copy, r"images/([^/]+\.(?:jpg|png|JPG))")
        if match[1] in expressions
    ]
