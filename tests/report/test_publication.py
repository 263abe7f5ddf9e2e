"""What `groupwise report --figures` writes: figures in two forms, tables, methods in two languages."""

import re
from string import Formatter
from typing import get_args

import pytest
import yaml
from PIL import Image

from groupwise.errors import UsageError
from groupwise.files import read_json, write_json
from groupwise.models.presets import configure
from groupwise.report.checklist.answer import State
from groupwise.report.methods import methods
from groupwise.report.methods_words import REFERENCES, TEXTS
from groupwise.report.publication import tables, write_publication
from groupwise.runs.files import read_run


def test_figures_tables_and_methods_are_written(make_run, tmp_path):
    folder = tmp_path / "paper"
    written = write_publication(read_run(make_run()), folder)
    names = {path.name for path in written}
    assert names == {path.name for path in folder.iterdir()}
    pictures = {path.stem for path in written if path.suffix == ".svg"}
    assert pictures == {path.stem for path in written if path.suffix == ".png"} >= {"confusion", "curves"}
    assert (folder / "curves.svg").read_text().startswith("<?xml")
    with Image.open(folder / "curves.png") as picture:
        assert round(picture.info["dpi"][0]) == 300
    assert names >= {"figures.csv", "classes.csv", "confusion.csv", "checklist.csv", "methods.zh.md"}
    again = {path.name: path.read_bytes() for path in write_publication(read_run(make_run()), folder)}
    assert again == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tables_hold_what_the_files_hold(make_run):
    run = make_run()
    files = read_run(run)
    measured = read_json(run / "metrics.json")["test"]
    found = tables(files)
    figures = {row[0]: row for row in found["figures"][1]}
    assert figures["accuracy"][2:5] == tuple(measured["accuracy"][name] for name in ("value", "low", "high"))
    assert [list(row[1:]) for row in found["confusion"][1]] == measured["confusion"]
    assert len(list(found["checklist"][1])) == len(found["checklist"][1]) > 20
    assert "slices" not in found
    assert all(len(row) == len(header) for header, rows in found.values() for row in rows)
    states = {row[list(found["checklist"][0]).index("state")] for row in found["checklist"][1]}
    assert states <= set(get_args(State))


def test_the_methods_say_what_the_run_did(make_run):
    files = read_run(make_run())
    english, chinese = methods(files, "en"), methods(files, "zh")
    assert "60 images of 2 classes from 20 sources" in english
    assert "divided by source into" in english
    assert (
        "83.3 % of 12 images from 4 sources were classified correctly (95 % interval 55.0 to 96.0 %)"
        in english
    )
    assert "The test fold was answered once." in english
    assert "2类共60幅图像，来自20个来源" in chinese
    assert "83.3%分类正确（95%区间55.0%至96.0%）" in chinese
    random = methods(read_run(make_run(method="random", name="random")), "en")
    assert "divided at random" in random
    assert "no source lies" not in random


def test_the_methods_tell_a_split_that_the_data_brought(make_run):
    run = make_run()
    split = read_json(run / "split.json")
    for spanning, told in (
        (0, "no source lies in two"),
        (1, "one source lies in several"),
        (7, "7 sources lie"),
    ):
        write_json(run / "split.json", split | {"method": "given", "spanning_sources": spanning})
        text = methods(read_run(run), "en")
        assert "They came divided into train" in text
        assert told in text
        assert "数据自带划分" in methods(read_run(run), "zh")


def test_the_methods_do_not_call_the_only_epoch_chosen(make_run):
    run = make_run(epochs=1)
    english = methods(read_run(run), "en")
    assert "for one epoch with" in english
    assert "The weights of the last epoch were kept" in english
    assert "chose the epoch" not in english
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    assert "mirror image" not in english
    recipe["model"] = {"overrides": {"mirror_average": True}}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert "an image and its mirror image" in methods(read_run(run), "en")


