"""Every verb ends on a console of any encoding as in UTF-8, with classes and files of any script."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from folder_case import tiny_options
from groupwise.cli.main import main

CLASSES = ("Löwe", "狮子 кот")
NAMES = ("é", "e\N{COMBINING ACUTE ACCENT}", "القط", "고양이", "ねこ", "\U0001f981", "a b", "–—…", "İı")
CONSOLES = ("ascii", "gbk", "cp932", "cp949", "latin-1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with `data`, a table of it, and a finished `run`."""
    root = tmp_path_factory.mktemp("tiere_动物")
    rng = np.random.default_rng(0)
    rows = ["path,label,Tier"]
    for i in range(54):
        label = CLASSES[i % 2]
        file = root / "data" / label / f"{NAMES[i % len(NAMES)]}{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (20, 20, 3)) + 100 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(file)
        rows.append(f"data/{label}/{file.name},{label},{NAMES[i % 3]}{i}")
    (root / "tiere.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert on_console("utf-8", train(root, "run", "--baselines", "none"))[0] == 0
    return root


def train(root: Path, run: str, *more: str) -> list[str]:
    options = [*tiny_options(), "--training.epochs", "1"]
    return [
        "train",
        str(root / "tiere.csv"),
        "--group-column",
        "Tier",
        "--run",
        str(root / run),
        *options,
        *more,
    ]


def on_console(encoding: str, words: list[str]) -> tuple[int, str, str]:
    """Exit status and what the console got, which has to be text in its encoding."""
    before = sys.stdout, sys.stderr
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))
    sys.stdout, sys.stderr = out, err
    try:
        status = main(words)
    finally:
        sys.stdout, sys.stderr = before
    return status, out.buffer.getvalue().decode(encoding), err.buffer.getvalue().decode(encoding)


LIGHT = {
    "scan": "scan {root}/data --out {out}/m.csv",
    "scan of a table": "scan {root}/tiere.csv --group-column Tier",
    "evaluate as JSON": "evaluate {root}/run --fold val --json",
    "predict": "predict {root}/run {root}/data/Löwe/é0.png",
    "predict of a file that is not there": "predict {root}/run {root}/кот.png",
    "an error that names the data": "scan {root}/никто",
    "an option that nobody knows": "scan {root}/data --狮子",
}
HEAVY = {
    "show": "show {root}/data --rows 1 --out {out}/s.png",
    "split": "split {root}/data --out {out}/split.csv",
    "slices": "slices {root}/run --fold val --by Tier",
    "robustness": "robustness {root}/run --fold val",
    "decide": "decide {root}/run --target-sensitivity 0.5 --class {label}",
    "explain": "explain {root}/run {root}/data/Löwe/é0.png --out {out}/explain",
    "report": "report {root}/run",
    "info": "info resnet50",
}


def words_of(verb: str, root: Path, out: Path) -> list[str]:
    return [word.format(root=root, out=out, label=CLASSES[0]) for word in (LIGHT | HEAVY)[verb].split()]


@pytest.mark.parametrize("verb", LIGHT)
def test_verbs_end_on_every_console_as_in_utf_8(trained, tmp_path, verb):
    words = words_of(verb, trained, tmp_path)
    expected = on_console("utf-8", words)
    assert "defect of Groupwise" not in expected[2]
    for encoding in CONSOLES:
        status, out, err = on_console(encoding, words)
        assert (status, len(out.splitlines())) == (expected[0], len(expected[1].splitlines())), err


@pytest.mark.parametrize("verb", HEAVY)
def test_long_verbs_end_on_the_console_that_shows_least(trained, tmp_path, verb):
    status, _, err = on_console("ascii", words_of(verb, trained, tmp_path))
    assert (status, "defect of Groupwise" in err) == (0, False), err


def test_trainings_and_what_compares_and_exports_them(trained):
    """The long verbs on one console each, the one that shows least."""
    split = str(trained / "run/split.csv")
    assert (
        on_console(
            "ascii", train(trained, "second", "--split.extend", split, "--seed", "1", "--baselines", "none")
        )[0]
        == 0
    )
    for encoding, words in {
        "gbk": "compare {root}/run {root}/second --fold val",
        "cp932": "export {root}/run --to bundle",
    }.items():
        plain = [word.format(root=trained) for word in words.split()]
        status, _, err = on_console(encoding, plain)
        assert status == 0, err


def test_a_sweep_on_a_console_that_shows_least(trained):
    pytest.importorskip("optuna")
    words = train(trained, "sweep", "--trials", "1")
    assert on_console("ascii", ["sweep", *words[1:]])[0] == 0


def test_a_process_whose_console_is_ascii(trained):
    done = subprocess.run(
        [sys.executable, "-m", "groupwise", "predict", str(trained / "run"), str(trained / "data")],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout.isascii()
    assert b"L\\u00f6we" in done.stdout
