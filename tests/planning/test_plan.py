import dataclasses

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from groupwise.errors import UsageError
from groupwise.planning.fingerprint import Fingerprint
from groupwise.planning.network import network_config
from groupwise.planning.plan import expected_seconds, make_plan
from groupwise.planning.suit import FEWEST_EPOCHS, MOST_EPOCHS
from groupwise.planning.trial import Rates
from groupwise.recipe.parsing import build_recipe, read_recipe
from groupwise.training.schedule import share_of_pixels

BASE = read_recipe("default")[0]
FACTS = Fingerprint(
    images=2000,
    train_images=1600,
    select_images=200,
    class_sizes={"cat": 800, "dog": 800},
    short_side_px=300,
    grey=False,
)


def measure(recipe):
    """A machine on which the time of a step grows with the area of the image."""
    per_image = 1e-3 * (recipe.data.image_size_px / 64) ** 2
    return Rates(train_s=per_image, score_s=per_image / 3, answer_s=per_image / 3, decode_s=1e-3)


def plan_of(facts=FACTS, measure=measure, budget_s=None, **options):
    left_s = None if budget_s is None else lambda: budget_s
    return make_plan(facts, BASE, measure, left_s=left_s, **options)


def test_equal_data_give_an_equal_plan_whatever_the_machine():
    slow = make_plan(FACTS, BASE, lambda recipe: Rates(1.0, 1.0, 1.0, 1.0))
    assert slow.recipe == plan_of().recipe
    assert slow.seconds > 1000 * plan_of().seconds / 10


def test_every_choice_stands_in_the_recipe_with_a_sentence():
    coloured = read_recipe("default", {"augment.saturation": 0.2})[1]
    plan = make_plan(dataclasses.replace(FACTS, grey=True, chirality=0.9), coloured, measure)
    assert {"model.preset", "training.epochs", "augment.saturation", "augment.flip", "model.overrides"} <= {
        choice.field for choice in plan.choices
    }
    for choice in plan.choices:
        part, _, name = choice.field.partition(".")
        assert getattr(getattr(plan.recipe, part), name) == choice.value
        assert choice.reason.endswith(".")


def test_the_file_reads_back_as_the_same_recipe_and_keeps_the_reasons():
    plan = plan_of()
    text = plan.to_yaml()
    assert build_recipe(yaml.safe_load(text)) == plan.recipe
    for choice in plan.choices:
        assert f"  # {choice.reason}\n  {choice.field.partition('.')[2]}:" in text


def test_what_the_user_chose_stays():
    base = read_recipe("default", {"data.image_size_px": 48, "training.epochs": 3})[1]
    plan = make_plan(
        FACTS, base, measure, chosen={"data.image_size_px", "training.epochs"}, left_s=lambda: 3600
    )
    assert (plan.recipe.data.image_size_px, plan.recipe.training.epochs) == (48, 3)
    assert not {"data.image_size_px", "training.epochs"} & {choice.field for choice in plan.choices}


def test_missing_colour_changes_the_augmentation():
    coloured = read_recipe("default", {"augment.saturation": 0.2, "training.epochs": 20})[1]
    plan = make_plan(FACTS, coloured, measure, chosen={"training.epochs"})
    assert plan.recipe.augment == coloured.augment
    grey = dataclasses.replace(FACTS, grey=True)
    assert make_plan(grey, coloured, measure).recipe.augment.saturation == 0


@pytest.mark.parametrize(
    ("chirality", "mirrored"), [(0.5, True), (0.74, True), (0.75, False), (0.98, False), (float("nan"), True)]
)
def test_what_can_be_told_from_its_mirror_image_is_not_mirrored(chirality, mirrored):
    """Neither in training nor in the mean of two looks."""
    recipe = plan_of(dataclasses.replace(FACTS, chirality=chirality)).recipe
    assert (recipe.augment.flip > 0) == mirrored
    assert recipe.model.overrides.get("mirror_average", False) == mirrored
    alternating = read_recipe("default", {"augment.flip": 0.0, "augment.alternate_flip": True})[1]
    recipe = make_plan(dataclasses.replace(FACTS, chirality=chirality), alternating, measure).recipe
    assert recipe.augment.alternate_flip == mirrored


def test_a_mirror_that_the_user_chose_stays():
    chiral = dataclasses.replace(FACTS, chirality=0.9)
    recipe = make_plan(chiral, BASE, measure, chosen={"augment.flip", "model.overrides"}).recipe
    assert (recipe.augment.flip, recipe.model.overrides) == (BASE.augment.flip, BASE.model.overrides)


