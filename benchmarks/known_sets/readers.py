"""One reader a set: from the names of files to classes, groups and parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .published import KnownSet, Picture

TILE_APART = 130  # numbers of the camera's frames: the exposures of a tile differ by less, tiles by more
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


SETS = {
    one.name: one
    for one in (
        KnownSet(
            "magnetic-tiles",
            "Magnetic tile defects",
            "surfaces",
            "https://github.com/abin24/Magnetic-tile-defect-datasets.",
            "cc4eb530b57b9cb7225bf76023873043ffd50655",
            "none stated; to be cited",
            1344,
            "901b831eca4410cb",
            read_magnetic_tiles,
            "a tile: frame numbers less than 130 apart",
        ),
        KnownSet(
            "sign-digits",
            "Sign Language Digits",
            "hands",
            "https://github.com/ardamavi/Sign-Language-Digits-Dataset",
            "4b09433ef9d5c60602e8805bb54b8aa2428527f8",
            "Apache-2.0",
            2062,
            "cc04ca74c222b6d6",
            read_sign_digits,
            "a student: the digits begin anew along the running number",
        ),
        KnownSet(
            "chest",
            "Chest X-rays, pneumonia (divided anew)",
            "X-ray",
            "https://github.com/lecuong1502/BTL_Machine_Learning",
            "19a2d6171e2b9678617eba9ad207ef416196d08f",
            "none stated there",
            6782,
            "8598a09897f9d6c3",
            read_chest,
            "a patient: the name up to the kind of infection or the exposure",
        ),
        KnownSet(
            "potato",
            "Potato leaves of PlantVillage (with augmented healthy ones)",
            "leaves",
            "https://github.com/abhay-08121999/Potato-leaf-dataset",
            "6ec82169caefcc8a872998f2108eaea7f0df3f39",
            "none stated",
            1500,
            "7bb6751fde1d4b68",
            read_potato,
            "a healthy leaf: the number in its name; the others stand alone",
        ),
        KnownSet(
            "brain",
            "Brain tumour MRI, four classes",
            "MRI",
            "https://github.com/KomalChaudhari8/BRAIN_TUMOR_APP",
            "1fac2c320ad3f98cb71ce79d5d1490a953eaa1ec",
            "none stated",
            7019,
            "21adc48dc88b2f5c",
            read_brain,
        ),
        KnownSet(
            "trash",
            "TrashNet",
            "waste",
            "https://github.com/congduytran12/Trash-Classification-",
            "00212f2c18dcdb9045c74481eaae5baaf72537df",
            "none stated there",
            2527,
            "d0d4b6360b627629",
            read_trash,
        ),
        KnownSet(
            "hymenoptera",
            "Ants and bees of the PyTorch tutorial",
            "animals",
            "https://github.com/zhangtao7750/syn",
            "f0503091488f67b6809a6da2eaa43c25f2f277fc",
            "none stated",
            396,
            "be5679fc0700bb14",
            read_hymenoptera,
        ),
        KnownSet(
            "scenes",
            "RSSCN7 scenes from above",
            "satellite",
            "https://github.com/palewithout/RSSCN7",
            "6d77849df87d242b323184ab096e44dd63730c7e",
            "none stated",
            2800,
            "4643e88ef67d3cab",
            read_scenes,
        ),
        KnownSet(
            "steel",
            "NEU steel surfaces (enlarged to 400 px)",
            "surfaces",
            "https://github.com/duanhan123/YOLOv3_PyTorch",
            "3d2a7e486d31f9d6155f9abcfbc6a9c5af5b4150",
            "none stated",
            1800,
            "6e593cd6dd926155",
            read_steel,
        ),
        KnownSet(
            "pets",
            "Cats and dogs, a part of Dogs vs. Cats",
            "animals",
            "https://github.com/ardamavi/Dog-Cat-Classifier",
            "9e4f1e1b8eb00fb52c7b1f7e271e573cbe5a2d2f",
            "Apache-2.0",
            1399,
            "ca32dedb67b36169",
            read_pets,
        ),
        KnownSet(
            "textures",
            "Describable Textures, ten classes",
            "textures",
            "https://github.com/pan8915/DeepTexture",
            "522f46f683af11e93673bff29f81df14f49edfb2",
            "none stated there",
            1200,
            "892f5ba26db4c0de",
            read_textures,
        ),
        KnownSet(
            "chinese-mnist",
            "Chinese MNIST",
            "handwriting",
            "https://github.com/greedydurian/Chinese-MNIST",
            "9c8f32f4a8920029528b591a3748923620b3801e",
            "none stated there",
            15000,
            "aeca23d104270f12",
            read_chinese,
            "a writer: the first number of the name",
        ),
    )
}
