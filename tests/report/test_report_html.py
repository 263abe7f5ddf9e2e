"""The page says the number in words, nothing on it comes from elsewhere, and no name on it is alive."""

import base64
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from groupwise.data.manifest import Manifest, Sample
from groupwise.errors import GroupwiseError, UsageError
from groupwise.files import read_json, write_csv, write_json
from groupwise.report.page import write_report
from groupwise.report.rendering import mark_code, render

HOSTILE = "<script>alert(1)</script>"


@pytest.mark.usefixtures("plain_figures")
def test_the_number_stands_first_in_words_with_unit_interval_and_baseline(make_run, parse):
    page = parse(write_report(make_run()))
    n = 12
    expected = (
        f"Of {n} images from 4 sources that took no part in training, 83.3 % were classified correctly:"
        " 10 right, 2 wrong. 95 % interval: 55.0 to 96.0 %."
    )
    assert expected in page.text
    assert "Always guessing the largest class, “cat”, would give 50.0 %." in page.text
    assert page.text.index(expected) < page.text.index("Where it is right")


@pytest.mark.usefixtures("plain_figures")
def test_a_number_without_interval_says_why(make_run, parse):
    run = make_run()
    metrics = read_json(run / "metrics.json")
    metrics["test"]["accuracy"] |= {"low": None, "high": None, "reason": "all images come from one source"}
    write_json(run / "metrics.json", metrics)
    text = parse(write_report(run)).text
    assert "There is no interval: all images come from one source." in text
    assert "95 % interval:" not in text


def test_nothing_comes_from_elsewhere_and_nothing_runs(make_run, parse):
    path = write_report(make_run())
    page = parse(path)
    references = [
        value
        for _, attrs in page.elements
        for name, value in attrs.items()
        if name in ("src", "srcset", "href", "action", "poster", "data")
    ]
    assert references
    assert all(value.startswith(("data:image/", "#")) for value in references)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.elements}
    assert "@import" not in "".join(page.styles)
    assert "url(" not in "".join(page.styles)
    assert "default-src 'none'" in path.read_text()


def test_hostile_names_are_text(make_run, parse):
    stem = '"><img src=x onerror=alert(1)>'
    run = make_run(classes=(HOSTILE, "dog", "{{ 7 * 7 }}"), file_stem=stem, ledger={"data": HOSTILE})
    write_json(
        run / "findings.json",
        [
            {
                "severity": "stop",
                "title": HOSTILE,
                "text": "`<b>`",
                "picture": '" onerror="alert(1)',
                "paths": [stem],
            }
        ],
    )
    page = parse(write_report(run))
    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags
    assert "b" not in tags
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert all(attrs.get("src") != "x" for _, attrs in page.elements)
    assert page.text.count(HOSTILE) >= 4
    assert "{{ 7 * 7 }}" in page.text


@pytest.mark.usefixtures("plain_figures")
def test_the_pictures_are_the_images_of_the_run(make_run, parse):
    run = make_run()
    page = parse(write_report(run))
    wrong = [
        attrs for tag, attrs in page.elements if tag == "img" and "taken for" in (attrs.get("alt") or "")
    ]
    assert [attrs["alt"] for attrs in wrong] == [
        "an image of cat taken for dog",
        "an image of dog taken for cat",
    ]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(wrong[0]["src"].partition(",")[2]))))
    name = next(attrs["title"] for tag, attrs in page.elements if "title" in attrs)
    assert (shown == np.asarray(Image.open(run.parent / "data" / name))).all()


@pytest.mark.usefixtures("plain_figures")
def test_most_wrong_is_sorted_by_the_probability_of_the_true_class(make_run, parse):
    run = make_run()
    rows = [
        (f"image-0-{i}.png", "cat", "", 0, fold, predicted, 1 - prob, prob)
        for i, fold, predicted, prob in (
            (0, "test", "dog", 0.7),
            (1, "test", "dog", 0.99),
            (2, "test", "cat", 0.4),
            (3, "val", "dog", 0.999),
        )
    ]
    header = ["path", "label", "group", "cluster", "fold", "predicted", "prob_cat", "prob_dog"]
    write_csv(run / "predictions.csv", header, rows)
    page = parse(write_report(run))
    assert [attrs["title"] for _, attrs in page.elements if "title" in attrs] == [
        "image-0-1.png",
        "image-0-0.png",
    ]
    assert "called dog (99.0 %)" in page.text