@pytest.mark.parametrize(("flip", "looks_twice"), [(0.0, False), (0.5, True)])
def test_a_mirror_that_the_user_chose_is_looked_at_in_answers_too_and_no_other(flip, looks_twice):
    base = read_recipe("default", {"augment.flip": flip})[1]
    for chirality in (0.5, 0.9):
        facts = dataclasses.replace(FACTS, chirality=chirality)
        plan = make_plan(facts, base, measure, chosen={"augment.flip"})
        assert plan.recipe.augment.flip == flip
        assert plan.recipe.model.overrides.get("mirror_average", False) == looks_twice
        told = {choice.field: choice.reason for choice in plan.choices}.get("model.overrides", "")
        assert ("no mirror images" in told) != looks_twice


def test_a_skew_that_matters_is_said_and_not_adjusted_for():
    """Nobody asked for balanced accuracy, which costs the accuracy that is reported."""
    near_miss = dataclasses.replace(FACTS, class_sizes={"cat": 299, "dog": 100})
    assert "training.optimise" not in {choice.field for choice in plan_of(near_miss).choices}
    skewed = dataclasses.replace(FACTS, class_sizes={"cat": 300, "dog": 100})
    (choice,) = [c for c in plan_of(skewed).choices if c.field == "training.optimise"]
    assert choice.value == plan_of(skewed).recipe.training.optimise == "accuracy"
    assert plan_of(skewed).recipe.loss == plan_of(near_miss).recipe.loss == BASE.loss
    assert plan_of(skewed).recipe.training.select_by == ("accuracy", "loss")
    assert "3.0 training images for one of the smallest" in choice.reason
    asked = read_recipe("default", {"loss.logit_adjustment": 1.0})[1]
    assert make_plan(skewed, asked, measure).recipe.loss.logit_adjustment == 1


def test_what_the_user_wants_optimised_is_a_choice_with_its_reason():
    asked = read_recipe("default", {"training.optimise": "balanced"})[1]
    plan = make_plan(FACTS, asked, measure, usual=BASE, chosen={"training.optimise"})
    reasons = {choice.field: choice.reason for choice in plan.choices}
    assert "As you asked, balanced accuracy counts" in reasons["training.select_by"]
    assert plan.recipe.loss.logit_adjustment == 1
    assert "wider margin" in reasons["loss.logit_adjustment"]


@pytest.mark.parametrize(("optimizer", "factor"), [("sgd", 4), ("adamw", 2), ("adam", 2)])
def test_the_learning_rate_follows_the_batch(optimizer, factor):
    base = read_recipe("default", {"optim.name": optimizer, "training.batch_size": 64})[1]
    few = make_plan(dataclasses.replace(FACTS, train_images=100), base, measure).recipe
    assert few.training.batch_size == 16
    assert few.optim.learning_rate == pytest.approx(base.optim.learning_rate / factor, rel=5e-3)


def test_the_learning_rate_follows_the_width_of_networks_for_adam_alone():
    same_batch = {"training.batch_size"}
    plan = plan_of(budget_s=6000, chosen=same_batch)
    assert plan.recipe.model.preset == "resnext22_w8_wide"  # twice as wide
    assert plan.recipe.optim.learning_rate == BASE.optim.learning_rate / 2
    (choice,) = [choice for choice in plan.choices if choice.field == "optim.learning_rate"]
    assert "goes with a network of width 32, of which this has 64, and scales inversely" in choice.reason
    sgd = read_recipe("default", {"optim.name": "sgd"})[1]
    wide = make_plan(FACTS, sgd, measure, left_s=lambda: 6000, chosen=same_batch).recipe
    assert (wide.model.preset, wide.optim.learning_rate) == ("resnext22_w8_wide", sgd.optim.learning_rate)


@pytest.mark.parametrize(("chosen", "factor"), [({"training.batch_size"}, 2), ({"optim.learning_rate"}, 1)])
def test_a_batch_that_the_user_chose_has_the_rate_that_goes_with_it(chosen, factor):
    mine = read_recipe("default", {"training.batch_size": 8})[1]
    plan = make_plan(FACTS, mine, measure, usual=BASE, chosen={"training.batch_size", *chosen})
    assert plan.recipe.training.batch_size == 8
    assert plan.recipe.optim.learning_rate == BASE.optim.learning_rate / factor


