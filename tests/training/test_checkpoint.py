import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groupwise.training.checkpoint import KEPT, load_checkpoint, save_checkpoint


def state(epoch):
    return {
        "model": {"layer1.0.weight": torch.arange(6.0).reshape(2, 3) + epoch},
        "optimizer": {
            "state": {0: {"step": torch.tensor(7)}, 1: {}},
            "param_groups": [{"betas": (0.9, 0.99)}],
        },
        "history": [{"epoch": epoch, "loss": 0.1 + 0.2}],
        "best": None,
    }


def test_the_state_comes_back_whole(tmp_path):
    save_checkpoint(tmp_path, 1, state(1))
    loaded, rejected = load_checkpoint(tmp_path)
    assert rejected == []
    assert torch.equal(loaded["model"]["layer1.0.weight"], state(1)["model"]["layer1.0.weight"])
    assert loaded["optimizer"]["state"][0]["step"].item() == 7
    assert loaded["optimizer"]["state"][1] == {}
    assert loaded["optimizer"]["param_groups"] == [{"betas": [0.9, 0.99]}]
    assert loaded["history"] == [{"epoch": 1, "loss": 0.1 + 0.2}]
    assert loaded["best"] is None


def test_an_optimizer_goes_on_from_a_loaded_state(tmp_path):
    weight = torch.nn.Parameter(torch.ones(3))
    adam = torch.optim.Adam([weight])
    weight.grad = torch.ones(3)
    adam.step()
    save_checkpoint(tmp_path, 1, {"optimizer": adam.state_dict()})
    other = torch.optim.Adam([torch.nn.Parameter(torch.ones(3))])
    other.load_state_dict(load_checkpoint(tmp_path)[0]["optimizer"])
    assert torch.equal(other.state_dict()["state"][0]["exp_avg"], adam.state_dict()["state"][0]["exp_avg"])


def test_nothing_is_there_at_first(tmp_path):
    assert load_checkpoint(tmp_path) == (None, [])


def test_the_newest_are_kept(tmp_path):
    for epoch in range(1, 5):
        save_checkpoint(tmp_path, epoch, state(epoch))
    assert len(list(tmp_path.iterdir())) == 2 * KEPT
    assert load_checkpoint(tmp_path)[0]["history"][0]["epoch"] == 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(where=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found_and_the_older_one_used(tmp_path, where, bit):
    save_checkpoint(tmp_path, 1, state(1))
    save_checkpoint(tmp_path, 2, state(2))
    newest = tmp_path / "epoch-00002.safetensors"
    data = bytearray(newest.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    newest.write_bytes(bytes(data))
    loaded, rejected = load_checkpoint(tmp_path)
    assert loaded["history"][0]["epoch"] == 1
    assert [(r.path, r.reason) for r in rejected] == [(newest, "its content does not match its digest")]


def test_a_crash_before_the_digest_leaves_the_older_one(tmp_path):
    save_checkpoint(tmp_path, 1, state(1))
    save_checkpoint(tmp_path, 2, state(2))
    (tmp_path / "epoch-00002.sha256").unlink()
    loaded, rejected = load_checkpoint(tmp_path)
    assert loaded["history"][0]["epoch"] == 1
    assert "was not finished" in rejected[0].reason