@pytest.mark.usefixtures("plain_figures")
def test_split_choices_time_and_ledger_are_told(make_run, parse):
    page = parse(write_report(make_run()))
    assert "No source spans two folds: each of the 20 lies in one fold as a whole." in page.text
    assert "training.epochs 30 12" in re.sub(r"\s+", " ", " ".join(page.words))
    assert "at 50 images a second; 25.0 % of that time the network waited for images" in page.text
    assert "ab" * 32 in page.text
    assert "read 1 time" in page.text
    assert "epoch 3, chosen by the fold “val”" in page.text
    assert "a single source does not show how sources differ" in page.text  # why a score has no value


@pytest.mark.usefixtures("plain_figures")
def test_every_file_is_accounted_for(make_run, parse):
    run = make_run()
    reason = "truncated: it ends too soon"
    bad = [Sample(f"bad-{i}.jpg", "cat", status="quarantined", reason=reason) for i in range(45)]
    Manifest(run, (Sample("a.jpg", "cat"), *bad)).write(run / "manifest.csv")
    text = parse(write_report(run)).text
    assert "46 files from pets: 1 ok, 45 quarantined." in text
    assert "quarantinedtruncatedit ends too soon45" in text  # the cells of a row
    assert "bad-39.jpg" in text
    assert "bad-40.jpg" not in text
    assert "And 5 further files" in text


def test_equal_files_give_an_equal_page(make_run):
    run = make_run()
    first = {path.name: path.read_bytes() for path in [write_report(run), *(run / "figures").iterdir()]}
    second = {path.name: path.read_bytes() for path in [write_report(run), *(run / "figures").iterdir()]}
    assert first == second
    assert set(first) == {"report.html", "curves.png", "confusion.png", "samples.png", "most_wrong.png"}


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("history.csv", "Each point is one pass"),
        ("split.csv", "What the images look like"),
        ("predictions.csv", "The most wrong images"),
        ("manifest.csv", "The data"),
    ],
)
@pytest.mark.usefixtures("plain_figures")
def test_a_missing_optional_file_leaves_its_section_out(make_run, parse, name, section):
    run = make_run()
    assert section in parse(write_report(run)).text
    (run / name).unlink()
    text = parse(write_report(run)).text
    assert section not in text
    assert "83.3 % were classified correctly" in text


@pytest.mark.usefixtures("plain_figures")
def test_images_that_are_gone_are_named_instead_of_shown(make_run, parse):
    run = make_run()
    for path in (run.parent / "data").iterdir():
        path.unlink()
    assert parse(write_report(run)).text.count("image not found") == 16 + 2


@pytest.mark.usefixtures("plain_figures")
def test_without_an_audit_the_page_says_that_none_was_run(make_run, parse):
    run = make_run()
    assert "no audit was run" in parse(write_report(run)).text
    write_json(run / "findings.json", [])
    text = parse(write_report(run)).text
    assert "no audit was run" not in text
    assert "The audit found nothing to report." in text


def test_names_in_any_script_stand_on_the_page(make_run, parse, recwarn):
    page = parse(write_report(make_run(classes=("猴痘", "其他", "Ωmega 😀"))))
    assert "猴痘" in page.text
    assert "Ωmega 😀" in page.text
    assert not recwarn.list


@pytest.mark.usefixtures("plain_figures")
def test_what_is_no_run_is_refused(tmp_path, make_run):
    with pytest.raises(UsageError, match=r"nowhere: no such folder\. Give the folder"):
        write_report(tmp_path / "nowhere")
    run = make_run()
    (run / "metrics.json").unlink()
    with pytest.raises(GroupwiseError, match=r"metrics\.json: .* no number to report\. .*groupwise evaluate"):
        write_report(run)
    assert not (run / "report.html").exists()


@pytest.mark.usefixtures("plain_figures")
def test_a_probability_that_is_none_is_named(make_run):
    run = make_run()
    path = run / "predictions.csv"
    path.write_text(path.read_text().replace("0.8", "high"))
    with pytest.raises(
        GroupwiseError, match=r"predictions\.csv: image-.* has 'high' where the probability of"
    ):
        write_report(run)


def test_backticks_set_code_and_nothing_else():
    assert mark_code("use `a<b`.") == "use <code>a&lt;b</code>."
    assert mark_code("5` is <odd>") == "5` is &lt;odd&gt;"


def test_a_value_that_a_template_lacks_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        render("report.html")


def test_neither_torch_nor_pyplot_is_loaded():
    program = "import sys, json, groupwise.report.page; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    )
    assert not {"torch", "matplotlib.pyplot"} & set(loaded)