def test_tiny_images_get_a_stem_that_keeps_them():
    assert plan_of(dataclasses.replace(FACTS, short_side_px=28)).recipe.model.preset == "resnext22_w8_cifar"
    assert plan_of(dataclasses.replace(FACTS, short_side_px=41)).recipe.model.preset == BASE.model.preset


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 10**6))
def test_epochs_stay_within_their_bounds_and_never_grow_with_the_data(n):
    def epochs(images):
        return plan_of(dataclasses.replace(FACTS, train_images=images)).recipe.training.epochs

    assert FEWEST_EPOCHS <= epochs(n) <= MOST_EPOCHS
    assert epochs(2 * n) <= epochs(n)


@settings(deadline=None, max_examples=20)
@given(st.floats(10, 10**5))
def test_a_budget_is_kept(budget_s):
    plan = plan_of(budget_s=budget_s)
    assert plan.seconds <= budget_s
    rates, training = measure(plan.recipe), plan.recipe.training
    if training.budget_minutes is None:  # which more time would not make longer
        assert plan.seconds == expected_seconds(plan.recipe, FACTS, rates)
    else:
        epochs_s = training.epochs * (
            FACTS.train_images * rates.train_s + FACTS.select_images * rates.score_s
        )
        rest_s = expected_seconds(plan.recipe, FACTS, rates) - epochs_s
        assert 60 * training.budget_minutes + rest_s <= budget_s


def test_the_clock_ends_what_the_budget_bounds_so_a_trial_beside_other_work_costs_no_epoch():
    bounded, ample = plan_of(budget_s=20).recipe.training, plan_of(budget_s=10**6).recipe.training
    assert bounded.budget_minutes is not None
    assert ample.budget_minutes is None
    mine = plan_of(budget_s=20, chosen={"training.budget_minutes"}).recipe.training
    assert mine.budget_minutes is None
    assert mine.epochs < bounded.epochs


