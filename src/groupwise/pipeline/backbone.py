"""What a probe reads its frozen features from: an ONNX file, a bundle, or a run of ours."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from groupwise.console import Console
from groupwise.data.preprocessing import Preprocessing
from groupwise.errors import UsageError
from groupwise.files import sha256_bytes
from groupwise.inference.bundle import BUNDLE
from groupwise.inference.bundle import MODEL as BUNDLED
from groupwise.inference.predictor import load_run
from groupwise.models.declared import Declared, declared_preprocessing
from groupwise.models.ensemble import Member
from groupwise.models.feature_graph import FeatureGraph, cut_features, read_onnx
from groupwise.models.probe import Probe
from groupwise.models.resnext import ResNeXt
from groupwise.recipe.recipe import Recipe
from groupwise.runs.run import LEDGER, Run
from groupwise.text import count

USUAL_SIDE_PX = 224  # where neither the file nor what lies beside it says one
FIELDS = ("image_size_px", "resize", "interpolation", "mean", "std")


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network whose head is still to be fitted; `digest` tells its features from others."""

    network: Member
    name: str
    digest: str
    told: str

    @property
    def architecture(self) -> str:
        """What `config.json` calls the whole."""
        return f"{self.name}, frozen, with logistic regression"


def open_backbone(recipe: Recipe, num_classes: int) -> Backbone:
    """The network of `model.features` with a fresh head for so many classes."""
    source = _source(recipe)
    if (source / LEDGER).is_file():
        return _of_run(source, num_classes)
    graph = _graph(source, recipe.model.features_output, recipe.data.image_size_px)
    probe = Probe(graph.model, graph.num_features, num_classes, graph.channels)
    return Backbone(probe.eval(), _name(source), sha256_bytes(graph.model), graph.told)


def _of_run(folder: Path, num_classes: int) -> Backbone:
    run, known = Run.open(folder), load_run(folder)
    if not isinstance(known.model, ResNeXt):
        raise UsageError(
            "is a probe or a cross-validation, which has no one network",
            place=folder,
            remedy="Give --features one trained network, or the file that the probe read.",
        )
    network = ResNeXt(replace(known.model.config, num_classes=num_classes))
    kept = {name: value for name, value in known.model.state_dict().items() if not name.startswith("fc.")}
    network.load_state_dict(kept, strict=False)
    return Backbone(
        network.eval(), folder.resolve().name, run.weights[0], "what the head of its network classifies"
    )


def with_declared(recipe: Recipe, chosen: Set[str], console: Console) -> Recipe:
    """The recipe of a probe: with the preprocessing that its features want, but for the fields in `chosen`.

    What is taken from where is said. Raises before any image is read where the features cannot be had, or not
    for images of that kind.
    """
    source = _source(recipe)
    side: int | None = None
    if (source / LEDGER).is_file():
        known = load_run(source).preprocessing
        declared: Declared | None = Declared(asdict(known), f"the run {source}")
        channels = known.input_channels
    else:
        model = read_onnx(_file(source))
        declared = declared_preprocessing(_file(source), {p.key: p.value for p in model.metadata_props})
        size_px = (declared.fields if declared else {}).get("image_size_px", USUAL_SIDE_PX)
        if "data.image_size_px" in chosen:
            size_px = recipe.data.image_size_px
        graph = cut_features(model, _file(source), output=recipe.model.features_output, side_px=size_px)
        side, channels = graph.side_px, graph.channels
    data = _filled(recipe.data, declared, side, chosen)
    _refuse_other_input(data, side, channels, source)
    given = [name for name in FIELDS if f"data.{name}" in chosen]
    console.say(f"Features: {source.name}; {_told(data, declared, given)}")
    for note in declared.notes if declared else ():
        console.say(f"  {note}")
    return replace(recipe, name="probe", data=data)


def _filled(
    data: Preprocessing, declared: Declared | None, side: int | None, chosen: Set[str]
) -> Preprocessing:
    usual = asdict(Preprocessing(image_size_px=side or USUAL_SIDE_PX))
    fields = {name: usual[name] for name in FIELDS}
    if declared:
        fields |= {name: value for name, value in declared.fields.items() if name in FIELDS}
    if side is not None:  # which the graph itself demands
        fields["image_size_px"] = side
    return replace(data, **{name: value for name, value in fields.items() if f"data.{name}" not in chosen})


def _refuse_other_input(data: Preprocessing, side: int | None, channels: int, source: Path) -> None:
    if side is not None and data.image_size_px != side:
        raise UsageError(
            f"{source.name} takes images of {side} px alone",
            place="--data.image_size_px",
            remedy="Leave it out, or export the file for another side, or for any.",
        )
    if data.input_channels != channels:
        raise UsageError(
            f"{source.name} takes images of {count(channels, 'channel')}, and these have"
            f" {data.input_channels}",
            place="--features",
            remedy="Give features of such images, or name as many by --data.channels, as in '[1, 2, 3, 4]'.",
        )


def _told(data: Preprocessing, declared: Declared | None, given: list[str]) -> str:
    how = f"{data.image_size_px} px, {data.resize}, {data.interpolation}"
    how += f", mean {_few(data.mean)}, std {_few(data.std)}"
    where = (
        f"as {declared.source} says" if declared else "which is usual, as nothing beside it says otherwise"
    )
    return f"preprocessing {how}, {where}" + (f"; as you said, {', '.join(given)}" if given else "")


def _few(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def _source(recipe: Recipe) -> Path:
    assert recipe.model.features is not None
    source = Path(recipe.model.features)
    if not source.exists():
        raise UsageError(
            "no such file",
            place=source,
            remedy="Give --features an ONNX file, a bundle, or the folder of a run.",
        )
    if source.is_dir() and not ((source / LEDGER).is_file() or (source / BUNDLE).is_file()):
        raise UsageError(
            "holds neither a run nor a bundle", place=source, remedy="Give --features the ONNX file in it."
        )
    return source


def _file(source: Path) -> Path:
    return source / BUNDLED if source.is_dir() else source


def _name(source: Path) -> str:
    return source.resolve().name if source.is_dir() else source.stem


def _graph(source: Path, output: str | None, side_px: int) -> FeatureGraph:
    file = _file(source)
    return cut_features(read_onnx(file), file, output=output, side_px=side_px)
