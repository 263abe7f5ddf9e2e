"""Spellings of one group are joined, placeholders bind nobody, and both are said; two groups stay two."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.data.group_names import is_placeholder, spelling_key, tidy_groups

SPELLINGS = (
    *(("p1", "P1"), ("p1", "p1 "), ("p1", " p1"), ("1", "1.0"), ("1", "01"), ("1", "1."), ("7", "007")),
    *(
        ("p1", "p 1"),
        ("p1", "p_1"),
        ("p1", "p-1"),
        ("p1", "p01"),
        ("p1", "p001"),
        ("Anna Maria", "anna  maria"),
    ),
    *(
        ("p1", "\ufeffp1"),
        ("p1", "p1\N{ZERO WIDTH SPACE}"),
        ("p1", "p1\N{NO-BREAK SPACE}"),
        ("p1", "\uff501"),
    ),
    *(("é", "e\N{COMBINING ACUTE ACCENT}"), ("straße", "STRASSE"), ("100000", "1e+05"), ("12", '"12"')),
    *(("3", "3,0"), ("x\ty", "x y"), ("Müller", "MÜLLER")),
    *(("2024-01-05", "05.01.2024"), ("2024-01-05", "20240105"), ("2024-01-05", "2024/1/5")),
    *(("2024-01-05", "2024-01-05 00:00:00"), ("5.1.2024", "20240105.0"), ("2024-01-25", "25/01/2024")),
    *(("2024-01-25", "1/25/2024"), ("2024年1月5日", "2024-01-05"), ("5 Jan 2024", "January 5, 2024")),
    *(("2024-03-05", "5. März 2024"), ("2024-05-05", "05/05/2024")),
)
DIFFERENT = (
    *(("p1", "p10"), ("1", "10"), ("1.1", "1.10"), ("1-1", "11"), ("p1", "q1"), ("1", "-1"), ("0.5", "5")),
    *(("2024-01-05", "2024-05-01"), ("2024-01-05 00:00", "2024-01-05 10:30"), ("20241305", "2024-05-13")),
    *(("1.2.3", "3.2.1"), ("2024-01-05", "5.1.24"), ("1-2-2024x", "2024-02-01")),
    *(("10", "1"), ("a", "b"), ("2024-01-01", "2024-01-11"), ("1.5", "15"), ("e", "é")),
)
PLACEHOLDERS = (
    *("", " ", "nan", "NaN", "NA", "N/A", "n.a.", "<NA>", "#N/A", "None", "null", "NULL", "nil", "NaT"),
    *("unknown", "Unknown ", "missing", "-", "--", "?", "undefined", "not available", "tbd", "\u200b"),
    *("—", "–", "/", "(blank)", "#REF!", "#VALUE!", "n. a.", "na.", "keine", "未知", "不明", "inconnu"),
    *("anonymous", "No ID", "1900-01-00", "k.A.", "k. A.", "s.o.", "N.N.", "TBD", "unbekannt", "desconocido"),
    *(
        "non renseigné",
        "sin datos",
        "缺失",
        "无",
        "неизвестно",
        "keine Angabe",
        "entfällt",
        "(null)",
        "\\N",
        "N/D",
        "0",
        "0.0",
        "00000",
    ),
)


@pytest.mark.parametrize(("first", "second"), SPELLINGS)
def test_spellings_of_one_group_are_joined_and_said(first, second):
    tidy, notes = tidy_groups([first, second, first, "another"])
    assert tidy == [first, first, first, "another"]
    [note] = notes
    assert "spellings" in note
    assert repr(second) in note


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_different_groups_stay_apart(first, second):
    assert tidy_groups([first, second]) == ([first, second], [])


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_placeholders_bind_nobody_and_are_counted(value):
    tidy, notes = tidy_groups(["p1", value, value, "p2"])
    assert tidy == ["p1", "", "", "p2"]
    assert len(notes) == bool(value.strip())
    assert all("2 of 4 groups" in note for note in notes)


@pytest.mark.parametrize(
    "value",
    [
        *("nana", "Anna", "nadal", "unknown soldier", "n1", "0", "p-1", "none2"),
        *(
            "anonymous2",
            "a/b",
            "1900-01-01",
            "#7",
            "k.A.",
            "0.0",
            "N.N.",
            "blank",
            "s.o.",
            "未知1",
            "keiner",
            "id",
        ),
    ],
)
def test_names_that_resemble_placeholders_are_names(value):
    assert not is_placeholder(value)


def test_a_crowded_suspicious_value_is_named_and_binds():
    groups = ["999"] * 12 + [f"p{i}" for i in range(6)]
    tidy, [note] = tidy_groups(groups)
    assert tidy == groups
    assert "'999' holds 12 images" in note


@pytest.mark.parametrize("value", ["-1.0", "99.0", "blank", "other"])
def test_other_forms_of_a_suspicious_value_are_named_as_well(value):
    [note] = tidy_groups([value] * 12 + [f"p{i}" for i in range(6)])[1]
    assert f"{value!r} holds 12 images" in note


@pytest.mark.parametrize("zero", ["0", "0.0", "00000"])
def test_zero_is_a_group_among_small_numbers_alone(zero):
    numbers = [zero, zero, "1", "1", "2"]
    assert tidy_groups(numbers) == (numbers, [])
    tidy, [note] = tidy_groups([zero] * 12 + numbers[2:])
    assert tidy[:12] == [zero] * 12
    assert "holds 12 images" in note
    assert tidy_groups([zero, "4711", "4712"])[0][0] == ""


def test_initials_among_initials_are_somebody():
    groups = ["k.A.", "b.c.", "M.S.", "k.A."]
    assert tidy_groups(groups) == (groups, [])
    assert tidy_groups(["k.A.", "b.c.", "Meier"])[0] == ["", "b.c.", "Meier"]


def test_dates_of_which_nobody_knows_the_day_are_said_and_others_decide_it():
    tidy, [note] = tidy_groups(["2024-01-05", "05/01/2024", "x"])
    assert tidy == ["2024-01-05", "05/01/2024", "x"]
    assert "'05/01/2024', may be dates" in note
    tidy, _ = tidy_groups(["2024-01-05", "05/01/2024", "13/01/2024"])
    assert tidy[0] == tidy[1] == "2024-01-05"
    tidy, _ = tidy_groups(["2024-05-01", "05/01/2024", "01/13/2024"])
    assert tidy[0] == tidy[1] == "2024-05-01"
    assert tidy_groups(["05/01/2024", "06/01/2024"])[1] == []


@pytest.mark.parametrize("value", ["0.5", "k.b.", "100", "blanka", "10"])
def test_crowded_names_that_resemble_suspicious_ones_are_not_named(value):
    assert tidy_groups([value] * 12 + [f"p{i}" for i in range(6)])[1] == []


@settings(deadline=None)
@given(st.lists(st.text(max_size=6), max_size=8))
def test_what_was_tidied_is_tidy(groups):
    tidy, _ = tidy_groups(groups)
    assert tidy_groups(tidy)[0] == tidy
    assert all(not group for group, old in zip(tidy, groups, strict=True) if is_placeholder(old))


@settings(deadline=None)
@given(st.text(alphabet="abcPQ", min_size=1, max_size=4), st.integers(1, 999), st.integers(0, 3))
def test_case_blanks_and_zeros_never_part_a_group(word, number, zeros):
    key = spelling_key(f"{word}{number}")
    for other in (f" {word.upper()}{number} ", f"{word.lower()}{'0' * zeros}{number}", f"{word} {number}"):
        assert spelling_key(other) == key


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_are_one_only_where_they_are_equal(first, second):
    assert (spelling_key(str(first)) == spelling_key(f"{second}.0")) == (first == second)
