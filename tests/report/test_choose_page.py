"""The page to choose from, in Chromium: filter, tick, keys, languages, and a list that `--exclude` takes."""

import csv
import os
import shutil
from contextlib import contextmanager

import pytest
from PIL import Image

from groupwise.data.reading import ReadOptions
from groupwise.data.scan import scan
from groupwise.files import write_csv, write_json
from groupwise.report.audit_page import write_audit_page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: the page is untested")

HOSTILE = 'x",</script><img src=x onerror=window.hacked=1>'.replace("/", "_") + ".png"
SETS = [
    ["cat/a.png", f"cat/{HOSTILE}", "cat/c, d.png"],
    ["cat/e.png", "dog/f.png"],
    ["dog/g.png"],
    ["dog/h#1?.png"],
]


def write_audit(root, label_of=lambda path: path[:3], insets=(), ignored=(), options=None):
    """An audit of seven files: a set of three, a conflict, a suspected series of two, a suspected label."""
    manifest = [(path, "cat", "", "ignored", reason, 10, 10) for path, reason in ignored]
    clusters = []
    for number, paths in enumerate(SETS):
        for k, path in enumerate(paths):
            file, label = root / "data" / path, label_of(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (10 + k, 10), (30 * k, 99, 9)).save(file)
            manifest.append((path, label, "", "ok", "", 10 + k, 10))
            clusters.append((path, label, number, 1 / (1 + k), k == 1))
    audit = root / "audit"
    write_csv(
        audit / "manifest.csv", ("path", "label", "group", "status", "reason", "width", "height"), manifest
    )
    write_csv(
        audit / "clusters.csv",
        ("path", "label", "cluster", "sharpest", "medoid"),
        [(*row[:4], int(row[4])) for row in clusters],
    )
    series = [(path, label, "0" if number in (2, 3) else "") for path, label, number, *_ in clusters]
    write_csv(audit / "series.csv", ("path", "label", "series_numbering"), series)
    write_csv(
        audit / "label_errors.csv",
        ("path", "label", "suggested"),
        [(path, label_of(path), label_of("cat")) for path in ("dog/g.png", "dog/gone.png")],
    )
    conflict = {"code": "copies-across-labels", "severity": "stop", "title": "t", "paths": SETS[1]}
    suspect = {"code": "suspected-groups-numbering", "severity": "note", "title": "t", "paths": []}
    shown = {"code": "insets", "severity": "note", "title": "t", "paths": insets}
    write_json(audit / "findings.json", [conflict, suspect, *[shown] * bool(insets)])
    write_json(audit / "audit.json", {"root": str(root / "data"), "data": "data", "options": options or {}})
    write_audit_page(audit)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_audit(tmp_path_factory.mktemp("choose"))


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser, folder):
    context = browser.new_context(
        viewport={"width": 360, "height": 700}, locale="en-GB", accept_downloads=True
    )
    page = context.new_page()
    trouble = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text))
    page.goto((folder / "audit" / "choose.html").as_uri())
    yield page
    assert not trouble
    assert page.evaluate("window.hacked") is None
    context.close()


@pytest.fixture
def page(browser, folder):
    with opened(browser, folder) as page:
        yield page


def ticked(page):
    return page.evaluate(
        "[...document.querySelectorAll('#sets input:checked')].map(box => box.dataset.path).sort()"
    )


def save(page, file):
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(file)
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_saved_list_is_what_exclude_takes(page, folder, tmp_path):
    expect(page.locator("#sets input")).to_have_count(8)
    expect(page.locator("#save")).to_be_disabled()
    for path in SETS[0][1:]:
        page.locator("#sets label", has_text=path).click()
    expect(page.locator("#count")).to_have_text("2 ticked")
    rows = save(page, tmp_path / "exclude.csv")
    assert sorted(row["path"] for row in rows) == sorted(SETS[0][1:])
    assert {row["reason"] for row in rows} == {"copies"}
    manifest = scan(folder / "data", ReadOptions(exclude=tmp_path / "exclude.csv"))
    assert len(manifest.usable) == 5
    assert not {sample.path for sample in manifest.usable} & set(SETS[0][1:])


@pytest.mark.parametrize(
    ("policy", "kept"), [("largest", 2), ("sharpest", 0), ("medoid", 1), ("first", 0), ("none", None)]
)
def test_a_policy_ticks_all_but_one_of_the_sets_shown(page, policy, kept):
    page.select_option("#kind", "copies")
    page.select_option("#keep", policy)
    page.click("#tick")
    assert ticked(page) == sorted(path for k, path in enumerate(SETS[0]) if k != kept)
    expect(page.locator("#count")).to_have_text(f"{3 - (kept is not None)} ticked")
    page.click("#untick")
    assert ticked(page) == []


