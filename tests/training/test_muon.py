import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fit_case import small_config, small_fit
from groupwise.models.resnext import create_model
from groupwise.recipe.optimizer import OptimConfig
from groupwise.training.muon import Muon, orthogonalise
from groupwise.training.optimizer import make_optimizer


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 24), st.integers(1, 24))
def test_singular_vectors_stay_and_singular_values_come_near_one(seed, g, m, n):
    matrices = torch.randn(g, m, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = orthogonalise(matrices)
    u, before, v = torch.linalg.svd(matrices, full_matrices=False)
    rotated = u.mT @ found @ v.mT  # diagonal where the singular vectors are the same
    values = rotated.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(rotated, torch.diag_embed(values), atol=1e-6, rtol=0)
    large = before > 0.02 * before.norm(dim=1, keepdim=True)
    assert ((values[large] > 0.65) & (values[large] < 1.25)).all()


def test_a_matrix_goes_as_torch_has_it():
    torch.manual_seed(0)
    start, gradients = torch.randn(12, 20), torch.randn(3, 12, 20)
    theirs, ours = (torch.nn.Parameter(start.clone()) for _ in range(2))
    reference = torch.optim.Muon(
        [theirs], lr=0.02, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    optimizer = Muon([{"params": [ours], "matrices": 1}], lr=0.02, betas=(0.9, 0.999), weight_decay=0.1)
    for gradient in gradients:
        theirs.grad, ours.grad = gradient.clone(), gradient.clone()
        reference.step()
        optimizer.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved  # torch orthogonalises in bfloat16
    assert moved > 0.1


def test_the_groups_of_a_convolution_do_not_know_one_another():
    torch.manual_seed(0)
    gradient = torch.randn(8, 2, 3, 3)
    changed = gradient.clone()
    changed[4:] *= torch.randn(4, 2, 3, 3)
    ends = []
    for one in (gradient, changed):
        weight = torch.nn.Parameter(torch.zeros(8, 2, 3, 3))
        weight.grad = one.clone()
        Muon([{"params": [weight], "matrices": 2}], lr=0.1).step()
        ends.append(weight.detach())
    assert torch.equal(ends[0][:4], ends[1][:4])
    assert not torch.allclose(ends[0][4:], ends[1][4:])


def test_stem_head_and_norms_go_as_adamw_has_it():
    steps = {}
    for name in ("adamw", "muon"):
        torch.manual_seed(0)
        model = create_model("resnext11_8x4d")
        before = {key: value.detach().clone() for key, value in model.named_parameters()}
        optimizer = make_optimizer(model, OptimConfig(name=name))
        model(torch.randn(4, 3, 32, 32)).square().sum().backward()
        optimizer.step()
        steps[name] = {key: value.detach() - before[key] for key, value in model.named_parameters()}
    same = {key for key, step in steps["muon"].items() if torch.equal(step, steps["adamw"][key])}
    convolutions = {key for key, step in steps["muon"].items() if step.ndim == 4 and key != "conv1.weight"}
    assert len(convolutions) > 5
    assert same == steps["muon"].keys() - convolutions
    # And steps of the two are of one size
    for key in convolutions:
        sizes = [steps[name][key].square().mean().sqrt() for name in ("adamw", "muon")]
        assert 0.1 < sizes[1] / sizes[0] < 0.4


def test_it_learns_and_comes_back_from_a_checkpoint(tmp_path):
    config = small_config(optim=OptimConfig(name="muon", learning_rate=3e-3, warmup=0.2))
    whole = small_fit(tmp_path / "whole", config)
    assert whole.history[-1].train_loss < 0.8 * whole.history[0].train_loss
    with pytest.raises(KeyError):
        small_fit(tmp_path / "cut", config, on_epoch_end=lambda past, _: len(past) == 2 and {}["stop"])
    resumed = small_fit(tmp_path / "cut", config, resume=True)
    assert all(torch.equal(value, whole.weights[key]) for key, value in resumed.weights.items())
