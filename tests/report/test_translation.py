"""The report in Chinese: the table is whole, and what it lacks stays as it was."""

import dataclasses
import re
from importlib import resources

import pytest
import yaml
from markupsafe import escape

from groupwise.audit import findings
from groupwise.audit.copy_findings import tell_crowds, tell_parted, tell_views
from groupwise.audit.known_sets import FILE, HEADER, find_known_sets
from groupwise.audit.likeness import Likeness
from groupwise.audit.sessions import Suspicion
from groupwise.audit.shortcuts import Shortcut
from groupwise.evaluation.external_words import drift_sentence
from groupwise.files import read_csv, read_json, write_json
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.plan import make_plan
from groupwise.planning.trial import Rates
from groupwise.recipe.parsing import read_recipe
from groupwise.report import plots
from groupwise.report.checklist.checklist import ITEMS
from groupwise.report.languages import LANGUAGES
from groupwise.report.page import write_report
from groupwise.report.rendering import mark_code
from groupwise.report.thumbnails import Chart
from groupwise.report.translation import FIELD, translated, write_translation
from groupwise.runs.external import External


def source(language):
    file = resources.files("groupwise.report.languages") / f"{language}.yaml"
    return file.read_text("utf-8")


def table(language):
    return yaml.safe_load(source(language))


def said(fragment):
    return translated(f"<p>{fragment}</p>", "zh")[0].removeprefix("<p>").removesuffix("</p>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_the_fields_and_tags_of_the_other(language):
    for ours, other in table(language).items():
        plural = {name for name in FIELD.findall(ours) if re.fullmatch(r"s\d*", name)}
        assert set(FIELD.findall(other)) == set(FIELD.findall(ours)) - plural, ours
        assert sorted(re.findall(r"<[^>]+>", other)) == sorted(re.findall(r"<[^>]+>", ours)), ours


def test_no_sentence_stands_twice():
    keys = re.findall(r'^("(?:[^"\\]|\\.)*"):', source("zh"), flags=re.M)
    assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
    assert len(keys) == len(table("zh"))


@pytest.fixture
def quick(monkeypatch):
    """Reports whose figures are not drawn, which is what takes time, and which hold no sentence."""
    png = bytes(24)
    monkeypatch.setattr(Chart, "draw", classmethod(lambda cls, draw: cls(png, png)))
    for name in ("curves", "sample_grid", "most_wrong"):
        monkeypatch.setattr(plots, name, lambda *given, **asked: png)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"method": "random"},
        {"method": "random", "grouped": False},
        {"select_fold": "test"},
        {"grouped": False, "ledger": {"interrupted": True, "test_readings": 3}},
        {"classes": ("all", "test", "no <b>name</b>"), "epochs": 1},
    ],
    ids=str,
)
def test_nothing_of_a_report_stays_english(make_run, quick, how):
    english = write_report(make_run(**how)).read_text(encoding="utf-8")
    text, missing = translated(english, "zh")
    assert missing == []
    assert '<html lang="zh">' in text
    tags = re.compile(r"<(?!html)(\w+|/\w+)")
    assert tags.findall(text) == tags.findall(english)


def test_it_lies_beside_the_english_one(make_run, quick):
    page = write_report(make_run())
    before = page.read_bytes()
    assert write_translation(page, "zh")[0] == page.parent / "report.zh.html"
    assert page.read_bytes() == before


def test_figures_are_those_of_the_english_page(make_run, quick):
    page = write_report(make_run())
    text = write_translation(page, "zh")[0].read_text(encoding="utf-8")
    assert "未参与训练的12幅图像来自4个来源，其中83.3%分类正确：对10幅，错2幅。" in text
    assert "95%区间：55.0至96.0%。" in text
    assert "对在哪里，错在哪里" in text


def test_names_of_classes_are_left_alone(make_run, quick):
    page = write_report(make_run(classes=("all", "test")))
    text = write_translation(page, "zh")[0].read_text(encoding="utf-8")
    assert '<th scope="row" translate="no">all</th>' in text
    assert '<th scope="row">合计</th>' in text


