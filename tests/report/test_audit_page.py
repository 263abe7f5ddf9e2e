"""The page says whether data may be trusted, is red exactly when they may not, and carries no live name."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from groupwise.errors import GroupwiseError
from groupwise.files import read_csv, read_json, write_csv, write_json
from groupwise.report.audit_files import read_audit
from groupwise.report.audit_page import write_audit_page
from groupwise.report.audit_verdict import judge
from groupwise.report.choose_page import _suspected

PAIR = ("cat/1.png", "cat/2.png")
HOSTILE = "<script>alert(1)</script>"
FACTS = {
    "data": "pets",
    "compared_pairs": 960,
    "transformed_pairs": 12,
    "exact_copies": 1,
    "null_pairs": 2000,
    "null_accepted": 0,
    "false_match_bound": 0.0019,
    "planted": 240,
    "planted_found": 237,
    "planted_recall": 0.9875,
    "planted_recall_interval": (0.9639, 0.9957),
    "seconds": 10.7,
}


def finding(code: str, severity: str = "note", **fields: object) -> dict[str, object]:
    plain = {"title": f"The title of {code}", "text": "What it is.", "remedy": "Mend it.", "paths": []}
    return plain | {"code": code, "severity": severity, "picture": ""} | fields


def conflict(*paths: str) -> dict[str, object]:
    return finding("copies-across-labels", "stop", paths=list(paths), picture=png())


def png() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 10), (200, 0, 0)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture
def make_audit(tmp_path: Path) -> Callable[..., Path]:
    """Write a clean audit of 12 cats and 12 dogs; keywords plant what is wrong with it.

    `copies`: rows (path, label) that show the photograph of cat/0.png; `others`: rows (path, label, status,
    reason) of files that are not usable.
    """

    def make(*, copies=(), others=(), findings=(), facts=(), groups=False, images=True) -> Path:
        folder, root = tmp_path / "audit", tmp_path / "data"
        rows = [(f"{label}/{i}.png", label, f"{label}{i}") for label in ("cat", "dog") for i in range(12)]
        rows += [(path, label, "cat0") for path, label in copies]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(row[2] for row in rows))}
        if images:
            write_images(root, rows)
        listed = [(path, label, "g" if groups else "", "ok", "") for path, label, _ in rows]
        listed += [(path, label, "", status, reason) for path, label, status, reason in others]
        write_csv(folder / "manifest.csv", ("path", "label", "group", "status", "reason"), listed)
        clusters = [(path, label, numbers[key]) for path, label, key in rows]
        write_csv(folder / "clusters.csv", ("path", "label", "cluster"), clusters)
        write_json(folder / "findings.json", list(findings))
        write_json(folder / "audit.json", FACTS | {"root": str(root)} | dict(facts))
        return folder

    return make


def write_images(root: Path, rows: list[tuple[str, str, str]]) -> None:
    rng = np.random.default_rng(0)
    for path, *_ in rows:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(root / path, "PNG")


def is_red(page) -> bool:
    """Whether anything on the page bears the colour of a fault."""
    classes = {name for _, attrs in page.elements for name in (attrs.get("class") or "").split()}
    return bool(classes & {"hidden", "stop", "alarming"})


def sources(page) -> list[str]:
    return [attrs["src"] for tag, attrs in page.elements if tag == "img"]


@pytest.mark.parametrize("resemble", [True, False])
def test_pictures_that_resemble_one_another_are_not_counted_as_copies(make_audit, resemble):
    copies = [(f"cat/{i}.png", "cat") for i in range(20, 26)]
    files = read_audit(make_audit(copies=copies, facts={"resemble": resemble}.items()))
    assert files.copies == (0 if resemble else 6)
    (shown,) = [one for one in judge(files).figures if "different photographs" in one.unit]
    assert shown.value == ("?" if resemble else "24")


def test_clean_data_are_trusted_and_nothing_is_red(make_audit, parse):
    page = parse(write_audit_page(make_audit()))
    assert "May these data be trusted? Yes." in page.text
    assert "The 24 usable files show as many different photographs" in page.text
    assert not is_red(page)


def test_the_head_of_the_page_counts_files_photographs_and_conflicts(make_audit):
    folder = make_audit(
        copies=[("dog/copy.png", "dog"), ("cat/copy.png", "cat")],
        others=[
            ("cat/b.jpg", "cat", "quarantined", "zero-byte: empty"),
            (".x", "", "ignored", "hidden: a file"),
        ],
        findings=[conflict("cat/0.png", "cat/copy.png", "dog/copy.png")],
    )
    figures = judge(read_audit(folder)).figures
    assert [figure.value for figure in figures] == ["26", "24", "1", "98.8\N{NO-BREAK SPACE}%"]
    assert [figure.alarming for figure in figures] == [False, False, True, False]
    assert figures[0].unit == "of 28 files can be used"
    assert figures[1].detail == "2 files are copies of others (7.7\N{NO-BREAK SPACE}%)"
    assert figures[2].detail == "3 files show it"


def test_one_photograph_under_two_labels_forbids_trust_and_says_what_to_do(make_audit, parse):
    copies = [("dog/copy.png", "dog")]
    page = parse(
        write_audit_page(make_audit(copies=copies, findings=[conflict("cat/0.png", "dog/copy.png")]))
    )
    assert "May these data be trusted? Not yet." in page.text
    assert "1 photograph stands under more than one label, so at least 1 label is wrong." in page.text
    assert "What to do: look at the photograph below" in page.text
    assert "cat or dog?" in page.text
    assert "filed under cat" in page.text
    assert "filed under dog" in page.text
    assert is_red(page)
    assert page.has_box("hidden")
    assert page.text.index("Not yet") < page.text.index("What to do") < page.text.index("cat or dog?")
    # One image of each side, and the proof.
    assert len(sources(page)) == 3


def test_copies_under_one_label_ask_for_care_without_red(make_audit, parse):
    copies = [(f"cat/copy{i}.png", "cat") for i in range(9)]
    folder = make_audit(copies=copies, findings=[finding("copies-in-class", "warning")])
    page = parse(write_audit_page(folder))
    assert "May these data be trusted? With care." in page.text
    assert "9 files are copies of others: 27.3 % of those that can be used." in page.text
    assert not is_red(page)
    assert "cat: 10 files, one photograph" in page.text
    assert "and 2 more files" in page.text
    assert len(sources(page)) == 8


def test_a_stop_of_any_other_kind_is_told_in_full(make_audit, parse):
    page = parse(write_audit_page(make_audit(findings=[finding("novel", "stop", picture=png())])))
    assert "Not yet." in page.text
    assert is_red(page)
    assert page.text.count("The title of novel") == 2  # in the verdict and in the box
    assert "What it is." in page.text
    assert "Mend it." in page.text
    assert len(sources(page)) == 1


def test_what_findings_of_one_kind_share_is_said_once(make_audit, parse):
    texts = ["Class cat is thin. A test needs more.", "Class dog is thin. A test needs more."]
    told = [finding("thin", "warning", title=f"Title {i}", text=text) for i, text in enumerate(texts)]
    text = parse(write_audit_page(make_audit(findings=told))).text
    assert text.count("A test needs more.") == 1
    assert text.count("Mend it.") == 1
    assert "Title 0. Class cat is thin." in text
    assert "Title 1. Class dog is thin." in text
    assert "Title 0 (1 more finding of this kind)." in text
    told[1]["remedy"] = "Leave it."
    text = parse(write_audit_page(make_audit(findings=told))).text
    assert "Mend it." in text
    assert "Leave it." in text


def test_suspicions_are_named_so_and_bind_nothing(make_audit, parse):
    series = finding("suspected-groups-time", title="3 series of shots", paths=["cat/0.png", "cat/1.png"])
    text = parse(write_audit_page(make_audit(findings=[series]))).text
    assert "trusted? Yes." in text
    assert "Suspected, not certain: 2 files come from series of shots." in text
    assert "Suspected: 3 series of shots" in text
    assert "Nothing was done about them." in text
    text = parse(write_audit_page(make_audit(findings=[series], groups=True))).text
    assert "Suspected: 3 series of shots" in text
    assert "only those count" in text
    assert "2 files come from series" not in text
    assert "Suspected" not in parse(write_audit_page(make_audit())).text


def test_the_page_says_the_recall_by_the_number_of_operations(make_audit, parse):
    by_depth = [{"operations": 5, "planted": 40, "found": 31, "interval": (0.625, 0.877)}]
    text = parse(write_audit_page(make_audit(facts={"planted_by_depth": by_depth}))).text
    assert "by one to six such operations at once" in text
    assert "77.5 %, 62.5 to 87.7 %" in text
    older = parse(write_audit_page(make_audit())).text
    assert "such operations" not in older
    assert "Operations" not in older


def test_the_audit_names_its_own_recall_and_doubts_itself_where_it_is_low(make_audit, parse):
    text = parse(write_audit_page(make_audit())).text
    assert "Of copies that the audit made of your images as a test it found 98.8 %" in text
    assert "237 of 240; 95 % interval 96.4 to 99.6 %" in text
    low = {"planted_recall": 0.8, "planted_recall_interval": (0.74, 0.85), "planted_found": 192}
    text = parse(write_audit_page(make_audit(facts=low))).text
    assert "With care." in text
    assert "found only 80.0 % of the copies planted" in text
    none = {"planted": 0, "planted_found": 0, "planted_recall": None, "planted_recall_interval": (0, 1)}
    text = parse(write_audit_page(make_audit(facts=none))).text
    assert "With care." in text
    assert "too few images" in text
    assert "n/a" in text


def test_the_note_on_quality_is_not_repeated_as_a_finding(make_audit, parse):
    text = parse(write_audit_page(make_audit(findings=[finding("audit-quality"), finding("bridges")]))).text
    assert "The title of audit-quality" not in text
    assert "The title of bridges" in text


def test_every_file_left_out_is_named_with_its_reason(make_audit, parse):
    broken = [(f"cat/b{i}.jpg", "cat", "quarantined", "truncated: it ends early") for i in range(30)]
    ignored = [("Thumbs.db", "", "ignored", "system-file: left behind")]
    ignored += [(f"cat/x{i}.jpg", "cat", "ignored", "excluded: left out by list.csv") for i in range(2)]
    page = parse(write_audit_page(make_audit(others=[*broken, *ignored])))
    assert all(row[0] in page.text for row in broken)
    assert page.text.count("truncated: it ends early") == 30
    assert "left out by your list: 2, no images: 1, not usable: 30" in page.text
    assert page.text.index("cat/b0.jpg") < page.text.index("10 more files") < page.text.index("cat/b20.jpg")
    assert page.text.index("cat/b29.jpg") < page.text.index("Thumbs.db")
    assert "30 of 54 image files cannot be used." in page.text
    assert "With care." in page.text


def test_a_single_file_lost_of_many_does_not_shake_trust(make_audit, parse):
    lost, ignored = ("cat/b.jpg", "cat", "quarantined", "truncated: it ends early"), "hidden: a hidden file"
    copies = [(f"cat/c{i}.png", "cat") for i in range(76)]
    text = parse(write_audit_page(make_audit(copies=copies, others=[lost]))).text
    assert "trusted? Yes." in text
    assert "cat/b.jpg" in text
    many = [(f".{i}", "", "ignored", ignored) for i in range(50)]
    assert "trusted? Yes." in parse(write_audit_page(make_audit(others=many))).text


def test_classes_are_counted_in_files_usable_files_and_photographs(make_audit, parse):
    lost = [
        ("dog/b.jpg", "dog", "quarantined", "zero-byte: empty"),
        ("dog/t.txt", "dog", "ignored", "no: text"),
    ]
    page = parse(
        write_audit_page(make_audit(copies=[("cat/x.png", "cat"), ("dog/y.png", "dog")], others=lost))
    )
    assert "cat131312" in page.text.replace(" ", "")
    assert "dog141313" in page.text.replace(" ", "")
    widths = [attrs["style"] for tag, attrs in page.elements if tag in ("span", "i") and "style" in attrs]
    assert widths == [f"width: {w}%" for w in (100.0, 100 * 12 / 13, 100.0, 100.0)]


def test_hostile_names_are_inert_everywhere(make_audit):
    label = HOSTILE.replace("/", "_")
    name = f"cat/{label}.png"
    words = {"title": HOSTILE, "text": HOSTILE, "remedy": HOSTILE, "paths": [HOSTILE]}
    hostile = [
        finding(f"{HOSTILE}{severity}", severity, **words, picture='"><script>')
        for severity in ("stop", "warning", "note")
    ]
    folder = make_audit(
        copies=[(name, label)],
        others=[(HOSTILE, HOSTILE, "quarantined", HOSTILE), (f"{HOSTILE}2", HOSTILE, "ignored", HOSTILE)],
        findings=[conflict("cat/0.png", name), *hostile, finding("suspected-groups-time", title=HOSTILE)],
        facts={"data": HOSTILE},
    )
    source = write_audit_page(folder).read_text(encoding="utf-8")
    assert "<script" not in source
    assert "&lt;script&gt;" in source


def test_nothing_on_the_page_comes_from_elsewhere(make_audit, parse):
    copies = [("dog/copy.png", "dog")]
    page = parse(
        write_audit_page(make_audit(copies=copies, findings=[conflict("cat/0.png", "dog/copy.png")]))
    )
    assert all(src.startswith("data:image/") for src in sources(page))
    assert not [tag for tag, _ in page.elements if tag in ("script", "link", "iframe")]
    assert {attrs["href"] for _, attrs in page.elements if "href" in attrs} == {"choose.html"}
    assert not any("url(" in style or "@import" in style for style in page.styles)
    policy = [attrs for tag, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy[0]["content"]


def test_images_that_are_gone_leave_the_proof_and_the_names(make_audit, parse):
    copies = [("dog/copy.png", "dog"), ("cat/copy.png", "cat")]
    told = [conflict("cat/0.png", "cat/copy.png", "dog/copy.png")]
    page = parse(write_audit_page(make_audit(copies=copies, findings=told, images=False)))
    assert len(sources(page)) == 1
    assert "image not found" not in page.text
    assert all(path in page.text for path in told[0]["paths"])


def test_the_largest_sets_come_first_and_conflicts_are_not_among_them(make_audit, parse):
    folder = make_audit(copies=[(f"dog/copy{i}.png", "dog") for i in range(8)])
    rows = [
        row | {"cluster": "99"} if row["path"] in PAIR else row
        for row in read_csv(folder / "clusters.csv", ())
    ]
    write_csv(folder / "clusters.csv", rows[0], [tuple(row.values()) for row in rows])
    text = parse(write_audit_page(folder)).text
    assert text.index("9 files, one photograph") < text.index("cat: 2 files, one photograph")
    write_json(folder / "findings.json", [conflict(*PAIR)])
    assert "cat: 2 files" not in parse(write_audit_page(folder)).text


def test_many_conflicts_are_all_named_and_the_later_ones_folded(make_audit, parse):
    copies = [(f"dog/copy{i}.png", "dog") for i in range(50)]
    told = [conflict("cat/0.png", path) for path, _ in copies]
    page = parse(write_audit_page(make_audit(copies=copies, findings=told)))
    assert "44 more" in page.text
    assert "50. cat or dog?" in page.text
    assert all(path in page.text for path, _ in copies)


def test_data_without_two_classes_or_without_images_are_not_trusted(make_audit, parse):
    folder = make_audit()
    for name in ("manifest.csv", "clusters.csv"):
        text = (folder / name).read_text()
        (folder / name).write_text("".join(row for row in text.splitlines(True) if "dog" not in row))
    assert "one and the same label" in parse(write_audit_page(folder)).text
    for name in ("manifest.csv", "clusters.csv"):
        (folder / name).write_text((folder / name).read_text().splitlines(True)[0])
    text = parse(write_audit_page(folder)).text
    assert "Not yet." in text
    assert "Not one file can be used." in text


@pytest.mark.parametrize(
    ("cat", "dog", "told"),
    [
        ("|cat|", "|", "There is one label only, and images without any are no class, so there is nothing"),
        ("|cat|dog|", "|cat|dog|", "All images carry the same labels, so there is nothing"),
        ("|cat|", "|cat|", "All images carry one and the same label, so there is nothing"),
        ("|", "|", "No image has a label, so there is nothing"),
        ("|cat|dog|", "|", ""),
        ("|cat|", "|cat|dog|", ""),
    ],
)
def test_labels_that_leave_nothing_to_tell_apart_are_told_as_they_are(make_audit, cat, dog, told):
    folder = make_audit(images=False)
    for name in ("manifest.csv", "clusters.csv"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace(",cat,", f",{cat},").replace(",dog,", f",{dog},"))
    found = judge(read_audit(folder))
    assert found.reasons[0].startswith(told)
    assert (found.level == "stop") == bool(told)


@pytest.mark.parametrize("name", ["manifest.csv", "clusters.csv", "findings.json", "audit.json"])
def test_an_essential_file_that_is_missing_is_named_with_a_remedy(make_audit, name):
    folder = make_audit()
    (folder / name).unlink()
    with pytest.raises(GroupwiseError, match=rf"{name}: no such file\. Run `groupwise audit`"):
        write_audit_page(folder)


def test_files_of_two_audits_are_refused(make_audit):
    folder = make_audit()
    write_csv(folder / "clusters.csv", ("path", "label", "cluster"), [("cat/0.png", "cat", 0)])
    with pytest.raises(GroupwiseError, match=r"does not list the usable files of manifest\.csv"):
        write_audit_page(folder)
    folder = make_audit(findings=[conflict("cat/0.png", "dog/gone.png")])
    with pytest.raises(GroupwiseError, match=r"names 'dog/gone\.png', which clusters\.csv does not list"):
        write_audit_page(folder)


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("findings.json", {"a": 1}, "not a list of findings"),
        ("audit.json", [], "does not say where the images"),
    ],
)
def test_damaged_files_are_named(make_audit, name, content, fact):
    folder = make_audit()
    write_json(folder / name, content)
    with pytest.raises(GroupwiseError, match=fact):
        write_audit_page(folder)


def test_equal_files_give_an_equal_page(make_audit):
    folder = make_audit(copies=[("cat/x.png", "cat")])
    assert write_audit_page(folder).read_bytes() == write_audit_page(folder).read_bytes()
    assert read_json(folder / "findings.json") == []


def given_split(*, siblings: int, sources: int, repaired: bool = True) -> dict[str, object]:
    sizes = {"train": 18, "test": 6}
    folds = {
        name: {"n": n, "sources": n, "with_sibling_in_train": siblings * (name == "test")}
        for name, n in sizes.items()
    }
    counted = {f"spanning_{kind}s": {"n": n} for kind, n in (("photograph", sources), ("group", 0))}
    return {"folds": folds, "spanning_sources": sources, "repaired": repaired, **counted}


@pytest.mark.parametrize(
    ("siblings", "sources", "leak"),
    [
        (1, 1, "1 source stands in several of its folds, and 1 of 6 images outside training has siblings"),
        (3, 2, "2 sources stand in several of its folds, and 3 of 6 images outside training have siblings"),
        (0, 2, "2 sources stand in several of its folds."),  # folds that measure one another
        (0, 0, ""),
    ],
)
def test_a_split_that_leaks_asks_for_care(make_audit, siblings, sources, leak):
    given = given_split(siblings=siblings, sources=sources)
    verdict = judge(read_audit(make_audit(images=False, facts={"given_split": given}.items())))
    assert verdict.level == ("care" if leak else "yes")
    assert leak in verdict.reasons[0]


def test_the_page_tells_the_folds_that_the_data_bring(make_audit, parse):
    clean = parse(write_audit_page(make_audit())).text
    assert "The split that the data bring" not in clean
    for repaired, remedy in ((True, "train on repaired.csv with"), (False, "let the training divide anew")):
        given = given_split(siblings=3, sources=2, repaired=repaired)
        page = parse(write_audit_page(make_audit(facts={"given_split": given}.items())))
        assert "On two sides: 2 photographs, file by file in spanning.csv." in page.text
        assert remedy in page.text


@pytest.mark.parametrize(
    ("time", "names", "listed"),
    [
        ("aab", "xx-", ["01", "2"]),
        ("aa-", "-xx", ["01", "12"]),
        ("---", "xx-", ["01"]),
        ("aaa", "xyy", ["012"]),
    ],
)
def test_series_by_every_clue_can_be_chosen_and_none_twice(make_audit, time, names, listed):
    suspected = {"code": "suspected-groups-time", "severity": "note", "title": "t", "paths": []}
    folder = make_audit(findings=[suspected])
    rows = [(f"cat/{i}.png", "cat", *(cell.strip("-") for cell in (time[i], names[i]))) for i in range(3)]
    write_csv(folder / "series.csv", ("path", "label", "series_time", "series_names"), rows)
    found = [[file["path"][4] for file in one["files"]] for one in _suspected(read_audit(folder))]
    assert ["".join(one) for one in found] == listed


def test_pairs_stand_on_a_line_of_their_own(make_audit, parse):
    inset = finding("insets", paths=["cat/1.png", "dog/2.png", "cat/3.png", "dog/2.png"])
    page = parse(write_audit_page(make_audit(findings=[inset])))
    assert "cat/1.png + dog/2.png" in page.text
    assert "cat/3.png + dog/2.png" in page.text
