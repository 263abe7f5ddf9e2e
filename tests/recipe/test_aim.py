"""What a run is optimised for decides the knobs that the user leaves open, and costs are read or refused."""

import pytest

from groupwise.cli.main import main
from groupwise.errors import GroupwiseError, UsageError
from groupwise.recipe.aim import read_costs
from groupwise.recipe.decision import DecisionConfig
from groupwise.recipe.parsing import build_recipe, read_recipe
from groupwise.recipe.recipe import Recipe, as_dict
from groupwise.recipe.several import for_several_labels

COSTS = {"cat": {"cat": 0.0, "dog": 5.0}, "dog": {"cat": 1.0, "dog": 0.0}}


def steered(recipe):
    return recipe.training.select_by, recipe.loss.logit_adjustment


@pytest.mark.parametrize(
    ("aim", "select_by", "adjustment"),
    [
        ("accuracy", ("accuracy", "loss"), 0.0),
        ("balanced", ("balanced_accuracy", "loss"), 1.0),
        ("auroc", ("auroc", "loss"), 0.0),
        ("cost", ("cost", "loss"), 0.0),
    ],
)
def test_an_aim_decides_the_loss_and_what_chooses_the_epoch(aim, select_by, adjustment):
    changes = {"training.optimise": aim, "decision.costs": COSTS}
    assert steered(read_recipe("default", changes)[1]) == (select_by, adjustment)


def test_what_the_user_sets_stays_and_an_imbalance_is_mended_once():
    mine = {"training.optimise": "balanced", "training.select_by": ["loss"], "loss.logit_adjustment": 0.5}
    assert steered(read_recipe("default", mine)[1]) == (("loss",), 0.5)
    sampled = read_recipe("default", {"training.optimise": "balanced", "training.sampling": "balanced"})[1]
    assert steered(sampled) == (("balanced_accuracy", "loss"), 0.0)


@pytest.mark.parametrize("aim", ["balanced", "auroc"])
def test_an_adjustment_of_a_file_stays_whatever_is_asked_for_later(tmp_path, aim):
    file = tmp_path / "mine.yaml"
    file.write_text("loss: {logit_adjustment: 0.5}")
    assert steered(read_recipe(file, {"training.optimise": aim})[1])[1] == 0.5
    file.write_text("training: {optimise: balanced}\nloss: {logit_adjustment: 0.5}")
    assert steered(read_recipe(file, {"training.optimise": aim})[1])[1] == 0.5


def test_by_default_nothing_favours_balanced_accuracy():
    recipe = read_recipe("default")[0]
    assert (recipe.training.optimise, recipe.training.sampling) == ("accuracy", "natural")
    assert steered(recipe) == (("accuracy", "loss"), 0.0)
    assert recipe.loss.class_weights == "equal"


def test_a_file_is_read_alike_and_a_resolved_one_stays_as_it_is(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("training: {optimise: balanced}")
    recipe = read_recipe(file)[0]
    assert steered(recipe) == (("balanced_accuracy", "loss"), 1.0)
    older = as_dict(Recipe())
    del older["training"]["optimise"], older["decision"]["costs"]
    older["loss"]["logit_adjustment"] = 0.3
    assert build_recipe(older).training.optimise == "accuracy"
    assert build_recipe(older).loss.logit_adjustment == 0.3
    again = read_recipe(file, {"training.optimise": "accuracy"})[1]
    assert steered(again) == (("accuracy", "loss"), 0.0)


def test_the_command_line_reads_the_matrix(capsys, tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text("true,cat,dog\ncat,0,5\ndog,1,0\n")
    assert read_costs(file) == COSTS
    words = ["train", "--print_config", "--optimise", "cost", "--cost-matrix", str(file)]
    assert main(words) == 0
    printed = tmp_path / "printed.yaml"
    printed.write_text(capsys.readouterr().out)
    recipe = read_recipe(printed)[0]
    assert (recipe.training.optimise, recipe.decision.costs) == ("cost", COSTS)
    assert main([*words[:2], f"--cost-matrix={file}"]) == 0
    assert "optimise: accuracy" in capsys.readouterr().out  # the matrix alone changes no aim


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("true,cat,dog\ncat,0,5\n", r"has rows 'cat' and columns 'cat', 'dog'"),
        ("true,cat,dog\ncat,0,5\ndog,x,0\n", r"'x' is no number, in row 'dog' and column 'cat'"),
        ("true,cat,dog\ncat,0,5\ncat,1,0\n", r"row 2 is the second of class 'cat'"),
        ("true,cat,dog\ncat,0\ndog,1,0\n", r"row 1 does not have the 3 columns"),
        ("", r"costs\.csv"),
    ],
)
def test_a_file_that_is_no_square_of_numbers_is_refused(tmp_path, content, message):
    file = tmp_path / "costs.csv"
    file.write_text(content)
    with pytest.raises(GroupwiseError, match=message):
        read_costs(file)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"cat": {"cat": 0.0, "dog": -1.0}, "dog": COSTS["dog"]}, "answering 'dog' for 'cat' costs -1"),
        ({"cat": {"cat": 6.0, "dog": 5.0}, "dog": COSTS["dog"]}, "for 'cat' the right answer costs 6"),
        ({name: {"cat": 1.0, "dog": 1.0} for name in ("cat", "dog")}, "all answers cost the same"),
        ({"cat": COSTS["cat"]}, "the costs of 'cat' are of 'cat', 'dog'"),
    ],
)
def test_costs_that_cannot_be_meant_are_refused(costs, message):
    with pytest.raises(UsageError, match=message):
        DecisionConfig(costs=costs)


def test_costs_go_by_the_order_of_the_classes_and_belong_to_them():
    config = DecisionConfig(costs=COSTS)
    assert config.cost_matrix(("dog", "cat")).tolist() == [[0, 1], [5, 0]]
    config.refuse_unknown_class(["cat"])  # a class that the data lack does no harm
    with pytest.raises(UsageError, match="no costs for the class 'owl'"):
        config.refuse_unknown_class(["cat", "owl"])
    with pytest.raises(UsageError, match="both decide what is answered"):
        DecisionConfig(costs=COSTS, positive_class="cat", target_sensitivity=0.9)


def test_costs_are_asked_for_where_they_are_to_fall(capsys):
    assert main(["train", "--print_config", "--optimise", "cost"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "--optimise cost: no costs are given to lower. Add --cost-matrix FILE" in told


@pytest.mark.parametrize(
    ("given", "chosen_by"),
    [
        ({}, ("average_precision", "loss")),
        ({"training.optimise": "auroc"}, ("auroc", "loss")),
        ({"training.select_by": ("auroc", "loss")}, ("auroc", "loss")),
        ({"training.select_by": ("loss",)}, ("loss",)),
        ({"training.select_by": ("accuracy",)}, ("average_precision", "loss")),  # as of the aim before
    ],
)
def test_of_several_labels_what_chooses_the_epoch_stays_where_it_is_no_consequence(given, chosen_by):
    settled = for_several_labels(read_recipe("default", given)[1])
    assert settled.training.select_by == chosen_by
    assert for_several_labels(settled) == settled


@pytest.mark.parametrize(
    ("field", "value"),
    [("training.select_by", ("balanced_accuracy",)), ("decision.ordered", ("none", "mild", "severe"))],
)
def test_several_labels_refuse_what_says_nothing_of_sets(field, value):
    with pytest.raises(UsageError, match=f"{field}: has no meaning where images have several labels"):
        for_several_labels(read_recipe("default", {field: value})[1])
