"""Suspected capture sessions from names and times: found where there is a clue, silent without one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from groupwise.audit.measure import measure
from groupwise.audit.sessions import Exif, Suspicion, suspect_groups

START = datetime(2024, 5, 1, 12, 0, 0)


def _only(clue: str, paths: list[str], exif: list[Exif] | None = None) -> tuple[tuple[int, ...], ...]:
    found = {one.clues: one for one in suspect_groups(paths, exif or [Exif()] * len(paths))}
    return found.get((clue,), Suspicion((clue,), ())).groups


def test_numbering_runs_cross_folders_and_break_at_gaps() -> None:
    paths = [
        "0/IMG_1118.JPG",
        "1/IMG_1119.JPG",
        "2/IMG_1120.JPG",
        "0/IMG_1201.JPG",
        "1/IMG_1202.JPG",
        "1/IMG_1203.JPG",
    ]
    assert _only("numbering", paths) == ((0, 1, 2), (3, 4, 5))


def test_a_set_numbered_through_says_nothing() -> None:
    assert _only("numbering", [f"a/img{k:04}.png" for k in range(50)]) == ()


def test_names_without_numbers_say_nothing() -> None:
    assert suspect_groups(["a/cat.jpg", "a/dog.jpg", "b/cow.jpg"], [Exif()] * 3) == []


def test_one_camera_within_seconds_is_a_session_and_two_cameras_are_not() -> None:
    times = [START + timedelta(seconds=s) for s in (0, 10, 20, 500, 510, 515)]
    paths = ["a", "b", "c", "d", "e", "f"]
    one = [Exif("Canon", time) for time in times]
    assert _only("time", paths, one) == ((0, 1, 2), (3, 4, 5))
    two = [Exif(f"Canon {k % 3}", time) for k, time in enumerate(times)]
    assert _only("time", paths, two) == ()


def test_any_date_can_be_told_from_any_other() -> None:
    times = [datetime.min + timedelta(seconds=s) for s in (0, 10, 20)] + [datetime.max] * 3
    assert _only("time", list("abcdef"), [Exif("Canon", time) for time in times]) == ((0, 1, 2), (3, 4, 5))


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("0001:01:01 00:00:00", None),
        ("1899:12:31 23:59:59", None),
        ("1900:01:01 00:00:00", datetime(1900, 1, 1)),
    ],
)
def test_the_date_of_a_clock_that_was_never_set_is_none(
    tmp_path: Path, told: str, taken: datetime | None
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif.get_ifd(0x8769)[0x9003] = told
    Image.new("RGB", (32, 32)).save(tmp_path / "a.jpg", exif=exif)
    assert measure(tmp_path / "a.jpg").exif == Exif("Canon", taken)


def test_shared_name_tokens_group_subjects() -> None:
    paths = [f"x/P{subject:03}_{side}.png" for subject in range(5) for side in ("left", "right")]
    assert _only("names", paths) == ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))


def test_a_prefix_that_everything_shares_is_no_subject() -> None:
    assert _only("names", [f"x/set1_{word}.png" for word in ("oak", "elm", "fir", "ash", "yew", "box")]) == ()


def _bursts(last: int) -> tuple[list[str], list[Exif]]:
    """Two bursts of `last` shots each, numbered and timed alike."""
    shots = [(burst, k) for burst in (0, 1) for k in range(last)]
    paths = [f"a/IMG_{100 * burst + k:04}.jpg" for burst, k in shots]
    return paths, [Exif("Canon", START + timedelta(seconds=9000 * burst + 5 * k)) for burst, k in shots]


def test_times_and_numbers_of_the_same_files_are_one_suspicion() -> None:
    paths, exif = _bursts(10)
    [found] = suspect_groups(paths, exif)
    assert found.clues == ("time", "numbering")
    assert found.groups == (tuple(range(10)), tuple(range(10, 20)))
    # Without the times of one burst the two clues speak of different files.
    apart = suspect_groups(paths, [*exif[:10], *[Exif()] * 10])
    assert [one.clues for one in apart] == [("time",), ("numbering",)]


def test_a_series_of_copies_is_not_suspected() -> None:
    paths, exif = _bursts(4)
    [found] = suspect_groups(paths, exif, [0] * 4 + [1, 1, 1, 2])
    assert found.groups == ((4, 5, 6, 7),)
    assert suspect_groups(paths, exif, [0] * 4 + [1] * 4) == []
