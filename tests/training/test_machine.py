"""The machine that a training ran on: kept in run and checkpoint, and said where a resume finds another."""

import pytest

from groupwise.distributed import environment as environment_module
from groupwise.distributed.environment import environment, machine, machine_words
from groupwise.distributed.world import World
from groupwise.training.checkpoint import Moment
from groupwise.training.checkpoint_manager import CheckpointManager
from groupwise.training.state import versions


def manager(folder, said):
    return CheckpointManager(folder, 60, {}, World(), said.append)


def saved(**facts):
    return {"versions": versions(), "machine": machine(), **facts}


def test_a_resume_on_the_same_machine_says_nothing(tmp_path):
    said = []
    manager(tmp_path, said).save(Moment(1), saved())
    assert manager(tmp_path, said).load()["machine"] == machine()
    assert said == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threads": 7}, ", 7 threads; this is "),
        ({"torch_instructions": "AVX1"}, " with AVX1 ("),
        ({"instruction_limits": ["ONEDNN_MAX_CPU_ISA=AVX2"]}, ", ONEDNN_MAX_CPU_ISA=AVX2, "),
        ({"instruction_sets": ["AVX2", "AVX-VNNI"]}, "(AVX2, AVX-VNNI)"),
        ({"processor": "Another"}, "was written on Another with"),
    ],
)
def test_a_resume_on_another_machine_says_so_once(tmp_path, change, words):
    said = []
    manager(tmp_path, said).save(Moment(1), saved(machine=machine() | change))
    manager(tmp_path, said).load()
    assert len(said) == 1
    assert words in said[0]
    assert "the last bits of its result may be others than there" in said[0]


def test_a_checkpoint_of_before_that_kept_no_machine_is_read(tmp_path):
    said = []
    manager(tmp_path, said).save(Moment(1), {"versions": versions()})
    assert manager(tmp_path, said).load() is not None
    assert said == []


def test_the_run_keeps_where_it_was_trained_before():
    first = environment(World())
    assert first["earlier_machines"] == []
    assert environment(World(), first)["earlier_machines"] == []
    elsewhere = first | {"threads": 7}
    again = environment(World(), elsewhere)
    assert again["earlier_machines"] == [machine_words(elsewhere)]
    assert environment(World(), again)["earlier_machines"] == [machine_words(elsewhere)]
    assert environment(World(), {"threads": 7})["earlier_machines"] == []  # an older run told too little


def test_limits_of_instructions_and_packages_that_steer_are_kept(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert environment(World())["instruction_limits"] == ["ATEN_CPU_CAPABILITY=avx2"]
    monkeypatch.setattr(environment_module, "EXTRAS", ("pytest", "no-such-package"))
    packages = environment(World())["packages"]
    assert "pytest" in packages
    assert "no-such-package" not in packages
