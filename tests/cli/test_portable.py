"""`--deterministic portable`: settings that are there before torch loads, and what it refuses."""

import os
import sys

import pytest

from groupwise.cli import main as module
from groupwise.cli.main import main
from groupwise.distributed import portable
from groupwise.distributed.environment import LIMITS, machine, same_bits
from groupwise.distributed.portable import SETTINGS, THREADS, is_portable, take_option
from groupwise.distributed.processor import Processor
from groupwise.errors import UsageError
from groupwise.parallel.pool import shared_threads
from groupwise.recipe.parsing import read_recipe
from groupwise.training import learner
from groupwise.training.config import FitConfig

MODERN = Processor("a processor", ("AVX2", "FMA", "AVX-512"))


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A process that has not loaded torch, whose settings are put back afterwards."""
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # so that what is set here goes away again
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(portable, "this_processor", lambda: MODERN)


@pytest.mark.parametrize("words", [["--deterministic", "portable"], ["--deterministic=portable"]])
def test_the_settings_are_made_before_the_verb_which_does_not_see_the_option(words, monkeypatch):
    seen = []

    def look(verb, act, rest):
        seen.append((verb, rest, is_portable()))
        raise SystemExit(0)

    monkeypatch.setattr(module, "look_first", look)
    assert main(["train", "data", *words, "--recipe", "default"]) == 0
    assert seen == [("train", ["data", "--recipe", "default"], True)]
    assert {name: os.environ[name] for name in SETTINGS} == SETTINGS


def test_without_it_nothing_is_set():
    assert take_option(["train", "data", "--run", "r"]) == ["train", "data", "--run", "r"]
    assert not is_portable()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "data", "--deterministic", "exact", "--recipe", "default"], "not 'exact'"),
        (["train", "data", "--recipe", "default", "--deterministic"], "takes the word 'portable'"),
        (["train", "data", "--deterministic", "portable"], "a recipe that is planned follows the times"),
        (["train", "data", "--deterministic", "portable", "--budget", "5min"], "--budget follows the clock"),
        (
            ["sweep", "data", "--deterministic", "portable", "--training.budget_minutes=1"],
            "budget_minutes follows the clock",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(words, said, capsys):
    assert main(words) == 2
    assert said in capsys.readouterr().err
    assert not is_portable()


def test_a_resumed_run_has_its_recipe():
    words = ["train", "--run", "r", "--resume", "--deterministic", "portable"]
    assert take_option(words) == ["train", "--run", "r", "--resume"]


def test_a_processor_without_the_instructions_is_refused(monkeypatch):
    monkeypatch.setattr(portable, "this_processor", lambda: Processor("old", ("FMA",)))
    with pytest.raises(UsageError, match="does not tell of AVX2"):
        take_option(["refit", "r", "--deterministic", "portable"])


def test_where_torch_is_loaded_the_variables_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", portable)
    with pytest.raises(UsageError, match=r"Start Python with ATEN_CPU_CAPABILITY=avx2 .*OMP_NUM_THREADS=2"):
        take_option(["refit", "r", "--deterministic", "portable"])
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert take_option(["refit", "r", "--deterministic", "portable"]) == ["refit", "r"]


def test_half_precision_and_shared_threads_are_left_out(monkeypatch):
    monkeypatch.setattr(learner.torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert learner.processor_has_bf16()
    learner.torch.set_num_threads(2)
    with shared_threads(2):
        assert learner.torch.get_num_threads() == 1
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    assert not learner.processor_has_bf16()
    with shared_threads(2):
        assert learner.torch.get_num_threads() == 2


@pytest.mark.parametrize(("name", "value"), [("compile", True), ("budget_minutes", 5.0)])
def test_a_recipe_that_follows_the_machine_is_refused(name, value, monkeypatch):
    config = FitConfig.of(read_recipe("default", {f"training.{name}": value})[1])
    learner.refuse_unportable(config)
    for setting, held in SETTINGS.items():
        monkeypatch.setenv(setting, held)
    with pytest.raises(UsageError, match=f"training.{name}: follows the .* of this machine"):
        learner.refuse_unportable(config)
    learner.refuse_unportable(FitConfig.of(read_recipe("default")[1]))


def test_machines_that_are_held_to_the_same_end_with_the_same_bits():
    held = [f"{name}={SETTINGS[name]}" for name in LIMITS if name in SETTINGS]
    one = machine() | {"instruction_limits": held, "threads": THREADS}
    assert same_bits(one, one | {"processor": "another"})
    assert not same_bits(one, one | {"threads": 4})
    assert not same_bits(one | {"instruction_limits": []}, one)