def test_sets_under_differing_labels_are_not_settled_by_a_policy(page):
    page.select_option("#keep", "largest")
    page.click("#tick")
    torn = page.locator("#sets > li.conflict input")
    assert not any(box.is_checked() for box in torn.all())
    assert page.locator("#sets > li.copies input:checked").count() == 2
    expect(page.locator("#torn")).to_be_visible()
    page.select_option("#keep", "none")
    page.click("#tick")
    assert all(box.is_checked() for box in torn.all())
    page.select_option("#kind", "copies")
    expect(page.locator("#torn")).to_be_hidden()


def test_filters_and_order_narrow_what_is_shown(page):
    kinds = page.evaluate("[...document.querySelectorAll('#sets > li')].map(set => set.className)")
    assert kinds == ["mistake", "conflict", "copies", "suspect"]
    page.select_option("#kind", "suspect")
    expect(page.locator("#shown")).to_have_text("Shown: files 2, sets 1")
    page.select_option("#kind", "")
    page.select_option("#label", "cat")
    expect(page.locator("#sets > li")).to_have_count(2)
    page.fill("#search", "C, D")
    expect(page.locator("#sets > li")).to_have_count(1)


def test_a_suspected_label_says_what_the_network_says_and_is_left_out_for_that(page, folder, tmp_path):
    page.select_option("#kind", "mistake")
    expect(page.locator("#sets h2")).to_have_text("labelled dog, and the network says cat")
    page.locator("#sets label").click()
    (row,) = save(page, tmp_path / "exclude.csv")
    assert row == {"path": "dog/g.png", "label": "dog", "reason": "mistake"}


def test_of_pictures_inside_another_that_one_is_ticked_and_those_stay(browser, tmp_path):
    folder = write_audit(tmp_path, insets=["cat/a.png", "dog/g.png", "cat/e.png", "dog/g.png"])
    with opened(browser, folder) as page:
        page.select_option("#kind", "inset")
        expect(page.locator("#sets h2")).to_have_text("one shown inside another: 3 files")
        assert page.locator(".what").first.inner_text() == "shows the others · dog · 10 × 10"
        page.click("text=and what shows others inside")
        assert ticked(page) == ["dog/g.png"]
        page.select_option("#kind", "copies")
        expect(page.locator("#tick")).to_have_text("Tick all but one of each set shown")
        assert {row["reason"] for row in save(page, tmp_path / "exclude.csv")} == {"mistake"}


def test_sets_of_labels_are_said_in_words_and_filtered_by_each_label(browser, tmp_path):
    sets = {"cat": "|cat|dog|", "dog": "|"}
    folder = write_audit(tmp_path, lambda path: sets[path[:3]])
    with opened(browser, folder) as page:
        expect(page.locator(".copies .what").first).to_have_text("cat, dog · 10 × 10")
        said = "labelled none of the labels, and the network says cat, dog"
        expect(page.locator(".mistake h2")).to_have_text(said)
        assert page.locator("#label option").all_inner_texts() == ["all", "cat", "dog"]
        page.select_option("#label", "dog")
        expect(page.locator("#sets > li")).to_have_count(2)
        assert "none of the labels · " in page.inner_text("#sets")
        assert "|" not in page.inner_text("main")
        page.locator("#sets label", has_text="cat/e.png").click()
        assert save(page, tmp_path / "exclude.csv") == [
            {"path": "cat/e.png", "label": "|cat|dog|", "reason": "conflict"}
        ]


def test_the_command_reads_the_data_alike_and_an_earlier_list_stays(browser, tmp_path):
    ignored = [("cat/out.png", "excluded: left out by old.csv"), ("cat/.bad.png", "hidden: a hidden file")]
    options = {"group_column": "sender x", "root": "data", "exclude": "old.csv"}
    with opened(browser, write_audit(tmp_path, ignored=ignored, options=options)) as page:
        command = "groupwise audit data --group-column 'sender x' --root data --exclude exclude.csv"
        expect(page.locator("#command")).to_have_text(command)
        page.locator("#sets label", has_text="cat/e.png").click()
        assert save(page, tmp_path / "exclude.csv") == [
            {"path": "cat/out.png", "label": "cat", "reason": "excluded"},
            {"path": "cat/e.png", "label": "cat", "reason": "conflict"},
        ]


def test_keys_move_and_tick_and_a_phone_shows_all(page):
    page.locator("#sets input").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert len(ticked(page)) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate("for (const one of document.images) one.loading = 'eager'")
    page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth > 0)")


def test_both_languages_say_everything(page):
    english = page.inner_text("main")
    page.click("#language")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.inner_text("h1") == "要排除哪些文件？"
    assert "undefined" not in page.inner_text("main") + english
    names = page.evaluate("Object.values(WORDS).map(words => Object.keys(words).sort().join())")
    assert len(names) == 2
    assert len(set(names)) == 1