def test_names_of_the_users_are_no_words_of_ours():
    assert said("an image of test taken for all") == "被当作all的test图像"
    assert said("one photograph stands under 2 labels: all, val") == "同一照片有两个标签：all, val"
    # A fold is ours, and so is how long something took, and a figure.
    assert said("Epoch 3 of 9, chosen by the fold val.") == "9轮中的第3轮，由验证集选定。"
    assert said("It took 2 min.") == "用时2分钟。"
    assert said("It does not hold for all, where it is over 9.9 points lower.").count("高于") == 1


def test_what_the_table_lacks_stays_and_is_told():
    page = "<p>Optimised for accuracy. The moon is made of cheese.</p><p>The moon is made of cheese.</p>"
    text, missing = translated(page, "zh")
    assert text == "<p>优化目标：准确率。The moon is made of cheese.</p><p>The moon is made of cheese.</p>"
    assert missing == ["The moon is made of cheese."]


def test_a_field_takes_a_value_and_no_further_sentence():
    assert said("At most 5.0 % of all images are answered wrongly.") == "全部图像中至多5.0%回答错误。"
    assert said("At most all of all images are answered wrongly.").startswith("At most")
    assert said("Optimised for the moon.") == "Optimised for the moon."
    assert said("1 image, drawn at random") == "随机抽取1幅"
    assert said("Optimised for <code>x</code>.") == "Optimised for <code>x</code>."


def test_markup_of_names_stays_escaped():
    assert "<b>" not in said("“&lt;b&gt;” is found least often, 5.0 %")
    assert said("“&lt;b&gt;” is found least often, 5.0 %") == "“&lt;b&gt;”最少被找到，5.0%"


def test_a_part_in_another_language_and_code_are_left_alone():
    alone = '<div lang="en"><p>Right</p><div>Right</div></div><pre>Right</pre><p class="file">Right</p>'
    assert translated(f"{alone}<p>Right</p>", "zh")[0] == f"{alone}<p>正确</p>"


def test_stored_sentences_are_looked_up(make_run, quick):
    run = make_run()
    metrics = read_json(run / "metrics.json")
    metrics["test"]["warnings"] = ["fewer than 25 sources in cat (2): intervals may be too narrow"]
    write_json(run / "metrics.json", metrics)
    english = write_report(run).read_text(encoding="utf-8")
    text, missing = translated(english, "zh")
    assert "来源少于25个的类：cat (2)；区间可能偏窄。" in text
    assert missing == []


def left_english(*texts):
    """What of such texts, as a page shows them, the table does not have."""
    return translated("".join(f"<p>{mark_code(text)}</p>" for text in texts), "zh")[1]


FACTS = Fingerprint(
    images=4000,
    train_images=3200,
    select_images=400,
    class_sizes={"cat": 300, "dog": 1700},
    short_side_px=300,
    grey=True,
    chirality=0.9,
)


def reasons(facts, changes, left_s=None, compiled_s=None):
    def measure(recipe):
        return Rates(1e-3, 3e-4, 3e-4, 1e-3, compile_s=compiled_s if recipe.training.compile else None)

    base = read_recipe("default", changes)[1]
    plan = make_plan(facts, base, measure, left_s=None if left_s is None else lambda: left_s)
    return {choice.field: choice.reason for choice in plan.choices}


@pytest.mark.parametrize(
    ("change", "changes", "more", "field"),
    [
        ({}, {"augment.saturation": 0.2}, {}, "augment.saturation"),
        ({"short_side_px": 30}, {}, {}, "model.preset"),
        ({"short_side_px": 30}, {}, {"left_s": 300}, "model.preset"),
        ({}, {}, {"left_s": 60}, "training.epochs"),
        ({}, {}, {"left_s": 8000}, "training.epochs"),
        ({"chirality": 0.1}, {"training.epochs": 30}, {"left_s": 900}, "augment.cutmix"),
        ({"train_images": 500, "known_px": 224}, {"model.weights": "net.pth"}, {}, "optim.layer_decay"),
        ({}, {"training.optimise": "balanced"}, {}, "training.select_by"),
        ({"train_images": 400_000}, {}, {"compiled_s": 2.0}, "training.compile"),
        ({"train_images": 400_000}, {}, {}, "training.compile"),
    ],
    ids=str,
)
def test_the_reasons_of_a_plan_are_in_the_table(change, changes, more, field):
    told = reasons(dataclasses.replace(FACTS, **change), changes, **more)
    assert field in told
    assert left_english(*told.values()) == []


def test_the_questions_of_the_checklist_are_in_the_table():
    assert left_english(*(item.question for item in ITEMS)) == []


