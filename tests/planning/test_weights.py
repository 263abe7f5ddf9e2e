import dataclasses
import json
import math

import pytest

from groupwise.planning.fingerprint import Fingerprint, known_side_px
from groupwise.planning.plan import MOST_STRETCH, make_plan
from groupwise.planning.suit import TUNED_BELOW, TUNED_DECAY, TUNED_EPOCHS
from groupwise.planning.trial import Rates
from groupwise.recipe.parsing import read_recipe

FEW = Fingerprint(
    images=400,
    train_images=300,
    select_images=50,
    class_sizes={"cat": 150, "dog": 150},
    short_side_px=300,
    grey=False,
)
BASE, FINETUNE = (read_recipe(name)[0] for name in ("default", "finetune"))
TUNED = {"optim.learning_rate", "optim.head_first", "optim.layer_decay", "training.epochs"}


def measure(recipe):
    """A machine on which the time of a step grows with the area of the image."""
    per_image = 1e-3 * (recipe.data.image_size_px / 64) ** 2
    return Rates(train_s=per_image, score_s=per_image / 3, answer_s=per_image / 3, decode_s=1e-3)


def with_weights(**changes):
    return read_recipe("default", {"model.weights": "known.safetensors", **changes})[1]


def fields_of(plan):
    return {choice.field: choice for choice in plan.choices}


def test_few_images_and_weights_are_tuned_by_the_schedule_of_finetune():
    plan = make_plan(FEW, with_weights(), measure, usual=BASE)
    assert set(fields_of(plan)) >= TUNED
    optim = plan.recipe.optim
    assert (optim.head_first, optim.layer_decay) == (FINETUNE.optim.head_first, TUNED_DECAY)
    assert plan.recipe.training.epochs == TUNED_EPOCHS < make_plan(FEW, BASE, measure).recipe.training.epochs
    assert all(choice.reason.endswith(".") for choice in plan.choices)
    assert len(fields_of(plan)) == len(plan.choices)  # each field once


@pytest.mark.parametrize(("images", "batch", "factor"), [(300, 32, 2), (299, 16, math.sqrt(2))])
def test_their_rate_is_that_of_finetune_for_batch_and_width(images, batch, factor):
    """The network is half as wide as that of `finetune`."""
    recipe = make_plan(dataclasses.replace(FEW, train_images=images), with_weights(), measure).recipe
    assert recipe.training.batch_size == batch
    assert recipe.optim.learning_rate == pytest.approx(factor * FINETUNE.optim.learning_rate, rel=5e-3)


def test_the_network_and_batch_of_finetune_have_its_very_rate():
    plan = make_plan(FEW, with_weights(**{"model.preset": "resnext50_32x4d"}), measure, usual=BASE)
    assert plan.recipe.optim.learning_rate == FINETUNE.optim.learning_rate
    assert fields_of(plan)["optim.learning_rate"].value == FINETUNE.optim.learning_rate


def test_without_weights_the_size_that_they_know_and_finetune_mean_nothing():
    known = dataclasses.replace(FEW, known_px=96)
    assert make_plan(known, BASE, measure) == make_plan(FEW, BASE, measure)
    assert not {"optim.head_first", "optim.layer_decay"} & set(fields_of(make_plan(FEW, BASE, measure)))


def test_many_images_are_planned_for_as_from_scratch():
    many = dataclasses.replace(FEW, train_images=TUNED_BELOW, known_px=96)
    ours, scratch = make_plan(many, with_weights(), measure, usual=BASE), make_plan(many, BASE, measure)
    weights = dataclasses.replace(ours.recipe.model, weights=None)
    assert dataclasses.replace(ours.recipe, model=weights) == scratch.recipe
    assert "optim.head_first" in fields_of(
        make_plan(dataclasses.replace(many, train_images=TUNED_BELOW - 1), with_weights(), measure)
    )


@pytest.mark.parametrize("budget_s", [None, 60, 10**6])
def test_the_network_of_the_weights_stays_and_so_does_their_image_size(budget_s):
    left_s = None if budget_s is None else lambda: budget_s
    known = dataclasses.replace(FEW, known_px=96)
    plan = make_plan(known, with_weights(), measure, left_s=left_s)
    assert plan.recipe.model.preset == BASE.model.preset
    assert plan.recipe.data.image_size_px == 96
    assert "have learnt from" in fields_of(plan)["data.image_size_px"].reason


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("optim.head_first", 0.0),
        ("optim.layer_decay", 0.9),
        ("optim.learning_rate", 1e-4),
        ("training.epochs", 7),
        ("data.image_size_px", 48),
    ],
)
def test_what_the_user_chose_stays_with_weights_too(field, value):
    known = dataclasses.replace(FEW, known_px=96)
    plan = make_plan(known, with_weights(**{field: value}), measure, chosen={field}, left_s=lambda: 600)
    part, _, name = field.partition(".")
    assert getattr(getattr(plan.recipe, part), name) == value
    assert field not in fields_of(plan)


def test_a_budget_holds_as_many_epochs_as_fit_up_to_the_stretch():
    epochs = [
        make_plan(FEW, with_weights(), measure, left_s=lambda s=s: s).recipe.training.epochs
        for s in (1, 1.5, 10**5)
    ]
    assert epochs[0] < epochs[1] < epochs[2] == MOST_STRETCH * TUNED_EPOCHS


def config(side, architecture="resnext22_w8"):
    return json.dumps({"architecture": architecture, "pretrained_cfg": {"input_size": [3, side, side]}})


@pytest.mark.parametrize("file", ["", "model.safetensors"])
def test_the_size_is_that_of_the_run_beside_the_weights(tmp_path, file):
    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text(config(96))
    assert known_side_px(tmp_path / file, "resnext22_w8") == 96


@pytest.mark.parametrize(
    "beside",
    [None, "", "[]", "{}", '{"architecture": "resnext50_32x4d"}', config("96"), config(64, "resnet18")],
)
def test_published_weights_know_imagenet_and_others_without_a_word_nothing(tmp_path, beside):
    """Whatever else lies beside them."""
    weights = tmp_path / "resnext50_32x4d.pth"
    if beside is not None:
        (tmp_path / "config.json").write_text(beside)
    assert known_side_px(weights, "resnext50_32x4d") == 224
    assert known_side_px(weights, "resnet50") == 224
    assert known_side_px(weights, "resnext22_w8") is None
    assert known_side_px(weights, "resnext14_32x4d") is None
