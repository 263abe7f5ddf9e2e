import errno
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groupwise.training.checkpoint import KEPT, Moment, load_checkpoint, save_checkpoint


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
    save_checkpoint(tmp_path, Moment(1), state(1))
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
    save_checkpoint(tmp_path, Moment(1), {"optimizer": adam.state_dict()})
    other = torch.optim.Adam([torch.nn.Parameter(torch.ones(3))])
    other.load_state_dict(load_checkpoint(tmp_path)[0]["optimizer"])
    assert torch.equal(other.state_dict()["state"][0]["exp_avg"], adam.state_dict()["state"][0]["exp_avg"])


def test_nothing_is_there_at_first(tmp_path):
    assert load_checkpoint(tmp_path) == (None, [])


def moments(folder):
    return [path.name[:23] for path in sorted(folder.iterdir())]


def test_the_newest_are_kept(tmp_path):
    for epoch in range(1, 5):
        save_checkpoint(tmp_path, Moment(epoch), state(epoch))
    assert len(list(tmp_path.iterdir())) == KEPT
    assert load_checkpoint(tmp_path)[0]["history"][0]["epoch"] == 4


def test_the_newest_whole_epoch_is_kept_too(tmp_path):
    for moment in (Moment(1), Moment(2), Moment(2, 10), Moment(2, 20), Moment(2, 30)):
        save_checkpoint(tmp_path, moment, state(moment.epoch + moment.step))
    assert moments(tmp_path) == [
        "epoch-00002-step-000000",
        "epoch-00002-step-000020",
        "epoch-00002-step-000030",
    ]
    assert load_checkpoint(tmp_path)[0]["history"][0]["epoch"] == 32
    assert load_checkpoint(tmp_path, whole_epochs=True)[0]["history"][0]["epoch"] == 2


def test_a_rolled_back_future_goes_with_the_next_checkpoint(tmp_path):
    for moment in (Moment(1), Moment(2), Moment(2, 10)):
        save_checkpoint(tmp_path, moment, state(moment.epoch))
    save_checkpoint(tmp_path, Moment(2), state(7))  # another state at the same moment
    assert moments(tmp_path) == ["epoch-00002-step-000000"]
    assert load_checkpoint(tmp_path)[0]["history"][0]["epoch"] == 7


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(where=st.floats(0, 0.999), bit=st.integers(0, 7), cut=st.booleans())
def test_any_flipped_bit_or_cut_is_found_and_the_older_one_used(tmp_path, where, bit, cut):
    older = save_checkpoint(tmp_path, Moment(1), state(1))
    newest = save_checkpoint(tmp_path, Moment(2), state(2))
    data = bytearray(newest.read_bytes())
    position = int(where * len(data))
    if cut:
        del data[position:]
    else:
        data[position] ^= 1 << bit
    newest.write_bytes(bytes(data))
    loaded, rejected = load_checkpoint(tmp_path)
    assert loaded["history"][0]["epoch"] == 1
    assert [(r.path, r.reason) for r in rejected] == [
        (newest, "its content does not match the digest in its name")
    ]
    assert older.is_file()


def test_one_that_the_disk_no_longer_gives_is_passed_over(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, Moment(1), state(1))
    newest, plain = save_checkpoint(tmp_path, Moment(2), state(2)), Path.read_bytes

    def read_bytes(path):
        if path == newest:
            raise OSError(errno.EIO, "Input/output error")
        return plain(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    loaded, rejected = load_checkpoint(tmp_path)
    assert loaded["history"][0]["epoch"] == 1
    assert [(one.path, one.reason) for one in rejected] == [(newest, "it cannot be read: Input/output error")]


def test_a_damaged_checkpoint_does_not_push_out_a_sound_one(tmp_path):
    save_checkpoint(tmp_path, Moment(1), state(1))
    damaged = save_checkpoint(tmp_path, Moment(2), state(2))
    damaged.write_bytes(b"damaged")
    save_checkpoint(tmp_path, Moment(1, 5), state(1))
    assert moments(tmp_path) == ["epoch-00001-step-000000", "epoch-00001-step-000005"]


def test_what_a_crash_left_half_written_goes(tmp_path):
    save_checkpoint(tmp_path, Moment(1), state(1))
    (tmp_path / ".epoch-00002-step-000000.safetensors.x1.partial").write_bytes(b"half")
    loaded, rejected = load_checkpoint(tmp_path)
    assert (loaded["history"][0]["epoch"], rejected) == (1, [])
    assert len(list(tmp_path.iterdir())) == 1


def test_a_disk_that_reads_back_otherwise_is_noticed(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, Moment(1), state(1))
    with monkeypatch.context() as patch:
        patch.setattr("groupwise.files.sha256_file", lambda path: "other")
        with pytest.raises(OSError, match="reads back otherwise than it was written"):
            save_checkpoint(tmp_path, Moment(2), state(2))
    assert moments(tmp_path) == ["epoch-00001-step-000000"]
