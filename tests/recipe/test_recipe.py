import dataclasses

import pytest
import yaml

from groupwise.errors import GroupwiseError, UsageError
from groupwise.models.resnext import preset_config
from groupwise.recipe.parsing import build_recipe, read_recipe
from groupwise.recipe.recipe import Recipe, as_dict, differences, flatten, read_fields, recipe_file, to_yaml
from groupwise.training.schedule import learning_rate_at

SHIPPED = ("best", "classic", "default", "digits", "finetune", "paper-cifar", "paper-imagenet")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_load_and_come_back_from_their_yaml(name):
    base, recipe = read_recipe(name)
    assert recipe == base
    assert recipe.name == name
    assert build_recipe(yaml.safe_load(to_yaml(recipe))) == recipe
    dataclasses.replace(preset_config(recipe.model.preset), **recipe.model.overrides)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_recipes_state_their_promise(name):
    head = "".join(line for line in recipe_file(name).read_text().splitlines(True) if line.startswith("#"))
    assert all(word in head for word in ("Promise:", "Data:", "Hardware:", "Command:"))


def test_classic_is_the_tutorial():
    recipe = read_recipe("classic")[1]
    assert (recipe.data.image_size_px, recipe.data.resize) == (224, "squash")
    assert recipe.data.mean == (0.485, 0.456, 0.406)
    assert recipe.split.shares == {"train": 0.8, "test": 0.2}
    assert recipe.split.method == "random"
    assert (recipe.optim.name, recipe.optim.learning_rate, recipe.optim.schedule) == (
        "adam",
        1e-4,
        "constant",
    )
    assert (recipe.training.epochs, recipe.training.batch_size) == (50, 32)
    assert (recipe.training.select_fold, recipe.training.select_by) == ("test", ("accuracy",))
    assert not recipe.augment.moves
    assert recipe.model.preset == "resnext50_tutorial"


def test_the_default_chooses_and_tests_on_different_sources():
    recipe = read_recipe("default")[1]
    assert recipe.training.select_fold == "val"
    assert recipe.split.method == "grouped"


def test_changes_are_listed_in_the_users_spelling():
    base, recipe = read_recipe("default", {"training.epochs": 3, "model.overrides": {"stem": "cifar"}})
    assert differences(recipe, base) == [
        {"field": "model.overrides", "default": base.model.overrides, "value": {"stem": "cifar"}},
        {"field": "training.epochs", "default": base.training.epochs, "value": 3},
    ]
    assert differences(base, base) == []


def test_flatten_knows_where_the_paths_end():
    flat = flatten(as_dict(Recipe()))
    assert flat["model.overrides"] == {}
    assert flat["training.select_by"] == ["accuracy", "loss"]


def test_unknown_fields_are_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"no field 'optim\.lr' in a recipe"):
        read_recipe("default", {"optim.lr": 1})
    with pytest.raises(UsageError, match=r"did you mean 'augment\.flip'\?"):
        read_recipe("default", {"augment.flipp": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: {epochs: three}", r"training\.epochs: Expected a whole number\. Got value: three\."),
        ("training: {epochs: 2.5}", r"training\.epochs: Expected a whole number\. Got value: 2\.5\."),
        ("augment: {zoom: wide}", r"augment\.zoom: Expected a number\."),
        ("data: {mean: 0.5}", r"data\.mean: Expected a list, as in '\[1, 2\]'\."),
        ("seed: x", r"seed: Expected a whole number\."),
        ("optim: {name: sgdd}", r"optim\.name: Expected one of 'adam', 'adamw', 'muon', 'sgd'\."),
        ("trainig: {epochs: 3}", r"no field 'trainig' in a recipe, did you mean 'training'\?"),
        ("epochs: 3", r"no field 'epochs' in a recipe, did you mean 'training\.epochs'\?"),
        ("training: {optimise: [accuracy]}", r"training\.optimise: Expected one of 'accuracy', 'balanced'"),
        ("model: resnext14_16x8d", r"'model' has fields of its own\."),
    ],
)
def test_a_file_with_a_value_that_cannot_be_meant_is_named_with_the_field(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=rf"mine\.yaml: {message}.*`groupwise train --print_config`"):
        read_recipe(str(file))


@pytest.mark.parametrize(
    "field",
    [
        "data.mean",
        "data.std",
        "data.tails_percent",
        "data.channels",
        "split.train",
        "augment.flip",
        "model.overrides",
    ],
)
def test_null_is_refused_where_a_field_has_to_have_a_value(field):
    with pytest.raises(UsageError, match=rf"{field}: null is no value of it\. Give one, or leave"):
        read_recipe("default", {field: None})


def test_a_seed_of_null_is_refused():
    with pytest.raises(UsageError, match=r"--seed: None is not at least 0"):
        read_recipe("default", {"seed": None})


def test_numbers_may_be_written_as_yaml_reads_them(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("optim: {learning_rate: 1e-3}\ntraining: {patience: null, select_by: [loss]}")
    recipe = read_recipe(str(file))[1]
    assert (recipe.optim.learning_rate, recipe.training.patience) == (1e-3, None)
    assert recipe.training.select_by == ("loss",)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"training.sampling": "balanced", "loss.class_weights": "balanced"}, "loss.class_weights"),
        ({"training.sampling": "balanced", "loss.logit_adjustment": 1}, "loss.logit_adjustment"),
    ],
)
def test_an_imbalance_is_mended_once(more, place):
    with pytest.raises(UsageError, match=rf"training\.sampling: balanced sampling and {place} would"):
        read_recipe("default", more)
    for field, value in more.items():
        read_recipe("default", {field: value})


def test_images_do_not_shrink_while_training():
    with pytest.raises(UsageError, match=r"training\.start_size_px: 96 is not between 8 and the final 64"):
        read_recipe("default", {"training.start_size_px": 96})


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [1", "not a readable YAML file"), ("- 1", "holds no fields"), ("", "no fields")],
)
def test_files_that_are_no_recipe_are_named(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(GroupwiseError, match=message) as error:
        read_fields(recipe_file(str(file)))
    assert "mine.yaml" in str(error.value)


def test_every_shipped_recipe_is_tested_here():
    assert sorted(SHIPPED) == sorted(path.stem for path in recipe_file("default").parent.glob("*.yaml"))


@pytest.mark.parametrize(
    ("name", "epochs", "drops"), [("paper-cifar", 300, (150, 225)), ("paper-imagenet", 90, (30, 60))]
)
def test_the_papers_schedules(name, epochs, drops):
    optim = read_recipe(name)[1].optim
    assert (optim.name, optim.momentum, read_recipe(name)[1].training.epochs) == ("sgd", 0.9, epochs)
    rates = [learning_rate_at((epoch + 0.5) / epochs, optim) for epoch in range(epochs)]
    falls = [epoch for epoch in range(1, epochs) if rates[epoch] < rates[epoch - 1]]
    assert falls == list(drops)
    assert [rates[epoch] / rates[0] for epoch in drops] == pytest.approx([0.1, 0.01])
