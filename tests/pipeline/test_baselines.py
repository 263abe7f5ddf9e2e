"""A training that does not beat what is cheap says so first, and everywhere."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from folder_case import tiny_options
from groupwise.cli.main import main
from groupwise.evaluation import baselines as stage
from groupwise.export.bundle import source_facts
from groupwise.runs.baselines import FEATURES, LARGEST_CLASS, PLAIN_NETWORK, read_baselines
from groupwise.runs.run import Run
from groupwise.serving.about import about
from serving_case import FakePredictor

LOSES = "The network loses to a baseline: logistic regression on simple features"


def command(*words):
    """Run one and return what it said; `capsys` lasts for a single test."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([str(word) for word in words]) == 0
    return out.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four classes, so that a network that has learnt nothing cannot be right by luck."""
    root, rng = tmp_path_factory.mktemp("pets"), np.random.default_rng(0)
    for i in range(120):
        pixels = rng.integers(0, 60, (20, 20, 3)) + 60 * (i % 4)
        file = root / "abcd"[i % 4] / f"{i:03}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(file)
    return root


@pytest.fixture(scope="module")
def hopeless(folder, tmp_path_factory):
    """A run that learns nothing, on pictures that brightness alone tells apart."""
    torch.set_num_threads(1)
    target = tmp_path_factory.mktemp("runs") / "hopeless"
    words = ["train", str(folder), "--run", str(target), *tiny_options(), "--optim.learning_rate", "1e-9"]
    return target, command(*words), words


def test_the_terminal_ends_with_the_verdict_and_the_loss_is_first_in_it(hopeless):
    target, out, _ = hopeless
    said = json.loads((target / "report.json").read_text())["verdict"]
    last = [line for line in out.splitlines() if line.strip()]
    verdict = " ".join(
        " ".join(last[last.index(next(x for x in last if x.startswith("Report:"))) + 1 :]).split()
    )
    assert verdict.endswith(" ".join(said["text"].split()))
    assert said["text"].startswith(LOSES)
    assert said["standing"] == "loses"
    assert "% interval" in said["text"].partition("Test:")[0]  # of the difference, before the number
    assert "Next: do not use this network" in said["text"]


def test_report_card_and_page_say_it_first(hopeless):
    target, _, _ = hopeless
    page = " ".join((target / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ").split())
    assert 0 < page.index(LOSES) < page.index('class="figure"')
    assert "Beside trivial models" in page
    card = (target / "README.md").read_text().partition("## How good it is")[2].strip()
    assert card.startswith(f"**{LOSES}")
    predictor = FakePredictor()
    predictor.facts = {"source": source_facts(Run.open(target))}
    told = about(predictor)["baseline"]
    assert told["standing"] == "loses"
    assert told["name"] == FEATURES
    assert told["network"] < told["value"]


def test_compare_says_it_first(hopeless, folder, tmp_path):
    target, _, _ = hopeless
    other = tmp_path / "other"
    words = ["--split.extend", str(target / "split.csv"), "--baselines", "none", "--seed", "1"]
    assert main(["train", str(folder), "--run", str(other), *tiny_options(), *words]) == 0
    assert not (other / "baselines.json").exists()  # all off leaves nothing
    assert json.loads((other / "report.json").read_text())["verdict"]["standing"] is None
    out = command("compare", target, other)
    assert " ".join(out.split()).startswith(f"hopeless: {LOSES}")


def test_figures_are_those_of_the_answers_and_the_plain_network_is_said_to_be_missing(hopeless):
    target, out, _ = hopeless
    found = read_baselines(target / "baselines.json")
    assert found.names == (LARGEST_CLASS, FEATURES)
    assert PLAIN_NETWORK in found.skipped
    assert "not a plain network of eight convolutions" in " ".join(out.split())
    answers = stage.read_answers(target / "baselines.csv")
    for name in found.names:
        tested = answers[name].of_fold("test")
        right = (tested.probs.argmax(1) == tested.labels).mean()
        assert found.named(name).scores["test"].figures["accuracy"].value == pytest.approx(right)
    measured = json.loads((target / "metrics.json").read_text())["test"]["accuracy"]["value"]
    score = found.named(FEATURES).scores["test"]
    assert score.leads["accuracy"].value == pytest.approx(measured - score.figures["accuracy"].value)


def test_resuming_fits_nothing_twice(hopeless, monkeypatch):
    target, _, words = hopeless
    (target / "report.html").unlink()
    monkeypatch.setattr(
        "groupwise.pipeline.baselines.measure_baselines", lambda *_, **__: pytest.fail("again")
    )
    assert main([*words, "--resume"]) == 0
    assert (target / "report.html").is_file()


@pytest.mark.parametrize(
    ("least", "status", "message"),
    [
        ("baseline", 3, "--fail-under baseline: The network loses to a baseline"),
        ("0.9", 3, "--fail-under 0.9: the accuracy on test is"),
        ("0", 0, ""),
        ("90", 2, "'90' is neither a share nor `baseline`"),
        ("nan", 2, "'nan' is neither a share nor `baseline`"),
    ],
)
def test_a_script_is_told_by_the_exit_status(hopeless, capsys, least, status, message):
    _, _, words = hopeless  # which is finished, so that nothing is trained
    assert main([*words, "--resume", "--fail-under", least]) == status
    assert message in capsys.readouterr().err


def test_without_baselines_none_can_be_asked_for(hopeless, capsys):
    _, _, words = hopeless
    assert main([*words, "--resume", "--baselines", "none", "--fail-under", "baseline"]) == 2
    assert "there are no baselines to compare with" in capsys.readouterr().err
