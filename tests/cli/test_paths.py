"""A path that cannot be read or written is refused before anything heavy is loaded, in every verb."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from groupwise.cli.first_look import look_first
from groupwise.cli.main import VERBS, main
from groupwise.console import Console
from groupwise.errors import GroupwiseError, UsageError
from groupwise.pipeline.audit import audit_data

HEAVY = ("jsonargparse", "rich", "torch", "scipy", "sklearn", "cv2", "matplotlib", "onnxruntime")
# What each verb needs beside the path that is wrong.
READ = {
    "scan": ["no"],
    "show": ["no"],
    "audit": ["no"],
    "split": ["no", "--out", "split.csv"],
    "plan": ["no"],
    "train": ["no", "--run", "run"],
    "lr-find": ["no"],
    "sweep": ["no", "--run", "run"],
    "refit": ["no"],
    "evaluate": ["no"],
    "decide": ["no"],
    "slices": ["no"],
    "robustness": ["no"],
    "compare": ["no", "none"],
    "labels": ["no"],
    "export": ["no", "--to", "onnx"],
    "leakage": ["no"],
    "control": ["no"],
    "learning-curve": ["no"],
    "probe": ["no", "--features", "model.onnx", "--run", "run"],
    "explain": ["no"],
    "predict": ["no", "photo.jpg"],
    "serve": ["no"],
    "verify": ["no", "--engine", "onnxruntime"],
    "report": ["no"],
}
WRITE = {
    "scan": ["data", "--out"],
    "show": ["data", "--out"],
    "split": ["data", "--out"],
    "plan": ["data", "--out"],
    "lr-find": ["data", "--out"],
    "predict": ["run", "data", "--csv"],
}
WRITE_FOLDER = {
    "audit": ["data", "--out"],
    "train": ["data", "--run"],
    "probe": ["data", "--features", "model.onnx", "--run"],
    "sweep": ["data", "--run"],
    "export": ["run", "--to", "onnx", "--out"],
    "explain": ["run", "data", "--out"],
    "demo": ["--run"],
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "file.csv").write_text("taken\\n", encoding="utf-8")
    return tmp_path


def test_every_verb_that_takes_a_path_is_tried():
    assert {*READ, "info", "demo"} == set(VERBS)


@pytest.mark.parametrize("verb", READ)
def test_what_is_not_there_is_said_by_name(here, capsys, verb):
    before = sorted(here.rglob("*"))
    assert main([verb, *READ[verb]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("groupwise: no: no such f")
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("verb", WRITE)
def test_a_folder_is_no_file_to_write(here, capsys, verb):
    assert main([verb, *WRITE[verb], "run"]) == 2
    assert f"{WRITE[verb][-1]} run: is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("verb", WRITE_FOLDER)
def test_a_file_is_no_folder_to_write(here, capsys, verb):
    assert main([verb, *WRITE_FOLDER[verb], "file.csv"]) == 2
    assert f"{WRITE_FOLDER[verb][-1]} file.csv: is no folder" in capsys.readouterr().err
    assert (here / "file.csv").read_text(encoding="utf-8") == "taken\\n"


@pytest.mark.parametrize("verb", WRITE_FOLDER | WRITE)
def test_nothing_can_lie_below_a_file(here, capsys, verb):
    words = (WRITE_FOLDER | WRITE)[verb]
    assert main([verb, *words, "file.csv/new"]) == 2
    assert "lies below a file" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_is_read_only_is_said(here, capsys):
    (here / "data").chmod(0o500)
    assert main(["audit", "data", "--out", "data/audit"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_place_that_is_read_only_is_said_whoever_asks(here, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _: path != here)
    assert main(["audit", "data", "--out", "new/audit"]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place that nobody may write to")
def test_a_place_that_takes_no_file_is_said_whatever_its_rights(here, capsys):
    assert main(["audit", "data", "--out", "/proc/audit"]) == 1
    assert "cannot be written" in capsys.readouterr().err
    with pytest.raises(GroupwiseError, match="cannot be written"):  # from Python, before a file is read
        audit_data(pytest.fail, here, Path("/proc/audit"), options={}, seed=0, console=Console(quiet=True))


def test_one_picture_that_is_there_is_enough(here, capsys):
    (here / "a.png").touch()
    assert main(["predict", "run", "no.png", "a.png"]) == 2
    assert "holds neither a run" in capsys.readouterr().err
    assert main(["predict", "run", "no.png", "none.png"]) == 2
    assert "no.png: no such file or folder, nor any of the 1 after it" in capsys.readouterr().err


def test_the_answer_comes_before_any_library(here):
    code = (
        "import sys; from groupwise.cli.main import main;"
        f" [main(words) for words in {[[verb, *words] for verb, words in READ.items()]}];"
        f" print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_option_is_said_as_soon(here):
    wrong = [["train", "data", "--run", "new", "--training.epoch", "3"], ["predict", "run", "data", "--csw"]]
    code = (
        "import sys; from groupwise.cli.main import main;"
        f" print([main(words) for words in {wrong}], [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here, check=True)
    assert done.stdout.strip() == "[2, 2] []"
    assert "--training.epoch 3, did you mean --training.epochs?" in done.stderr
    assert "--csw, did you mean --csv?" in done.stderr


@pytest.mark.parametrize(
    "words", [["--model.overrides.stem", "cifar"], ["--model.overrides+={}"], ["--data.mean", "[-1,0,0]"]]
)
def test_what_only_the_whole_parser_can_tell_is_left_to_it(here, words):
    look_first("train", VERBS["train"], ["data", *words])


@pytest.mark.parametrize("verb", WRITE)
def test_what_belongs_to_a_run_is_not_written_over(here, capsys, verb):
    (here / "run/run.json").write_text('{"artefacts": {"split.csv": {}}}', encoding="utf-8")
    assert main([verb, *WRITE[verb], "run/split.csv"]) == 2
    assert f"{WRITE[verb][-1]} run/split.csv: belongs to a run" in capsys.readouterr().err
    look_first(verb, VERBS[verb], [*WRITE[verb], "run/another.csv"])
    (here / "run/run.json").write_text("[]", encoding="utf-8")  # of another program
    look_first(verb, VERBS[verb], [*WRITE[verb], "run/split.csv"])


@pytest.mark.parametrize("verb", ["train", "sweep", "probe"])
def test_a_run_that_is_there_is_refused_at_first_sight_unless_it_goes_on(here, capsys, verb):
    (here / "run/ledger").touch()
    with pytest.raises(UsageError, match="already holds something"):
        look_first(verb, VERBS[verb], ["data", "--run", "run"])
    look_first(verb, VERBS[verb], ["data", "--run", "run", "--resume"])
    look_first(verb, VERBS[verb], ["data", "--run", "new"])
