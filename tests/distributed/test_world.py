import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fit_case import fit, small_config, small_data, small_model
from groupwise.distributed.batch_norm import share_batch_statistics
from groupwise.distributed.torchrun import restarted
from groupwise.distributed.world import World, choose_device, joined_world
from groupwise.errors import UsageError
from groupwise.loader.batches import batches
from groupwise.recipe.optimizer import OptimConfig

# Batches of 17 in four pieces, and a last one of 2, of which the third of three processes has none
CONFIG = small_config(
    optim=OptimConfig(name="sgd", learning_rate=0.05, weight_decay=1e-3),
    batch_size=17,
    accumulate=4,
    epochs=1,
)


def train_here(folder: Path, killed_step: int) -> None:
    """Train as `torchrun` has it; the second process is killed after a step, once."""
    torch.set_num_threads(1)
    # In double precision, where a fault cannot hide behind rounding that a ReLU has magnified
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    with joined_world("cpu") as world:
        (folder / f"{world.rank}-{restarted()}").write_text(" ".join(world.launches))

        def on_batch(done: int, total: int) -> None:
            if done == killed_step and world.rank == 1 and not restarted():
                os.kill(os.getpid(), signal.SIGKILL)

        # Then with a checkpoint at every step, so that the restart goes on in the middle of an epoch
        training = dataclasses.replace(CONFIG.training, checkpoint_minutes=0 if killed_step else 5)
        config = dataclasses.replace(CONFIG, training=training)
        fitted = fit(
            small_model().double(),
            small_data(),
            config,
            checkpoints=folder,
            world=world,
            resume=restarted(),
            on_batch_end=on_batch,
        )
        if world.is_main:
            history = torch.tensor([[e.train_loss, e.select_loss, e.select_accuracy] for e in fitted.history])
            save_file({**fitted.weights, "history": history}, folder / "result.safetensors")


def torchrun(folder, processes, killed_step=0):
    folder.mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "1"]
    options = ["--nproc-per-node", str(processes), __file__, str(folder), str(killed_step)]
    # Without this, torch shows restarted processes the addresses of the dead ones
    env = os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), env.get("PYTHONPATH", "")])
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return load_file(folder / "result.safetensors"), done.stderr


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return torchrun(tmp_path_factory.mktemp("processes") / "two", 2)[0]


def test_several_processes_equal_one(tmp_path, two):
    one, _ = torchrun(tmp_path / "one", 1)
    three, _ = torchrun(tmp_path / "three", 3)
    for several in (two, three):
        assert several.keys() == one.keys()
        for key in one:
            torch.testing.assert_close(
                several[key], one[key], rtol=0, atol=1e-11, msg=lambda m, k=key: f"{k}: {m}"
            )


def test_a_killed_process_is_started_again_and_ends_bit_identical(tmp_path, two):
    killed, err = torchrun(tmp_path / "killed", 2, killed_step=2)
    assert "SIGKILL" in err or "-9" in err
    assert killed.keys() == two.keys()
    assert all(torch.equal(killed[key], two[key]) for key in two)
    starts = [f"{rank}-{again}" for rank in range(2) for again in (False, True)]
    (name,) = {(tmp_path / "killed" / start).read_text() for start in starts}
    assert re.fullmatch("[0-9a-f]{16}", name)  # one launch, before and after


@pytest.mark.parametrize("batch_size", [2, 5])
def test_fewer_than_two_images_a_process_are_refused(tmp_path, batch_size):
    config = small_config(batch_size=batch_size)
    with pytest.raises(
        UsageError,
        match=rf"training.batch_size: {batch_size} images a step are fewer than two for each of 3 processes. "
        "Give at least 6, or start fewer processes",
    ):
        fit(small_model(), small_data(), config, checkpoints=tmp_path, world=World(0, 3))
    assert not list(tmp_path.iterdir())


def test_torchs_own_batch_norm_gets_an_empty_part_in_float32(monkeypatch):
    seen = []
    monkeypatch.setattr(torch.nn.SyncBatchNorm, "forward", lambda _, x: seen.append(x.dtype))
    model = share_batch_statistics(torch.nn.BatchNorm2d(4), World(0, 2, torch.device("cuda")))
    for n in (0, 1):
        model(torch.zeros(n, 4, 2, 2, dtype=torch.bfloat16))
    assert seen == [torch.float32, torch.bfloat16]


@settings(max_examples=100, deadline=None)
@given(n=st.integers(0, 60), batch_size=st.integers(1, 17), processes=st.integers(1, 6))
def test_every_sample_is_evaluated_exactly_once(n, batch_size, processes):
    images, labels = np.zeros((n, 1, 1, 3), np.uint8), np.zeros(n, int)
    parts = []
    for rank in range(processes):
        world = World(rank, processes)
        visited = batches(images, labels, np.arange(n), batch_size=batch_size, world=world)
        parts.append([batch.samples.tolist() for batch in visited])
    assert len({len(part) for part in parts}) == 1  # or one process would wait for ever
    assert sorted(row for part in parts for batch in part for row in batch) == list(range(n))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused():
    assert choose_device("auto").type == "cpu"
    with pytest.raises(UsageError, match=r"no CUDA device here. Use cpu or auto"):
        choose_device("cuda")


if __name__ == "__main__":
    train_here(Path(sys.argv[1]), int(sys.argv[2]))


@pytest.mark.parametrize(("device", "done"), [("auto", ["set cuda:1", "nccl"]), ("cpu", ["gloo"])])
def test_each_process_works_on_its_own_gpu_before_they_join(monkeypatch, device, done):
    """On what machine soever: nothing here reaches a GPU."""
    called = []
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: called.append(f"set {device}"))
    monkeypatch.setattr(dist, "init_process_group", lambda backend, **_: called.append(backend))
    for name, value in (("new_group", None), ("get_rank", 1), ("destroy_process_group", None)):
        monkeypatch.setattr(dist, name, lambda value=value, **_: value)
    monkeypatch.setattr(World, "gather", lambda world, value: [value])
    with joined_world(device) as world:
        assert world.size == 2
    assert called == done