def test_more_time_buys_larger_images():
    sizes = [plan_of(budget_s=b).recipe.data.image_size_px for b in (20, 200, 2000, 40000)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (64, 224)


def seconds_of(size_px, epochs, **changes):
    """What so many epochs of images of that size take, within what a plan keeps of a budget."""
    fields = {"data.image_size_px": size_px, "training.epochs": epochs} | changes
    return make_plan(FACTS, read_recipe("default", fields)[1], measure, chosen=set(fields)).seconds / 0.95


def test_images_that_grow_spare_time():
    whole = {"training.start_size_px": 80, "training.full_size_from": 0.0}
    assert 0.75 * seconds_of(80, 40, **whole) < seconds_of(80, 40) < 0.9 * seconds_of(80, 40, **whole)


@pytest.mark.parametrize("size_px", [80, 96])
def test_larger_images_are_taken_where_growing_leaves_room_for_three_times_the_usual_epochs(size_px):
    fewest_s = seconds_of(size_px, 3 * plan_of().recipe.training.epochs)
    assert plan_of(budget_s=1.001 * fewest_s).recipe.data.image_size_px == size_px
    assert plan_of(budget_s=0.98 * fewest_s).recipe.data.image_size_px < size_px


def test_the_epochs_that_the_user_chose_are_those_that_have_to_fit_and_the_reason_says_so():
    base, chosen = read_recipe("default", {"training.epochs": 12})[1], {"training.epochs"}
    for size_px, told in (
        (64, "the next has no room for the epochs that you"),
        (80, "for the epochs that you"),
    ):
        left_s = (1.001 if size_px == 80 else 0.98) * seconds_of(80, 12)
        plan = make_plan(FACTS, base, measure, chosen=chosen, left_s=lambda seconds=left_s: seconds)
        assert plan.recipe.data.image_size_px == size_px
        assert told in {choice.field: choice.reason for choice in plan.choices}["data.image_size_px"]


def test_the_network_alone_is_explained_where_a_budget_meets_a_chosen_size():
    plan = plan_of(dataclasses.replace(FACTS, short_side_px=80), budget_s=600, chosen={"data.image_size_px"})
    reasons = {choice.field: choice.reason for choice in plan.choices}
    assert reasons["model.preset"] == "The network for images of 64 px."


def test_images_are_never_enlarged():
    facts = dataclasses.replace(FACTS, short_side_px=100)
    assert plan_of(facts, budget_s=10**6).recipe.data.image_size_px == 96


def test_a_budget_below_one_epoch_is_refused_with_what_it_would_take():
    told = r"--budget: 2\ss are left, and one epoch takes 4\ss. Give at least 3\ss more."
    with pytest.raises(UsageError, match=told):
        plan_of(budget_s=2)
    assert plan_of(budget_s=2 + 3).recipe.training.epochs >= 1


def test_epochs_that_were_chosen_and_do_not_fit_are_refused():
    base = read_recipe("default", {"training.epochs": 100})[1]
    chosen = {"training.epochs"}
    needed = make_plan(FACTS, base, measure, chosen=chosen).seconds
    told = r"--budget: .* are left, and 100 epochs take .*, or fewer --training\.epochs"
    with pytest.raises(UsageError, match=told):
        make_plan(FACTS, base, measure, chosen=chosen, left_s=lambda: 0.9 * needed)
    assert make_plan(FACTS, base, measure, chosen=chosen, left_s=lambda: needed).seconds == needed


def test_a_budget_of_several_trainings_is_to_grow_by_what_all_of_them_lack():
    told = r"2\ss are left for each of several trainings in a row, and one epoch .* at least 15\ss more."
    with pytest.raises(UsageError, match=told):
        plan_of(budget_s=2, parts=5)


@pytest.mark.parametrize("trial_s", [0, 60, 600])
def test_the_time_of_the_trials_comes_off_the_budget(trial_s):
    began = [0.0]

    def slow_trial(recipe):
        began[0] += trial_s
        return measure(recipe)

    plan = make_plan(FACTS, BASE, slow_trial, left_s=lambda: 3000 - began[0])
    assert plan.seconds + began[0] <= 3000
    assert (began[0] > 0) == (trial_s > 0)


def reason_of(field, facts=FACTS, chosen=frozenset()):
    return {choice.field: choice.reason for choice in plan_of(facts, chosen=chosen).choices}[field]


@pytest.mark.parametrize("px", [80, 300])
def test_the_network_is_explained_alone_where_the_image_size_was_chosen(px):
    facts = dataclasses.replace(FACTS, short_side_px=px)
    assert reason_of("model.preset", facts).startswith(f"Half of the images are at least {px} px")
    alone = reason_of("model.preset", facts, {"data.image_size_px"})
    assert alone.startswith({80: "The network for images of 64 px.", 300: "The smallest is the fastest"}[px])
    assert reason_of("data.image_size_px", facts, {"model.preset"}).startswith("Half of the images")


@pytest.mark.parametrize(("images", "told"), [(2000, False), (1900, False), (1899, True), (2101, True)])
def test_epochs_tell_of_a_ratio_only_where_there_is_one(images, told):
    reason = reason_of("training.epochs", dataclasses.replace(FACTS, train_images=images))
    assert reason.startswith("40 were enough for 2,000 images")
    assert ("root of the ratio" in reason) == told


def compiling_plan(factor, *, train_s=0.05, compile_s=10.0, **options):
    """The plan on a machine where a compiled step takes `factor` of the time, and what it was asked."""
    asked = []

    def machine(recipe):
        asked.append(recipe.training.compile)
        if recipe.training.compile:
            return Rates(factor * train_s, 0.01, 0.01, 0.001, compile_s)
        return Rates(train_s, 0.01, 0.01, 0.001)

    return plan_of(measure=machine, **options), asked


def test_a_long_training_is_compiled_where_the_trial_says_that_it_pays():
    plan, asked = compiling_plan(0.8)
    assert asked == [False, True]
    (choice,) = [choice for choice in plan.choices if choice.field == "training.compile"]
    assert (choice.value, plan.recipe.training.compile) == (True, True)
    assert "40.0 ms compiled and 50.0 as it is; with 10 s to compile" in choice.reason
    # Of an epoch's pixels so many are of the final size, which alone is compiled
    share = 0.4 / share_of_pixels(plan.recipe.training, 64)
    rates = Rates(share * 0.04 + (1 - share) * 0.05, 0.01, 0.01, 0.001)
    assert plan.seconds == pytest.approx(expected_seconds(plan.recipe, FACTS, rates) + 10)


@pytest.mark.parametrize(
    ("factor", "compile_s", "told"),
    [(0.96, 1.0, "too little"), (0.8, 700.0, "too little"), (0.8, None, "does not work on this machine")],
)
def test_a_small_gain_a_slow_compiler_and_none_leave_it_as_it_is(factor, compile_s, told):
    plan, asked = compiling_plan(factor, compile_s=compile_s)
    assert asked == [False, True]
    assert not plan.recipe.training.compile
    assert told in {choice.field: choice.reason for choice in plan.choices}["training.compile"]
    assert plan.seconds == expected_seconds(plan.recipe, FACTS, Rates(0.05, 0.01, 0.01, 0.001))


def test_a_short_training_is_not_even_tried_and_the_users_choice_stays():
    assert compiling_plan(0.5, train_s=0.005)[1] == [False]
    assert compiling_plan(0.5, budget_s=599)[1] == [False]  # though the usual epochs would take longer
    assert compiling_plan(0.5, budget_s=600)[1] == [False, True]
    plan, asked = compiling_plan(0.5, chosen={"training.compile"})
    assert asked == [False]
    assert "training.compile" not in {choice.field for choice in plan.choices}


@pytest.mark.parametrize(("epochs", "mixed"), [(24, 0), (25, 0.5), (59, 0.5), (60, 1)])
def test_long_trainings_alone_mix_their_images(epochs, mixed):
    base = read_recipe("default", {"training.epochs": epochs})[1]
    recipe = make_plan(FACTS, base, measure, chosen={"training.epochs"}).recipe
    assert recipe.augment.cutmix * recipe.augment.mix_share == mixed
    chosen = make_plan(FACTS, base, measure, chosen={"training.epochs", "augment.cutmix"}).recipe
    assert chosen.augment.cutmix == 0
    chiral = dataclasses.replace(FACTS, chirality=0.9)
    assert make_plan(chiral, base, measure, chosen={"training.epochs"}).recipe.augment.cutmix == 0
    sets = dataclasses.replace(FACTS, several=True)
    assert make_plan(sets, base, measure, chosen={"training.epochs"}).recipe.augment.cutmix == 0
    faded = read_recipe("default", {"training.epochs": epochs, "augment.mixup": 0.2})[1]
    assert make_plan(FACTS, faded, measure, chosen={"training.epochs"}).recipe.augment.cutmix == 0


@pytest.mark.parametrize(
    ("budget_s", "minutes", "mixed"), [(None, 1, False), (1200, 1, False), (None, 2.5, True)]
)
def test_minutes_that_the_user_gives_to_training_say_how_many_epochs_to_expect(budget_s, minutes, mixed):
    base = read_recipe("default", {"training.budget_minutes": minutes})[1]
    left_s = None if budget_s is None else lambda: budget_s
    chosen = {"training.budget_minutes"}
    plan = make_plan(FACTS, base, lambda _: Rates(3e-3, 1e-3, 1e-3, 0.0), left_s=left_s, chosen=chosen)
    epoch_s = (
        FACTS.train_images * 3e-3 * share_of_pixels(plan.recipe.training, 64) + FACTS.select_images * 1e-3
    )
    assert plan.recipe.training.budget_minutes == minutes
    assert plan.recipe.training.epochs > 60 * minutes / epoch_s  # which the clock cuts short
    assert (plan.recipe.augment.cutmix > 0) == mixed == (60 * minutes / epoch_s > 25)
    assert 0.8 * 60 * minutes < plan.seconds < 1.2 * 60 * minutes


def test_no_minutes_for_training_are_no_bound():
    base, chosen = read_recipe("default", {"training.budget_minutes": None})[1], {"training.budget_minutes"}
    plan = make_plan(FACTS, base, measure, chosen=chosen)
    assert (plan.recipe, plan.seconds) == (plan_of().recipe, plan_of().seconds)


def test_a_network_that_computes_again_is_not_tried_compiled():
    base = read_recipe("default", {"model.overrides": {"activation_checkpointing": True}})[1]
    asked = []

    def machine(recipe):
        asked.append(recipe.training.compile)
        return Rates(0.05, 0.01, 0.01, 0.001)

    assert not make_plan(FACTS, base, machine).recipe.training.compile
    assert asked == [False]


@pytest.mark.parametrize(
    ("short_side_px", "chosen_px", "preset"), [(200, 32, "resnext22_w8_cifar"), (36, 96, "resnext22_w8")]
)
def test_the_network_suits_the_size_that_the_user_chose(short_side_px, chosen_px, preset):
    facts = dataclasses.replace(FACTS, short_side_px=short_side_px)
    base = read_recipe("default", {"data.image_size_px": chosen_px})[1]
    for budget_s in (None, 10**6):
        left_s = None if budget_s is None else lambda seconds=budget_s: seconds
        recipe = make_plan(facts, base, measure, chosen={"data.image_size_px"}, left_s=left_s).recipe
        assert (recipe.model.preset, recipe.data.image_size_px) == (preset, chosen_px)


def test_overrides_that_only_smaller_networks_can_have_leave_the_others_out():
    plain = {"block": "plain", "shortcut": False, "group_width": None, "depths": [1, 1, 1, 1]}
    base = read_recipe("default", {"model.overrides": plain})[1]
    plan = make_plan(FACTS, base, measure, chosen={"model.overrides"}, left_s=lambda: 10**6)
    assert plan.recipe.model.preset == "resnext22_w8_wide"  # the bottlenecks of ResNeXt-50 are none of these
    impossible = read_recipe("default", {"model.overrides": {"block": "plain", "expansion": 4}})[1]
    with pytest.raises(UsageError, match=r"a plain block keeps the shape"):
        make_plan(FACTS, impossible, measure, chosen={"model.overrides"}, left_s=lambda: 10**6)


def test_images_grow_in_training_where_they_are_large_enough():
    training = plan_of().recipe.training
    assert plan_of().recipe.data.image_size_px == 64
    assert (training.start_size_px, training.full_size_from) == (40, 0.6)
    assert plan_of(dataclasses.replace(FACTS, short_side_px=32)).recipe.training.start_size_px is None
    assert plan_of(chosen={"training.start_size_px"}).recipe.training.start_size_px is None


@pytest.mark.parametrize(
    ("changes", "size_px"),
    [
        ({"model.overrides": {"pool_px": 4}}, 64),
        ({"model.preset": "resnext50_tutorial", "data.image_size_px": 224}, 224),
    ],
)
def test_nothing_grows_for_a_fixed_pool_and_growing_is_refused_beside_it(changes, size_px):
    base = read_recipe("default", changes)[1]
    recipe = make_plan(FACTS, base, measure, chosen=set(changes)).recipe
    assert (recipe.data.image_size_px, recipe.training.start_size_px) == (size_px, None)
    grown = read_recipe("default", {**changes, "training.start_size_px": 40})[1]
    with pytest.raises(UsageError, match=r"training\.start_size_px: images cannot grow .* pool of \d px"):
        network_config(grown, num_classes=2)
    any_size = {"model.preset": "resnext50_tutorial", "model.overrides": {"pool_px": None}}
    network_config(read_recipe("default", {**any_size, "training.start_size_px": 40})[1], num_classes=2)


@pytest.mark.parametrize(
    ("crop", "more", "refused"),
    [
        (0.75, {}, True),
        (0.9, {}, False),  # whose 202 px leave a map of 7 x 7, as 224 do
        (0.75, {"model.overrides": {"pool_px": None}}, False),
        (0.875, {"data.image_size_px": 256}, False),
    ],
)
def test_a_crop_that_a_fixed_pool_cannot_take_is_refused_at_once(crop, more, refused):
    fixed = {"model.preset": "resnext50_tutorial", "data.image_size_px": 224, "augment.crop": crop}
    recipe = read_recipe("default", {**fixed, **more})[1]
    if refused:
        with pytest.raises(UsageError, match=r"augment\.crop: training would see 168 of 224 px.*pool_px"):
            network_config(recipe, num_classes=2)
    else:
        network_config(recipe, num_classes=2)


@pytest.mark.parametrize(("cats", "mixed"), [(900, True), (1000, False)])
def test_images_are_not_mixed_where_one_class_dominates(cats, mixed):
    facts = dataclasses.replace(FACTS, class_sizes={"cat": cats, "dog": 1600 - cats})
    plan = plan_of(facts, budget_s=10**6)
    assert plan.recipe.training.epochs >= 40
    assert (plan.recipe.augment.cutmix > 0) == mixed


@pytest.mark.parametrize(
    ("kept", "mirrored"), [(0.05, False), (0.39, False), (0.4, True), (float("nan"), False)]
)
def test_what_keeps_its_class_in_the_mirror_is_mirrored_though_it_can_be_told(kept, mirrored):
    facts = dataclasses.replace(FACTS, chirality=0.9, mirror_kept=kept)
    assert (plan_of(facts).recipe.augment.flip > 0) == mirrored


def test_only_a_plan_without_a_budget_ends_sooner_where_images_are_known_soon():
    assert plan_of().recipe.training.known_from == 0.95
    assert plan_of(budget_s=600).recipe.training.known_from is None
    assert plan_of(chosen={"training.epochs"}).recipe.training.known_from is None
    assert plan_of(dataclasses.replace(FACTS, several=True)).recipe.training.known_from is None
