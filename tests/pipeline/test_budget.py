import pytest

from folder_case import write_folder
from groupwise.audit.audit import (
    AGAIN,
    COMPARISONS,
    GAIN_OF_WORKERS,
    MEASURINGS,
    NEARLY_AGAIN,
    expected_audit_s,
)
from groupwise.audit.cache import Known, cache_file, name_sample, write_cache
from groupwise.audit.measure import measure
from groupwise.data.scan import scan
from groupwise.errors import UsageError
from groupwise.pipeline.budget import bounded_progress, refuse_long_audit
from groupwise.runs.deadline import Deadline


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return scan(write_folder(tmp_path_factory.mktemp("pets"), n=36))


def test_a_budget_that_looking_for_copies_would_eat_is_refused_before_it(manifest):
    told = r"10\ss are too short: .* have passed, and looking for copies among 36 images .* at least \d+\ss"
    with pytest.raises(UsageError, match=told):
        refuse_long_audit(manifest, Deadline(10, 0, clock=lambda: 9.9))


def test_an_ample_budget_and_none_are_let_through(manifest):
    refuse_long_audit(manifest, Deadline(10_000, 0, clock=lambda: 9.9))
    refuse_long_audit(manifest, None)


def test_the_audit_is_expected_to_take_as_long_for_each_image_as_it_does_for_a_few(manifest):
    ticks, pairs = iter([5.0, 7.4, 7.7]), 24 * 23 / 2
    assert expected_audit_s(manifest, clock=lambda: next(ticks)) == pytest.approx(
        len(manifest.usable) * (MEASURINGS * 2.4 / 24 + COMPARISONS * 0.3 / pairs / GAIN_OF_WORKERS)
    )


@pytest.mark.parametrize(("added", "part"), [(0, AGAIN), (12, NEARLY_AGAIN + (1 - NEARLY_AGAIN) / 4)])
def test_what_an_earlier_audit_left_is_not_expected_again(tmp_path, monkeypatch, added, part):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def expected_s(manifest):
        ticks = iter([5.0, 7.4, 7.7])
        return expected_audit_s(manifest, clock=lambda: next(ticks))

    folder = write_folder(tmp_path / "pets", n=36)
    known = scan(folder)
    measured = {name_sample(one): measure(known.file(one), known.reading) for one in known.usable}
    for file in write_folder(tmp_path / "more", n=added, seed=1).glob("*/*.png"):
        file.rename(folder / file.parent.name / f"new-{file.name}")
    manifest = scan(folder)
    first_s = expected_s(manifest)
    assert write_cache(cache_file(known), known, Known(measured))
    assert expected_s(manifest) == pytest.approx(part * first_s)


def test_reading_is_broken_off_once_it_would_take_too_long():
    now, seen = [0.0], []
    move = bounded_progress(lambda done, total: seen.append(done), Deadline(60, 0, clock=lambda: now[0]))
    now[0] = 1.0
    move(1, 1000)
    now[0] = 4.0
    move(2, 1000)  # too few to tell, though a thousand like it would take an hour
    move(501, 1000)  # six seconds in all
    move(501, 3_000)  # 18 seconds, which may be all: an earlier audit may have compared them
    with pytest.raises(UsageError, match=r"reading 10,000 images alone takes about 60\ss"):
        move(501, 10_000)
    with pytest.raises(UsageError, match=r"reading and comparing 30,000 images alone takes about 80\ss"):
        move(4_501, 30_000)
    assert seen == [1, 2, 501, 501, 501, 4_501]


@pytest.mark.parametrize("trainings", [1, 5.35])
def test_what_reading_is_said_to_need_is_enough_for_it(trainings):
    """The least that is named is let through."""

    def reads_too_slowly(budget_s):
        now = [0.0]
        deadline = Deadline(budget_s, 0, clock=lambda: now[0])
        move = bounded_progress(lambda done, total: None, deadline, trainings)
        move(1, 1000)
        now[0] = 4.0
        move(101, 1000)  # 40 s for all

    with pytest.raises(
        UsageError, match=r"20\ss are kept" if trainings == 1 else r"107\ss are kept"
    ) as refused:
        reads_too_slowly(60)
    number, unit = refused.value.remedy.removeprefix("Give at least ").removesuffix(".").split()
    least = int(number) * {"s": 1, "min": 60}[unit]
    assert least >= 40 / 0.8 + 20 * trainings
    reads_too_slowly(least)


def test_without_a_deadline_the_progress_is_the_consoles_own():
    def show(done, total):
        return None

    assert bounded_progress(show, None) is show
