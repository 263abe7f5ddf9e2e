"""`--weights NAME`: from a server that speaks the hub's layout to a settled recipe."""

import dataclasses
import threading

import pytest
import torch

from folder_case import write_folder
from groupwise.cli.main import main
from groupwise.console import Console
from groupwise.errors import UsageError
from groupwise.models import pretrained
from groupwise.models.resnext import create_model
from groupwise.models.weights import save_weights
from groupwise.pipeline.named_weights import facts_of, with_named_weights
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import with_fields
from groupwise.runs.lock import locked
from hub_case import serving

NAME = "timm/resnext11_8x4d.tiny"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("hub") / "model.safetensors"
    save_weights(create_model("resnext11_8x4d"), file)
    with serving(file.read_bytes()) as server:
        yield server


@pytest.fixture
def table(hub, monkeypatch, tmp_path):
    """The hub's endpoint is the server of this machine, which has weights of a small network."""
    one = dataclasses.replace(
        pretrained.WEIGHTS["timm/resnext50_32x4d.a1h_in1k"], preset="resnext11_8x4d", repository=NAME
    )
    bound = dataclasses.replace(one, licence=pretrained.NON_COMMERCIAL)
    monkeypatch.setitem(pretrained.WEIGHTS, NAME, dataclasses.replace(one, image_size_px=16))
    monkeypatch.setitem(pretrained.WEIGHTS, "timm/bound", bound)
    for variable in ("HF_HUB_OFFLINE", "GROUPWISE_OFFLINE", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    hub.fault = None
    hub.ranges.clear()
    return hub


def recipe_with(**fields):
    return with_fields(read_recipe("default")[0], {"model.weights": NAME} | fields)


def test_the_recipe_takes_preset_and_preprocessing_of_the_weights(table, capsys):
    found = with_named_weights(recipe_with(), frozenset(), Console())
    assert found.model.preset == "resnext11_8x4d"
    assert found.model.weights.endswith("timm--resnext11_8x4d.tiny/model.safetensors")
    assert (found.data.image_size_px, found.data.interpolation, found.data.resize) == (16, "bicubic", "crop")
    said = capsys.readouterr().out
    assert "licence apache-2.0" in said
    assert "digest not pinned" in said
    facts = facts_of(NAME, found)
    assert facts["name"] == NAME
    assert facts["url"].startswith(table.url)


def test_one_process_at_a_time_downloads_and_the_next_finds_the_file(table, tmp_path):
    target = pretrained.WEIGHTS[NAME].download().target
    target.parent.mkdir(parents=True)
    arguments = (recipe_with(), frozenset(), Console(quiet=True))
    with locked(target.with_name("model.safetensors.lock"), passing=True):
        waiting = [threading.Thread(target=with_named_weights, args=arguments) for _ in range(2)]
        for thread in waiting:
            thread.start()
        waiting[0].join(0.2)
        assert table.ranges == []
    for thread in waiting:
        thread.join()
    assert table.ranges == [None]
    assert [file.name for file in target.parent.iterdir()] == ["model.safetensors"]


def test_what_the_user_said_stays(table):
    recipe = recipe_with(**{"data.resize": "pad"})
    assert with_named_weights(recipe, {"data.resize"}, Console(quiet=True)).data.resize == "pad"
    with pytest.raises(UsageError, match=f"{NAME} are of resnext11_8x4d"):
        with_named_weights(recipe, {"model.preset"}, Console(quiet=True))


def test_a_licence_has_to_be_accepted_before_anything_is_asked_for(table):
    recipe = recipe_with(**{"model.weights": "timm/bound"})
    with pytest.raises(UsageError, match=r"cc-by-nc-4\.0 if that suits you"):
        with_named_weights(recipe, frozenset(), Console(quiet=True))
    assert table.ranges == []
    accepted = with_fields(recipe, {"model.accept_licence": "cc-by-nc-4.0"})
    assert with_named_weights(accepted, frozenset(), Console(quiet=True)).model.preset == "resnext11_8x4d"


def test_offline_is_said_and_what_is_there_is_taken(table, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"HF_HUB_OFFLINE forbids.*put the file"):
        with_named_weights(recipe_with(), frozenset(), Console(quiet=True))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with_named_weights(recipe_with(), frozenset(), Console(quiet=True))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    table.ranges.clear()
    with_named_weights(recipe_with(), frozenset(), Console(quiet=True))
    assert table.ranges == []


def test_a_run_goes_on_without_the_file_it_began_with(table, tmp_path, capsys, monkeypatch):
    """Its weights stand in the checkpoints by then, and what it began with has not changed."""
    data = write_folder(tmp_path / "pets", n=16)
    told = {"--weights": NAME, "--run": tmp_path / "run", "--training.epochs": 1, "--baselines": "none"}
    words = [str(word) for word in ("train", data, *(word for pair in told.items() for word in pair))]
    assert main(words) == 0
    for file in (tmp_path / "cache").rglob("model.safetensors"):
        file.unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main([*words, "--resume"]) == 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert main([*words, "--resume"]) == 0
    capsys.readouterr()
    other = [word.replace(NAME, "timm/resnext50_32x4d.a1h_in1k") for word in words]
    assert main([*other, "--resume"]) == 2
    assert "model.weights was" in capsys.readouterr().err


def test_a_failed_download_leaves_nothing_of_any_verb(table, tmp_path, capsys):
    table.fault = "html"
    data = write_folder(tmp_path / "pets", n=8)
    for verb, out in (("train", "--run"), ("plan", "--out"), ("lr-find", "--out")):
        words = [verb, data, "--weights", NAME, out, tmp_path / "made"]
        assert main([str(word) for word in words]) == 1
        assert "a page of HTML" in capsys.readouterr().err
        assert not (tmp_path / "made").exists()