QUALITY = {
    "planted_recall_interval": (0.21, 0.6),
    "planted": 240,
    "planted_found": 96,
    "planted_by_depth": [{"operations": 1, "planted": 40, "found": 38, "interval": (0.8, 0.99)}],
    "null_pairs": 1712,
    "null_accepted": 0,
    "false_match_bound": 0.0022,
    "rigid_images": 3,
    "images": 10,
}


@pytest.mark.parametrize(
    "found",
    [
        findings.find_conflict(("a", "b"), ("cat", "dog"), "copies"),
        findings.find_conflict(("a", "b"), ("cat", "dog"), "shots"),
        findings.find_conflict(("a", "b"), ("cat", "dog"), "views"),
        findings.find_copies_in_class("cat", [("a", "b")], 9, 8),
        findings.find_copies_in_class("cat", [("a", "b")], 9, 8, copies=False),
        findings.find_conflict(("a", "b"), ("cat|dog", "cat"), "alike"),
        tell_views([("a", "b", "c")]),
        findings.find_few_photographs("cat", 1),
        findings.find_resemblance(90, 3),
        findings.find_bridges([("a", "b")]),
        tell_parted(("a", "b", "c", "d"), 1),
        tell_parted(("a", "b"), 0),
        tell_crowds(("a", "b"), 2),
        findings.find_shortcut(Shortcut("file size", 0.9, 0.8, 0.5)),
        findings.find_suspicion(
            Suspicion(("time", "numbering"), ((0, 1),)), Likeness(0.7, 0.001, 9), ("a", "b")
        ),
        findings.find_quality(QUALITY | {"planted_recall": 0.4, "tiny_images": 9}),
        findings.find_quality(QUALITY | {"planted_recall": 0.4, "tiny_images": 0}),
        findings.find_quality(QUALITY | {"planted_recall": 0.95, "tiny_images": 0}),
        *find_known_sets(row["digest"] for row in read_csv(FILE, HEADER)),
    ],
    ids=lambda one: one.code,
)
def test_findings_are_in_the_table(found):
    assert left_english(f"{found.title}.", found.title, found.text, found.remedy) == []


def test_a_list_is_looked_up_part_by_part_and_whole_or_not_at_all():
    assert said("Measured were accuracy, MCC, log loss.") == "测量了准确率，马修斯相关系数，对数损失。"
    assert left_english("Measured were accuracy, cheese.") == ["Measured were accuracy, cheese."]


def test_a_title_may_stand_as_a_sentence():
    assert said("The split was random.") == "划分是随机的。"
    assert said("What it cannot see.") == "它看不到什么。"
    assert left_english("What it cannot taste.") == ["What it cannot taste."]


def test_the_report_leads_to_the_audit_of_its_language(make_run, quick):
    page = write_report(make_run())
    page.write_text('<a href="audit.html">', encoding="utf-8")
    assert write_translation(page, "zh")[0].read_text(encoding="utf-8") == '<a href="audit.html">'
    page.with_name("audit.zh.html").touch()
    assert write_translation(page, "zh")[0].read_text(encoding="utf-8") == '<a href="audit.zh.html">'


def test_baselines_have_names_of_ours_which_are_told_in_the_other_language():
    name = "logistic regression on simple features of colour and shape"
    told = f"The network beats its baselines: {name} has 70.0 % accuracy on the same images, the network"
    page, missing = translated(f"<p>{told} 80.0 %: +10.0 points (95 % interval 2.0 to 18.0).</p>", "zh")
    assert name not in page
    assert "\u903b\u8f91\u56de\u5f52" in page
    assert missing == []


def test_what_new_pixels_differ_in_is_told_in_the_other_language():
    reason = "no class has two sources on either side"
    tests = {"pixels": {"p": 0.0001, "p_holm": 0.0002, "told": True}, "features": {"reason": reason}}
    largest = [{"name": "mean of red", "run": 0.4, "new": 0.6, "standardised": 2.0}]
    facts = {"name": "clinic", "drift": {"against": ["test"], "n": 20, "tests": tests, "largest": largest}}
    page, missing = translated(f"<p>{escape(drift_sentence(External(facts, {})))}</p>", "zh")
    assert "&lt; 0.001" in page
    assert not re.search("pixels|mean|features", page)
    assert missing == []
