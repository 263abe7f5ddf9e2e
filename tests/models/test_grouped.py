"""Holds the price of a convolution against real ones, and the three forms of the block against each other."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from groupwise.errors import UsageError
from groupwise.models.blocks import Bottleneck
from groupwise.models.grouped import (
    ConcatenatedForm,
    GroupedForm,
    SummedForm,
    concatenated_weights,
    convolution_cost,
    grouped_weights,
    summed_weights,
)

shapes = st.fixed_dictionaries(
    {
        "in_channels": st.integers(1, 12),
        "width_a_branch": st.integers(1, 4),
        "out_channels": st.integers(1, 12),
        "stride": st.integers(1, 2),
        "cardinality": st.sampled_from([1, 2, 3, 8, 32]),
    }
)


def build(shape: dict[str, int], seed: int, dtype: torch.dtype) -> tuple[nn.Module, nn.Module, nn.Module]:
    """The three forms with the same weights, none of whose normalisations is idle."""
    width = shape["width_a_branch"] * shape["cardinality"]
    values = (shape["in_channels"], width, shape["out_channels"], shape["stride"], shape["cardinality"])
    forms = GroupedForm(*values), ConcatenatedForm(*values), SummedForm(*values)
    generator = torch.Generator().manual_seed(seed)
    state = {key: draw(key, tensor, generator) for key, tensor in forms[0].state_dict().items()}
    forms[0].load_state_dict(state)
    forms[1].load_state_dict(concatenated_weights(state, shape["cardinality"]))
    forms[2].load_state_dict(summed_weights(state, shape["cardinality"]))
    return tuple(form.to(dtype) for form in forms)


def draw(key: str, like: Tensor, generator: torch.Generator) -> Tensor:
    if not like.is_floating_point():
        return torch.tensor(7)
    if like.ndim == 4:
        return torch.randn(like.shape, generator=generator) * (2 / math.prod(like.shape[1:])) ** 0.5
    values = torch.rand(like.shape, generator=generator)
    return values + 0.5 if key.endswith(("weight", "running_var")) else values - 0.5


def output_and_gradient(form: nn.Module, images: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    images = images.clone().requires_grad_()
    output = form(images)
    _, channels, height, width = output.shape
    (output * weights[:, :channels, :height, :width]).sum().backward()
    return output.detach(), images.grad


@settings(max_examples=40, deadline=None)
@given(shape=shapes, seed=st.integers(0, 2**31))
def test_three_forms_agree_in_output_and_gradient(shape: dict[str, int], seed: int) -> None:
    forms = build(shape, seed, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2, shape["in_channels"], 5, 6, generator=generator).double()
    weights = torch.randn(2, 12, 5, 6, generator=generator).double()
    expected = output_and_gradient(forms[0].eval(), images, weights)
    assert expected[0].shape == (2, shape["out_channels"], -(-5 // shape["stride"]), -(-6 // shape["stride"]))
    for form in forms[1:]:
        found = output_and_gradient(form.eval(), images, weights)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(shape=shapes, seed=st.integers(0, 2**31))
def test_three_forms_agree_in_single_precision(shape: dict[str, int], seed: int) -> None:
    # Outputs only: rounding that carries one value over the kink of a ReLU moves a gradient by any amount.
    forms = build(shape, seed, torch.float32)
    images = torch.randn(2, shape["in_channels"], 5, 6, generator=torch.Generator().manual_seed(seed))
    expected = forms[0].eval()(images)
    for form in forms[1:]:
        torch.testing.assert_close(form.eval()(images), expected, rtol=1e-5, atol=1e-5)


def test_gradients_agree_in_single_precision() -> None:
    shape = {"in_channels": 16, "width_a_branch": 4, "out_channels": 16, "stride": 2, "cardinality": 32}
    forms = build(shape, 0, torch.float32)
    images = torch.randn(2, 16, 5, 6, generator=torch.Generator().manual_seed(0))
    expected = output_and_gradient(forms[0].eval(), images, torch.ones(2, 16, 5, 6))
    for form in forms[1:]:
        found = output_and_gradient(form.eval(), images, torch.ones(2, 16, 5, 6))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(shape=shapes, seed=st.integers(0, 2**31))
def test_three_forms_agree_in_training_mode(shape: dict[str, int], seed: int) -> None:
    forms = build(shape, seed, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(3, shape["in_channels"], 5, 6, generator=generator).double()
    expected = forms[0].train()(images)
    for form in forms[1:]:
        torch.testing.assert_close(form.train()(images), expected, rtol=1e-9, atol=1e-9)
        # The statistics that they saw agree as well.
        torch.testing.assert_close(grouped_weights(form.state_dict()), dict(forms[0].state_dict()))


@settings(max_examples=25, deadline=None)
@given(shape=shapes, seed=st.integers(0, 2**31))
def test_weights_come_back_unchanged(shape: dict[str, int], seed: int) -> None:
    grouped, concatenated, summed = build(shape, seed, torch.float32)
    expected = dict(grouped.state_dict())
    torch.testing.assert_close(grouped_weights(concatenated.state_dict()), expected, rtol=0, atol=0)
    torch.testing.assert_close(grouped_weights(summed.state_dict()), expected, rtol=0, atol=0)


def test_bottleneck_is_the_grouped_form_and_a_shortcut() -> None:
    torch.manual_seed(0)
    block = Bottleneck(16, 8, 32, (1, 2), cardinality=4).eval()
    form = GroupedForm(16, 8, 32, stride=2, cardinality=4).eval()
    own = {key: tensor for key, tensor in block.state_dict().items() if not key.startswith("downsample")}
    form.load_state_dict(own)
    images = torch.randn(2, 16, 9, 9)
    torch.testing.assert_close(block(images), (block.downsample(images) + form(images)).relu())


def test_branches_with_swapped_middles_are_told_apart() -> None:
    # A near miss: the same numbers in another order compute something else.
    grouped, concatenated, _ = build(
        {"in_channels": 3, "width_a_branch": 2, "out_channels": 4, "stride": 1, "cardinality": 2},
        seed=0,
        dtype=torch.float64,
    )
    state = concatenated.state_dict()
    first, second = "branches.0.conv2.weight", "branches.1.conv2.weight"
    concatenated.load_state_dict({**state, first: state[second], second: state[first]})
    images = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    assert not torch.allclose(grouped.eval()(images), concatenated.eval()(images), atol=1e-3)


def test_parameters_of_the_block_are_those_of_the_paper() -> None:
    # Equation 4: C * (256 d + 3 * 3 d d + 256 d), and the 70k against 70k that make figure 1.
    def convolutions(form: nn.Module) -> int:
        return sum(p.numel() for p in form.parameters() if p.ndim == 4)

    assert convolutions(SummedForm(256, 128, 256, 1, 32)) == 32 * (256 * 4 + 9 * 4 * 4 + 4 * 256) == 70_144
    assert convolutions(GroupedForm(256, 128, 256, 1, 32)) == 70_144
    assert convolutions(GroupedForm(256, 64, 256, 1, 1)) == 256 * 64 + 9 * 64 * 64 + 64 * 256 == 69_632


@given(
    c=st.integers(1, 6),
    n=st.integers(1, 6),
    k=st.sampled_from([1, 3]),
    size=st.integers(1, 5),
    g=st.integers(1, 4),
)
def test_cost_is_that_of_a_real_convolution(c: int, n: int, k: int, size: int, g: int) -> None:
    layer = nn.Conv2d(c * g, n * g, k, padding=k // 2, groups=g, bias=False)
    output = layer(torch.zeros(1, c * g, size, size))
    cost = convolution_cost(c * g, n * g, k, size, g)
    assert cost.parameters == layer.weight.numel() == k * k * c * n * g
    assert cost.weight_bytes == layer.weight.nbytes
    assert cost.activation_bytes == output.nbytes
    assert cost.multiply_adds == cost.parameters * size * size


def test_groups_divide_the_arithmetic_and_leave_the_activations() -> None:
    regular, grouped = convolution_cost(128, 128, 3, 56), convolution_cost(128, 128, 3, 56, 32)
    assert regular.parameters == 32 * grouped.parameters == 9 * 128 * 128
    assert regular.multiply_adds == 32 * grouped.multiply_adds
    assert regular.activation_bytes == grouped.activation_bytes
    assert convolution_cost(128, 128, 3, 56, bytes_a_value=2).weight_bytes == regular.weight_bytes // 2


@pytest.mark.parametrize(("c", "n", "groups"), [(6, 8, 4), (8, 6, 4), (8, 8, 0)])
def test_groups_that_do_not_divide_are_refused(c: int, n: int, groups: int) -> None:
    with pytest.raises(UsageError, match=f"{groups} groups do not divide {c} channels in and {n} out"):
        convolution_cost(c, n, 3, 8, groups)


@pytest.mark.parametrize("form", [GroupedForm, ConcatenatedForm, SummedForm])
def test_width_that_does_not_fall_into_branches_is_refused(form: type[nn.Module]) -> None:
    with pytest.raises(UsageError, match="a width of 10 does not fall into 4 equal branches"):
        form(8, 10, 8, 1, 4)
