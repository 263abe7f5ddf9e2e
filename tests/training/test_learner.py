import dataclasses

import pytest
import torch
from torch import nn

from fit_case import small_config, small_data, small_fit, small_model
from groupwise.distributed.world import World
from groupwise.errors import UsageError
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.learner import Learner, choose_precision, moving_average


def test_the_moving_average_is_the_recursion():
    model, decay = nn.BatchNorm1d(2, affine=True), 0.6
    average = moving_average(model, decay)
    generator = torch.Generator().manual_seed(0)
    expected = None
    for t in range(30):
        with torch.no_grad():
            model.weight.copy_(torch.rand(2, generator=generator))
            model.running_mean.copy_(torch.rand(2, generator=generator))
            model.num_batches_tracked += 1
        now = torch.stack([model.weight.detach(), model.running_mean]).double()
        kept = min(decay, (1 + t) / (10 + t))
        expected = now if expected is None else kept * expected + (1 - kept) * now
        average.update_parameters(model)
    found = torch.stack([average.module.weight.detach(), average.module.running_mean]).double()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert average.module.num_batches_tracked == 30


def test_the_average_is_what_is_scored_and_kept(tmp_path):
    plain = small_fit(tmp_path / "plain")
    averaged = small_fit(tmp_path / "averaged", small_config(ema_decay=0.9))
    # It does not change the training itself
    assert [e.train_loss for e in plain.history] == [e.train_loss for e in averaged.history]
    assert plain.history[-1].select_loss != averaged.history[-1].select_loss


def test_the_learner_with_an_average_comes_back_whole():
    config = small_config(ema_decay=0.9)
    one, other = (Learner.create(small_model(), small_data(), config, World()) for _ in range(2))
    one.network(torch.randn(4, 3, 16, 16)).sum().backward()
    one.step()
    other.load_state_dict(one.state_dict())
    for key, value in one.eval_model.state_dict().items():
        assert torch.equal(value, other.eval_model.state_dict()[key])
    assert other.average.n_averaged == 1


@pytest.mark.parametrize(("clip_norm", "longest"), [(0.5, 0.5), (None, 100.0)])
def test_gradients_are_shortened_to_the_norm_and_no_further(clip_norm, longest):
    optim = OptimConfig(name="sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0, clip_norm=clip_norm)
    learner = Learner.create(
        small_model(), small_data(), dataclasses.replace(small_config(), optim=optim), World()
    )
    before = learner.model.fc.bias.detach().clone()
    for parameter in learner.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    learner.model.fc.bias.grad = torch.tensor([60.0, 80.0])
    learner.step()
    moved = learner.model.fc.bias.detach() - before
    assert moved.norm().item() == pytest.approx(longest, rel=1e-4)


def test_a_decay_of_one_is_refused():
    with pytest.raises(UsageError, match=r"training\.ema_decay"):
        small_config(ema_decay=1.0)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_comes_near_the_full_one_and_keeps_full_weights(tmp_path, precision):
    full = small_fit(tmp_path / "full", small_config(precision="fp32"))
    half = small_fit(tmp_path / "half", small_config(precision=precision))
    assert half.history[0].train_loss != full.history[0].train_loss
    assert half.history[0].train_loss == pytest.approx(full.history[0].train_loss, rel=0.05)
    assert {value.dtype for value in half.weights.values()} == {torch.float32, torch.int64}


def test_only_float16_scales_its_gradients_and_the_scale_is_saved():
    for precision, scaled in (("fp16", True), ("bf16", False), ("fp32", False), ("auto", False)):
        config = small_config(precision=precision)
        learner = Learner.create(small_model(), small_data(), config, World())
        assert learner.scaler.is_enabled() == scaled
        assert bool(learner.state_dict()["scaler"]) == scaled


def test_gradients_are_clipped_at_their_true_length(tmp_path):
    # Scaled gradients are 65,536 times as long; clipped as such, next to nothing would be left.
    optim = OptimConfig(name="sgd", learning_rate=0.1, clip_norm=1e6, schedule="constant")
    config = small_config(epochs=2, optim=optim, precision="fp16")
    free = dataclasses.replace(config, optim=dataclasses.replace(optim, clip_norm=None))
    clipped, unclipped = small_fit(tmp_path / "a", config), small_fit(tmp_path / "b", free)
    assert clipped.history[-1].train_loss == pytest.approx(unclipped.history[-1].train_loss, rel=1e-3)


def test_a_processor_computes_in_bfloat16_where_it_has_the_instructions(monkeypatch):
    cpu = torch.device("cpu")
    for known, expected in (
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda known=known: known)
        assert choose_precision("auto", cpu) is expected
        assert choose_precision("fp32", cpu) is torch.float32
        assert choose_precision("bf16", cpu) is torch.bfloat16