def test_the_methods_of_a_probe_tell_no_training(make_run):
    run = make_run()
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["model"] = {"features": "nets/first.onnx", "overrides": {"mirror_average": True}}
    recipe["data"] = {"image_size_px": 64}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    penalties = [{"inverse_penalty": value} for value in (0.1, 1.0, 10.0)]
    facts = {"features": "first", "num_features": 1256, "penalties": penalties, "chosen": 1, "seconds": 3}
    write_json(run / "probe.json", facts)
    write_json(run / "config.json", {"temperature": 1.5})
    english, chinese = (methods(read_run(run), language) for language in ("en", "zh"))
    assert "A frozen network (first) turned each image, of 64 x 64 pixels, into 1,256 features" in english
    assert "The fold val chose its L2 penalty, among 3, by accuracy, loss, and set the temperature" in english
    assert "1,256个特征" in chinese
    for text in (english, chinese):
        assert "Aggregated residual" not in text
        assert "Guo C" in text
        # What is cited is listed, from 1 on.
        cited, listed = re.findall(r"\[(\d)\]", text), re.findall(r"(?m)^(\d)\. ", text)
        assert sorted(set(cited)) == listed == ["1", "2", "3", "4"]
    assert not any(word in english for word in ("was trained", "epoch", "mirror"))
    assert "训练" not in chinese
    write_json(run / "run.json", read_json(run / "run.json") | {"members": ["repeat-1/fold-1"] * 3})
    (run / "probe.json").unlink()  # each of the three has its own
    english = methods(read_run(run), "en")
    assert "A frozen network (first.onnx)" in english
    assert "fitted 3 logistic regressions" in english


@pytest.mark.parametrize(
    ("preset", "grouped"),
    [
        ("resnet18", False),
        ("resnet50d", False),
        ("seresnet50", False),
        ("resnext50_32x4d", True),
        ("resnext22_w8", True),
        ("regnetx_004", True),
        ("resnest14d", True),
    ],
)
@pytest.mark.parametrize("member", [".", "repeat-1/fold-1"])
def test_the_methods_tell_groups_of_networks_that_have_some(make_run, preset, grouped, member):
    run = make_run(ledger={} if member == "." else {"members": [member]})
    (run / member).mkdir(parents=True, exist_ok=True)
    write_json(run / member / "config.json", {"groupwise": {"model": vars(configure(preset))}})
    for language, words in (("en", "grouped convolutions ["), ("zh", "分组卷积[")):
        text = methods(read_run(run), language)
        assert (words in text) is ("Aggregated residual" in text) is grouped
        cited, listed = set(re.findall(r"\[(\d)\]", text)), re.findall(r"(?m)^(\d)\. ", text)
        assert sorted(cited) == listed == [str(i + 1) for i in range(len(listed))]


def test_the_methods_of_a_cross_validation_tell_its_networks(make_run):
    run = make_run(ledger={"members": [f"repeat-{i}/fold-{k}" for i in (1, 2) for k in (1, 2, 3)]})
    (run / "history.csv").unlink()
    facts = {"schema": 2, "folds": 3, "repeats": 2, "words": [], "scores": [], "mean": {}}
    write_json(run / "crossval.json", facts | {"epochs": [11, 12, 12, 12, 12, 11]})
    write_json(run / "metrics.json", {"out-of-fold": read_json(run / "metrics.json")["test"]})
    english, chinese = (methods(read_run(run), language) for language in ("en", "zh"))
    assert "A cross-validation trained 6 " in english
    assert "each for 11 to 12 epochs" in english
    assert "seed 3 to 4" in english
    assert "measured each on sources that it had not seen" in english
    assert "By networks that had not seen their sources, 83.3 % of 12 images" in english
    assert "共训练6个" in chinese
    assert not any(word in english for word in ("test fold", "out-of-fold", "was trained"))
    assert "测试部分" not in chinese


def test_what_is_not_all_is_not_rounded_to_all(make_run):
    run = make_run()
    metrics = read_json(run / "metrics.json")
    for value, told in ((1 - 1e-4, "over 99.9"), (1, "100"), (0.999, "99.9")):
        metrics["test"]["accuracy"] |= {"value": value, "high": value}
        write_json(run / "metrics.json", metrics)
        english, chinese = (methods(read_run(run), language) for language in ("en", "zh"))
        assert f"On the fold test, {told} % of 12 images" in english
        assert f"(95 % interval 55.0 to {told} %)" in english
        assert f"有{told.replace('over ', '超过')}%分类正确" in chinese


def test_both_languages_say_the_same():
    def fields(text):
        return sorted(name for _, name, _, _ in Formatter().parse(text) if name)

    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    for key, text in TEXTS["en"].items():
        assert fields(text) == fields(TEXTS["zh"][key]), key
    for texts in TEXTS.values():
        cited = set(re.findall(r"\[(\d)\]", "".join(texts.values())))
        assert cited == {str(i) for i in range(1, len(REFERENCES) + 1)}


def test_a_file_in_place_of_the_folder_is_refused(make_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"a file, and no folder. Name a folder for --figures"):
        write_publication(read_run(make_run()), tmp_path / "file")
