"""Spellings and placeholders of groups from a table to the manifest: none leaks, none binds in silence."""

from __future__ import annotations

import pytest

from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from layout_case import put, table

PAIRS = {
    "case": ("p1", "P1"),
    "blank behind": ("p1", "p1 "),
    "blank before": ("p1", " p1"),
    "blank within": ("p1", "p 1"),
    "no-break space": ("p1", "p1\N{NO-BREAK SPACE}"),
    "hyphen": ("p1", "p-1"),
    "underscore": ("p1", "p_1"),
    "zeros": ("1", "001"),
    "zeros behind a letter": ("p1", "p01"),
    "float": ("1", "1.0"),
    "decimal comma": ("3", "3,0"),
    "exponent": ("100000", "1e+05"),
    "full width": ("p1", "p\N{FULLWIDTH DIGIT ONE}"),
    "composition": ("é1", "e\N{COMBINING ACUTE ACCENT}1"),
    "invisible": ("p1", "p1\N{ZERO WIDTH SPACE}"),
    "sharp s": ("straße", "STRASSE"),
    "quotes": ("12", "'12'"),
    "date": ("2024-01-05", "05.01.2024"),
}
MISSING = (
    "",
    "nan",
    "NaN",
    "NA",
    "N/A",
    "<NA>",
    "#N/A",
    "None",
    "null",
    "unknown",
    "Unknown ",
    "-",
    "--",
    "?",
    "k.A.",
    "00000",
)


def scanned(root, groups):
    """The manifest of a table whose column `patient` has these cells."""
    names = [f"{('cat', 'dog')[i % 2]}/{i}.png" for i in range(len(groups))]
    put(root, *names)
    rows = ((name, name[:3], f'"{cell}"') for name, cell in zip(names, groups, strict=True))
    return scan(table(root, "t.csv", "path,label,patient", rows), ReadOptions(group_column="patient"))


def groups_of(manifest):
    return [sample.group for sample in manifest.samples]


@pytest.mark.parametrize("kind", PAIRS)
def test_two_spellings_are_one_group_and_that_is_said(tmp_path, kind):
    first, second = PAIRS[kind]
    manifest = scanned(tmp_path, [first, second, "q2", first])
    assert groups_of(manifest) == [first, first, "q2", first]
    assert any("spellings" in note for note in manifest.notes)


@pytest.mark.parametrize("cell", MISSING)
def test_a_placeholder_binds_nobody_and_that_is_said(tmp_path, cell):
    manifest = scanned(tmp_path, ["q1", cell, cell, "q2"])
    assert groups_of(manifest) == ["q1", "", "", "q2"]
    assert any("names nobody" in note for note in manifest.notes) == bool(cell)


@pytest.mark.parametrize("cell", ["999", "-1", "other"])
def test_a_crowded_value_binds_and_that_is_said(tmp_path, cell):
    manifest = scanned(tmp_path, [cell] * 9 + [f"q{i}" for i in range(1, 6)])
    assert groups_of(manifest)[:9] == [cell] * 9
    assert any("holds 9 images" in note for note in manifest.notes)
    assert not any("holds" in note for note in scanned(tmp_path / "few", [cell, "q1", "q2", "q3"]).notes)


@pytest.mark.parametrize(
    ("header", "cell", "asked", "said"),
    [
        ("path,label,group", "g1", None, True),
        ("path,label,group", "", None, False),
        ("path,label,group", "g1", {"group_column": "group"}, False),
        ("path,label,group", "g1", {"group_regex": r"(\d)\.png"}, False),
        ("path,label,groups", "g1", None, False),
        ("path,label,group,status,reason,width,height,mode,sha256", "g1,ok,,8,8,RGB,0", None, False),
    ],
)
def test_a_column_group_that_binds_unasked_is_said(tmp_path, header, cell, asked, said):
    names = [f"{('cat', 'dog')[i % 2]}/{i}.png" for i in range(4)]
    put(tmp_path, *names)
    file = table(tmp_path, "t.csv", header, ((name, name[:3], cell) for name in names))
    manifest = scan(file, ReadOptions(**(asked or {})))
    bound = "group," in f"{header}," and cell != ""
    by_name = "group_regex" in (asked or {})
    assert set(groups_of(manifest)) == (set("0123") if by_name else {"g1" if bound else ""})
    assert any("The column 'group' says" in note and "rename it" in note for note in manifest.notes) == said
