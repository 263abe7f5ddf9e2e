"""Composes the knobs of every part into one recipe, and reads and writes it as YAML."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from groupwise.data.preprocessing import Preprocessing
from groupwise.data.split_options import SplitConfig
from groupwise.errors import GroupwiseError, UsageError, did_you_mean, first_line, require_seed
from groupwise.recipe.aim import COST_MATRIX, OPTIMISE, aimed_fields
from groupwise.recipe.augment import AugmentConfig
from groupwise.recipe.decision import DecisionConfig
from groupwise.recipe.optimizer import OptimConfig
from groupwise.recipe.training import LossConfig, TrainingConfig


@dataclass(frozen=True)
class ModelConfig:
    """Which network is trained.

    Args:
        preset: Name of a preset; `groupwise info` lists them.
        overrides: Fields of the preset to replace, such as {"stem": "cifar"}.
        weights: File or folder of weights to start from, or a name that `groupwise info --weights` lists, or
            `imagenet`; the head begins anew.
        accept_licence: The licence of named weights that may not be used commercially, where that suits you.
        features: ONNX file, bundle or run whose frozen features a logistic regression classifies, in place of
            a network that is trained; `groupwise probe` sets it.
        features_output: The tensor of that file that holds them, where it is not what its head classifies.
    """

    preset: str = "resnext26_32x4d"
    overrides: dict[str, Any] = field(default_factory=dict)
    weights: str | None = None
    accept_licence: str | None = None
    features: str | None = None
    features_output: str | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a result, apart from the data."""

    name: str = "default"
    model: ModelConfig = field(default_factory=ModelConfig)
    data: Preprocessing = field(default_factory=Preprocessing)
    split: SplitConfig = field(default_factory=SplitConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        require_seed(self.seed)
        if self.training.select_fold not in self.split.shares:
            raise UsageError(
                f"the fold {self.training.select_fold!r} that chooses the epoch has no share",
                place="training.select_fold",
                remedy=f"Give split.{self.training.select_fold} a share, or choose by another fold.",
            )
        weighted, adjusted = self.loss.class_weights == "balanced", bool(self.loss.logit_adjustment)
        if self.training.sampling == "balanced" and (weighted or adjusted):
            raise UsageError(
                f"balanced sampling and loss.{'class_weights' if weighted else 'logit_adjustment'} would mend"
                " the imbalance twice",
                place="training.sampling",
                remedy="Choose one of them.",
            )
        if self.decision.costs is None and "cost" in (self.training.optimise, *self.training.select_by):
            raise UsageError(
                "no costs are given to lower",
                place="--optimise cost",
                remedy=f"Add {COST_MATRIX} FILE, a CSV of classes by classes.",
            )
        start = self.training.start_size_px
        if start is not None and not 8 <= start <= self.data.image_size_px:
            raise UsageError(
                f"{start} is not between 8 and the final {self.data.image_size_px}",
                place="training.start_size_px",
                remedy="Two thirds of data.image_size_px is usual.",
            )
        if self.training.select_fold == "test" and self.decision.positive_class is not None:
            raise UsageError(
                "the epoch is chosen on the test fold, so no fold is left to choose the threshold by",
                place="--target-sensitivity",
                remedy="Give split.val a share and set training.select_fold to val.",
            )


PARTS: dict[str, type[Any]] = {
    "model": ModelConfig,
    "data": Preprocessing,
    "split": SplitConfig,
    "augment": AugmentConfig,
    "optim": OptimConfig,
    "loss": LossConfig,
    "training": TrainingConfig,
    "decision": DecisionConfig,
}


# Of the parts that say how a network is trained, what a probe of frozen features takes notice of.
OF_PROBES = (
    "model.features",
    "model.features_output",
    "loss.class_weights",
    "loss.logit_adjustment",
    "training.optimise",
    "training.select_by",
    "training.select_fold",
)
TRAINED = ("model", "augment", "optim", "loss", "training")


def means_nothing_to_a_probe(field: str) -> bool:
    """Whether a field, by its path, is about the training that frozen features do without."""
    return field.partition(".")[0] in TRAINED and "." in field and field not in OF_PROBES


def shipped_recipes() -> dict[str, Path]:
    """The files of the recipes that come with the package, by name."""
    folder = Path(str(resources.files("groupwise.recipe") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def recipe_file(name: str) -> Path:
    """The file of a recipe given by the name of one that ships with the package, or by its path."""
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    if Path(name).is_file():
        return Path(name)
    raise UsageError(
        f"no recipe {name!r}{did_you_mean(name, shipped)}",
        place="--recipe",
        remedy=f"Give a YAML file, or one of {', '.join(shipped)}.",
    )


def recipe_fields(path: Path) -> dict[str, Any]:
    """The fields of a recipe by their paths; a user's own file changes those of `default`."""
    base = path if path.parent == recipe_file("default").parent else recipe_file("default")
    return with_changes(flatten(read_fields(base)), flatten(read_fields(path)))


def with_changes(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The `fields` of a recipe with `changes`, and with what follows from an aim that is among these."""
    changed = {**fields, **changes}
    return {**changed, **aimed_fields(changed, fields), **changes} if OPTIMISE in changes else changed


def read_fields(path: Path) -> dict[str, Any]:
    """Read the fields that a YAML file sets; unknown ones are refused by whoever builds the recipe."""
    import yaml  # which the names of the fields do without

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise GroupwiseError(
            f"not a readable YAML file ({first_line(error)})", place=path, remedy="Mend the file."
        ) from None
    if not isinstance(content, dict):
        raise GroupwiseError("holds no fields", place=path, remedy="Write `field: value` lines.")
    return content


def as_dict(recipe: Recipe) -> dict[str, Any]:
    """Nested dicts and lists, as YAML and JSON hold them."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    result: dict[str, Any] = plain(dataclasses.asdict(recipe))
    return result


def to_yaml(recipe: Recipe) -> str:
    """The recipe with every field resolved."""
    import yaml

    return yaml.safe_dump(as_dict(recipe), sort_keys=False, allow_unicode=True)


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn {"training": {"epochs": 3}} into {"training.epochs": 3}; `model.overrides` stays one value."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name in PARTS:
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


def with_fields(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with fields replaced by their paths, such as {"training.epochs": 3}."""
    parts: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        part, _, name = path.partition(".")
        parts.setdefault(part, {})[name] = value
    changed = {part: dataclasses.replace(getattr(recipe, part), **fields) for part, fields in parts.items()}
    return dataclasses.replace(recipe, **changed)


def differences(recipe: Recipe, base: Recipe) -> list[dict[str, Any]]:
    """Every field in which `recipe` is not `base`, in the spelling of the command line."""
    mine, theirs = flatten(as_dict(recipe)), flatten(as_dict(base))
    return [
        {"field": name, "default": theirs[name], "value": value}
        for name, value in mine.items()
        if value != theirs[name]
    ]
