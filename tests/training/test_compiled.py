import shutil
import signal
from dataclasses import replace

import pytest
import torch

from fit_case import at_step, compile_by, raise_signal, small_config, small_data, small_fit, small_model
from groupwise.distributed.world import World
from groupwise.training.learner import Learner
from groupwise.training.signals import Terminated


@pytest.fixture
def graphs(monkeypatch):
    """Lets torch trace a network and then call it as it is; returns the shapes that were traced."""
    shapes = []

    def backend(graph, inputs):
        shapes.extend(tuple(tensor.shape) for tensor in inputs if tensor.shape[2:] in ((16, 16), (8, 8)))
        return graph.forward

    compile_by(monkeypatch, backend)
    return shapes


def test_whole_batches_of_the_final_size_alone_are_compiled(graphs):
    config = small_config(compile=True)  # batches of 8 images of 16 px
    network = Learner.create(small_model(), small_data(), config, World()).network
    for shape in ((8, 3, 16, 16), (4, 3, 16, 16), (8, 3, 8, 8), (8, 3, 16, 16)):
        torch.testing.assert_close(network(torch.ones(shape)), small_model()(torch.ones(shape)))
    assert graphs == [(8, 3, 16, 16)]


def test_what_a_crop_leaves_is_compiled(graphs):
    config = small_config(compile=True)
    config = replace(config, augment=replace(config.augment, crop=0.5))
    fit = Learner.create(small_model(), small_data(), config, World())
    fit.network(torch.ones(8, 3, 8, 8))
    assert graphs == [(8, 3, 8, 8)]


def test_a_step_in_pieces_compiles_the_piece(graphs):
    network = Learner.create(
        small_model(), small_data(), small_config(compile=True, accumulate=2), World()
    ).network
    network(torch.ones(4, 3, 16, 16))
    assert graphs == [(4, 3, 16, 16)]


def test_the_compiled_network_leaves_no_trace_in_what_is_saved():
    plain, compiled = (
        Learner.create(small_model(), small_data(), small_config(compile=flag), World())
        for flag in (False, True)
    )
    assert plain.state_dict()["model"].keys() == compiled.state_dict()["model"].keys()
    assert plain.eval_model.state_dict().keys() == compiled.eval_model.state_dict().keys()


def test_what_cannot_be_compiled_is_trained_as_it_is(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no C++ compiler\nand a long trace")

    compile_by(monkeypatch, broken)
    warnings = []
    fitted = small_fit(tmp_path / "broken", small_config(compile=True), on_warning=warnings.append)
    (remark,) = fitted.remarks
    assert remark.startswith("torch.compile failed (")
    assert "no C++ compiler" in remark
    assert "\n" not in remark
    assert warnings == [remark]
    plain = small_fit(tmp_path / "plain")
    assert all(torch.equal(value, plain.weights[key]) for key, value in fitted.weights.items())


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_training_follows_the_plain_one_and_resumes_bit_for_bit(tmp_path):
    config, plain = (
        small_config(compile=flag, epochs=2, start_size_px=8, full_size_from=0.3) for flag in (True, False)
    )
    whole, reference = small_fit(tmp_path / "whole", config), small_fit(tmp_path / "plain", plain)
    assert whole.remarks == ()
    assert whole.history[-1].train_loss == pytest.approx(reference.history[-1].train_loss, rel=1e-3)
    torch.compiler.reset()  # as in a new process
    with pytest.raises(Terminated):
        small_fit(tmp_path / "cut", config, on_batch_end=at_step(7, raise_signal(signal.SIGTERM)))
    torch.compiler.reset()
    resumed = small_fit(tmp_path / "cut", config, resume=True)
    assert all(torch.equal(value, whole.weights[key]) for key, value in resumed.weights.items())
