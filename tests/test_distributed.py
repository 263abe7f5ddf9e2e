import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fit_case import small_config, small_fit
from groupwise.distributed import choose_device, joined_world
from groupwise.errors import UsageError
from groupwise.training.optim import OptimConfig

# Plain SGD: Adam divides by the gradient's size, and so would magnify rounding where a gradient is nearly 0.
# And a rate at which no unit stands on the kink of its ReLU: at 0.05 one does, and rounding grows to 3e-3.
CONFIG = small_config(
    optim=OptimConfig(name="sgd", learning_rate=0.06, weight_decay=1e-3), batch_size=9, epochs=1
)


def train_here(folder: Path) -> None:
    torch.set_num_threads(1)
    with joined_world("cpu") as world:
        fitted = small_fit(folder, CONFIG, world=world)
        if world.is_main:
            history = torch.tensor([[e.train_loss, e.select_loss, e.select_accuracy] for e in fitted.history])
            save_file({**fitted.weights, "history": history}, folder / "result.safetensors")


def test_two_processes_equal_one(tmp_path):
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
        done = subprocess.run(
            [*command, str(processes), __file__, str(folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    one, two = (load_file(tmp_path / str(n) / "result.safetensors") for n in (1, 2))
    assert one.keys() == two.keys()
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=2e-4, atol=2e-5, msg=lambda m, k=key: f"{k}: {m}")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_refused():
    assert choose_device("auto").type == "cpu"
    with pytest.raises(UsageError, match=r"no CUDA device here. Use cpu or auto"):
        choose_device("cuda")


if __name__ == "__main__":
    train_here(Path(sys.argv[1]))
