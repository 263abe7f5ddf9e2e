"""Holds the counts against published figures, against PyTorch's own counter and against golden numbers."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from groupwise.errors import UsageError
from groupwise.models.complexity import ZERO, Complexity, complexity, describe, ungrouped
from groupwise.models.resnext import PRESETS, ResNeXt, ResNeXtConfig, create_model

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "tests/models/golden.json").read_text())

# torchvision states parameters exactly and multiply-adds, which it calls FLOPS, in 1e9 to two places.
TORCHVISION = {
    "resnet18": (11_689_512, 1.81),
    "resnet34": (21_797_672, 3.66),
    "resnet50": (25_557_032, 4.09),
    "resnext50_32x4d": (25_028_904, 4.23),
    "resnext101_32x8d": (88_791_336, 16.41),
    "resnext101_64x4d": (83_455_272, 15.46),
    "resnet101": (44_549_160, 7.80),
    "resnet152": (60_192_808, 11.51),
    "regnetx_008": (7_259_656, 0.80),
    "regnetx_016": (9_190_136, 1.60),
    "regnetx_032": (15_296_552, 3.18),
    "regnety_004": (4_344_144, 0.40),
    "regnety_016": (11_202_430, 1.61),
    "regnety_032": (19_436_338, 3.18),
}
# The model zoo of pycls states activations in 1e6 to one place.
PYCLS_ACTIVATIONS = {"resnet50": 11.1, "resnext50_32x4d": 14.4, "resnext101_32x4d": 21.2}
# And parameters and activations in 1e6, multiply-adds in 1e9, of its RegNets, all to one place.
PYCLS_REGNETS = {
    "regnetx_008": (7.3, 0.8, 5.1),
    "regnetx_016": (9.2, 1.6, 7.9),
    "regnetx_032": (15.3, 3.2, 11.4),
    "regnety_008": (6.3, 0.8, 5.2),
    "regnety_016": (11.2, 1.6, 8.0),
    "regnety_032": (19.4, 3.2, 11.3),
}
# timm's own networks, counted (benchmarks/timm_parity.py)
TIMM_PARAMETERS = json.loads((ROOT / "tests/models/timm_fingerprint.json").read_text())["parameters"]
# Table 7 of the ResNeXt paper, in 1e6 to one place; it cuts 68.16 to 68.1.
PAPER_CIFAR_PARAMETERS = {"resnext29_8x64d": 34.4, "resnext29_16x64d": 68.1}


def counted(name: str) -> Complexity:
    """The golden counts of a preset, which `test_page_and_golden_counts_are_up_to_date` takes anew."""
    return Complexity(**{key: n for key, n in GOLDEN[name].items() if key != "image_size_px"})


configs = st.builds(
    ResNeXtConfig,
    depths=st.lists(st.integers(1, 2), min_size=1, max_size=3).map(tuple),
    cardinality=st.sampled_from([1, 2, 8]),
    base_width=st.sampled_from([4, 8]),
    planes=st.sampled_from([16, 32]),
    stem=st.sampled_from(["imagenet", "cifar"]),
    num_classes=st.integers(1, 20),
    in_channels=st.integers(1, 4),
    conv_bias=st.booleans(),
    stride_in=st.sampled_from(["1x1", "3x3"]),
)


def test_golden_counts_cover_every_preset() -> None:
    assert set(GOLDEN) == set(PRESETS)  # each is counted anew below, with the page


@pytest.mark.parametrize("name", TORCHVISION)
def test_counts_are_those_that_torchvision_states(name: str) -> None:
    cost = counted(name)
    assert (cost.parameters, round(cost.multiply_adds / 1e9, 2)) == TORCHVISION[name]


@pytest.mark.parametrize("name", PYCLS_ACTIVATIONS)
def test_activations_are_those_that_pycls_states(name: str) -> None:
    assert round(counted(name).activations / 1e6, 1) == PYCLS_ACTIVATIONS[name]


@pytest.mark.parametrize("name", PYCLS_REGNETS)
def test_regnets_cost_what_pycls_states(name: str) -> None:
    cost = counted(name)
    counts = (cost.parameters / 1e6, cost.multiply_adds / 1e9, cost.activations / 1e6)
    # activations with a last digit more than pycls rounds: those of squeeze and excitation are counted here
    assert counts == pytest.approx(PYCLS_REGNETS[name], abs=0.0501)


@pytest.mark.parametrize("name", TIMM_PARAMETERS)
def test_parameters_are_those_of_timm(name: str) -> None:
    assert GOLDEN[name]["parameters"] == TIMM_PARAMETERS[name]


def test_more_than_twenty_presets_are_held_against_published_counts() -> None:
    assert len({*TORCHVISION, *TIMM_PARAMETERS, *PYCLS_REGNETS} & PRESETS.keys()) >= 24


@pytest.mark.parametrize("name", ["resnext50_2x40d", "resnext50_4x24d", "resnext50_8x14d"])
def test_the_papers_steps_of_cardinality_cost_the_same(name: str) -> None:
    # its table 2: about 25 million weights and 4.2 thousand million multiply-adds for all of them
    cost = counted(name)
    assert cost.parameters / 1e6 == pytest.approx(25.3, abs=0.4)
    assert cost.multiply_adds / 1e9 == pytest.approx(4.2, abs=0.08)


@pytest.mark.parametrize("name", PAPER_CIFAR_PARAMETERS)
def test_cifar_parameters_are_those_of_the_paper(name: str) -> None:
    stated = PAPER_CIFAR_PARAMETERS[name]
    assert counted(name).parameters / 1e6 == pytest.approx(stated, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(config=configs, image_size_px=st.integers(8, 70))
def test_multiply_adds_are_half_of_what_pytorch_counts(config: ResNeXtConfig, image_size_px: int) -> None:
    with torch.device("meta"):
        model = ResNeXt(config).eval()
        images = torch.empty(1, config.in_channels, image_size_px, image_size_px)
    with FlopCounterMode(display=False) as counter:
        model(images)
    assert 2 * complexity(config, image_size_px).multiply_adds == counter.get_total_flops()


@settings(max_examples=25, deadline=None)
@given(config=configs, image_size_px=st.integers(8, 70))
def test_stages_add_up_and_have_the_shapes_of_a_real_pass(config: ResNeXtConfig, image_size_px: int) -> None:
    model = ResNeXt(config).eval()
    stages = describe(config, image_size_px)
    images = torch.zeros(1, config.in_channels, image_size_px, image_size_px)
    maps = model.feature_maps(images)
    logits = model(images)
    assert [stage.name for stage in stages] == [*maps, "head"]
    shapes = [tuple(value.shape[1:]) for value in (*maps.values(), logits)]
    assert [stage.output_shape for stage in stages] == shapes
    assert [stage.blocks for stage in stages] == [0, *config.depths, 0]
    assert sum((stage.cost for stage in stages), ZERO) == complexity(config, image_size_px)
    assert complexity(config, image_size_px).parameters == sum(p.numel() for p in model.parameters())


@settings(max_examples=25, deadline=None)
@given(config=configs)
def test_ungrouped_differs_only_in_the_3x3_convolutions(config: ResNeXtConfig) -> None:
    with torch.device("meta"):
        grouped, regular = ResNeXt(config).state_dict(), ResNeXt(ungrouped(config)).state_dict()
    assert list(grouped) == list(regular)
    for key, tensor in grouped.items():
        if key.startswith("layer") and key.endswith("conv2.weight"):
            n, c, *kernel = tensor.shape
            assert regular[key].shape == (n, c * config.cardinality, *kernel)
        else:
            assert regular[key].shape == tensor.shape


def test_ungrouped_saves_nothing_but_keeps_the_activations() -> None:
    config = PRESETS["resnext50_32x4d"]
    grouped, regular = complexity(config), complexity(ungrouped(config))
    assert regular.activations == grouped.activations
    assert regular.multiply_adds > 2 * grouped.multiply_adds


def test_activations_are_the_elements_of_the_outputs_of_convolutions_only() -> None:
    # By hand, at 32 px with the CIFAR stem: stem 16; block 1x1 8, grouped 3x3 8, 1x1 64, shortcut 64.
    config = ResNeXtConfig((1,), 2, 16, planes=16, stem="cifar", num_classes=7)
    assert complexity(config).activations == 32 * 32 * (16 + 8 + 8 + 64 + 64)


def test_a_model_is_described_like_its_configuration_and_left_alone() -> None:
    model = create_model("resnext11_8x4d")
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    assert describe(model, 64) == describe(model.config, 64)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_counting_draws_no_random_number() -> None:
    state = torch.get_rng_state()
    complexity(PRESETS["resnext29_32x4d"])
    assert torch.equal(torch.get_rng_state(), state)


def test_costs_add_up_by_kind() -> None:
    assert Complexity(1, 20, 300) + Complexity(4, 50, 600) == Complexity(5, 70, 900)


def test_image_without_a_pixel_is_refused() -> None:
    with pytest.raises(UsageError, match=r"data\.image_size_px: an image of 0 px has no pixel"):
        complexity(PRESETS["resnet50"], 0)


def test_page_and_golden_counts_are_up_to_date() -> None:
    tables = runpy.run_path(str(ROOT / "benchmarks/models_table.py"))
    remedy = "Run `python benchmarks/models_table.py --write` and look at what changed."
    text = (ROOT / "docs/models.md").read_text()
    assert tables["page"](text) == text, remedy
    assert tables["golden"]() == GOLDEN, remedy
    assert "25,028,904" in text
