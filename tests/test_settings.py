import math

import pytest

from groupwise.cli.main import main
from groupwise.errors import SEEDS, UsageError, require_seed
from groupwise.recipe.decision import DecisionConfig
from groupwise.recipe.parsing import read_recipe
from groupwise.recipe.recipe import PARTS, Recipe

NUMBERS = [
    (part, name)
    for part, config in PARTS.items()
    for name, kind in config.__annotations__.items()
    if "float" in str(kind)
]


def field_value(part, name, number):
    """`number`, in as many places as the field has."""
    default = getattr(getattr(Recipe(), part), name)
    return (number,) * max(len(default), 1) if isinstance(default, tuple) else number


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("part", "name"), NUMBERS)
def test_no_field_of_a_recipe_is_nan_or_infinite(part, name, number):
    with pytest.raises(UsageError, match=rf"{part}\.{name}"):
        PARTS[part](**{name: field_value(part, name, number)})


@pytest.mark.parametrize("value", [(0.0, math.inf), (math.nan, 1.0), (5.0, 5.0), (1.0,), 3.0])
def test_a_range_of_levels_is_two_finite_numbers_that_grow(value):
    for name in ("integer_range", "float_range"):
        with pytest.raises(UsageError, match=rf"data\.{name}"):
            PARTS["data"](**{name: value})
    assert PARTS["data"](integer_range=(0, 4095)).integer_range == (0, 4095)


def test_every_part_with_numbers_is_tested_here():
    assert {part for part, _ in NUMBERS} == PARTS.keys() - {"model"}
    assert ("augment", "mixup") in NUMBERS
    assert ("optim", "milestones") in NUMBERS


def test_finite_numbers_pass_however_large_or_small():
    recipe = read_recipe("default", {"optim.learning_rate": 1e300, "training.checkpoint_minutes": 1e9})[1]
    assert recipe.optim.learning_rate == 1e300
    assert DecisionConfig(alpha=1e-9).alpha == 1e-9


def test_the_message_names_the_field_as_the_user_spells_it():
    with pytest.raises(UsageError, match=r"^augment\.mixup: nan is not a finite number\. Give one"):
        read_recipe("default", {"augment.mixup": math.nan})


@pytest.mark.parametrize("seed", [-1, SEEDS])
def test_seeds_that_not_every_generator_takes_are_refused(seed):
    with pytest.raises(UsageError, match=rf"--seed: {seed} is not at least 0 and below {SEEDS}"):
        Recipe(seed=seed)
    for near_miss in (0, SEEDS - 1):
        require_seed(near_miss)
        assert Recipe(seed=near_miss).seed == near_miss


@pytest.mark.parametrize(
    "words",
    [("audit", "DATA"), ("show", "DATA"), ("split", "DATA", "--out", "s.csv"), ("robustness", "RUN")],
)
def test_so_they_are_by_every_verb(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "RUN"):
        (tmp_path / name).mkdir()
    assert main([*words, "--seed", str(SEEDS)]) == UsageError.exit_status
    assert f"--seed: {SEEDS} is not at least 0" in capsys.readouterr().err
