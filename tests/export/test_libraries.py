import json
import re
import sys
import warnings
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml

from groupwise.data.decode import Preprocessing
from groupwise.errors import UsageError
from groupwise.export import engines, libraries
from groupwise.export.targets import export_run
from groupwise.inference.predictor import load_run
from groupwise.models.resnext import ResNeXt, ResNeXtConfig, create_model
from run_case import write_run

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def imagenet_run(tmp_path_factory):
    """A run of a network that timm and torchvision have as well."""
    torch.manual_seed(0)
    model = create_model("resnext14_32x4d", num_classes=2)
    return write_run(tmp_path_factory.mktemp("imagenet"), model)


def logits_of(run):
    with torch.inference_mode():
        return load_run(run.folder).model(IMAGES)


@pytest.fixture(scope="module")
def peers():
    """Let torchvision, and timm by way of it, load beside a torch for which its operators were not built."""
    register = torch.library.register_fake

    def pass_over(name, *arguments, **options):
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return register(name, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.library, "register_fake", pass_over)
        pytest.importorskip("torchvision", exc_type=Exception)
        yield pytest.importorskip("timm")


@pytest.mark.parametrize(
    ("card", "body"),
    [
        ("---\nlibrary_name: x\nlicense: other\ntags:\n- license: kept\n---\n\n# Card\n", "\n# Card\n"),
        ("# Card\n", "\n# Card\n"),
    ],
)
def test_the_card_of_the_hub_says_the_licence(card, body):
    found = libraries.card_with_licence(card, "cc-by-4.0: no")
    front, rest = found.removeprefix("---\n").split("---\n", 1)
    assert yaml.safe_load(front)["license"] == "cc-by-4.0: no"
    assert front.count("\nlicense:") == 0  # once, in its first line
    assert ("kept" in front, rest) == ("kept" in card, body)


def test_timm_builds_the_network_from_its_folder(imagenet_run, peers):
    timm = peers
    folder, remarks = export_run(imagenet_run.folder, "timm")
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    with torch.inference_mode():
        torch.testing.assert_close(model(IMAGES), logits_of(imagenet_run), atol=1e-5, rtol=0)
    assert remarks == []
    assert json.loads((folder / "parity.json").read_text())["tolerance"] == 1e-5


def test_a_network_of_basic_blocks_is_timms_and_torchvisions_too(tmp_path, peers):
    run = write_run(tmp_path, create_model("resnet18", depths=(1, 1, 1, 1), num_classes=2))
    for form in ("timm", "torchvision"):
        folder, remarks = export_run(run.folder, form)
        assert remarks == []
        proof = json.loads((folder / "parity.json").read_text())
        assert max(proof["largest_difference"].values()) <= 1e-5
    assert json.loads((run.path("export/timm/config.json")).read_text())["architecture"] == "resnet18"


@pytest.mark.parametrize("installed", [True, False])
def test_the_average_with_the_mirror_image_is_refused_with_or_without_the_library(
    tmp_path, monkeypatch, installed
):
    if not installed:
        monkeypatch.setattr(engines, "find_spec", lambda name: None)
    model = create_model("resnext14_32x4d", num_classes=2, mirror_average=True)
    run = write_run(tmp_path, model)
    for form in ("timm", "torchvision"):
        told = f"--to: {form} has no such network: mirror_average True instead of False.*: false}}'"
        with pytest.raises(UsageError, match=told):
            export_run(run.folder, form)
    assert not run.path("export").exists()
    folder, _ = export_run(run.folder, "hub")
    assert json.loads((folder / "config.json").read_text())["config"]["mirror_average"] is True


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_timm_prepares_oblong_pictures_as_we_do(tmp_path, peers, resize, interpolation):
    preprocessing = Preprocessing(32, resize, interpolation)
    run = write_run(tmp_path, create_model("resnext14_32x4d", num_classes=2), preprocessing=preprocessing)
    folder, _ = export_run(run.folder, "timm")
    proof = json.loads((folder / "parity.json").read_text())["transform"]
    assert proof["pictures"] == 24
    assert proof["largest_difference"] <= 1e-3
    mode = json.loads((folder / "config.json").read_text())["pretrained_cfg"]["crop_mode"]
    assert mode == {"squash": "squash", "pad": "border"}[resize]


def test_a_square_that_timm_makes_otherwise_is_not_exported(tmp_path, peers, monkeypatch):
    run = write_run(
        tmp_path, sure(create_model("resnext14_32x4d", num_classes=2)), preprocessing=Preprocessing(32, "pad")
    )
    monkeypatch.setitem(libraries.TIMM_CROP_MODES, "pad", "center")
    told = r"data\.resize: .* changes a probability by [0-9.]+ in timm's own transform\. Nothing was written"
    with pytest.raises(UsageError, match=told):
        export_run(run.folder, "timm")
    assert not run.path("export").exists()


def sure(model):
    """The network with a head that answers far from even."""
    with torch.no_grad():
        model.fc.weight.mul_(30)
    return model


def test_a_cut_square_is_not_exported_unseen(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    model = create_model("resnext14_32x4d", num_classes=2)
    run = write_run(tmp_path, model, preprocessing=Preprocessing(32, "crop"))
    with pytest.raises(UsageError, match=r"cannot be compared with timm, which is not installed"):
        export_run(run.folder, "timm")
    assert not run.path("export").exists()


def test_the_hub_mixin_builds_the_network_from_the_folder(imagenet_run):
    hub = pytest.importorskip("huggingface_hub")
    folder, _ = export_run(imagenet_run.folder, "hub")

    class Hubbed(ResNeXt, hub.PyTorchModelHubMixin):
        def __init__(self, config: dict):
            super().__init__(ResNeXtConfig(**config))

    model = Hubbed.from_pretrained(folder).eval()
    with torch.inference_mode():
        torch.testing.assert_close(model(IMAGES), logits_of(imagenet_run))
    assert (folder / "README.md").read_text().startswith("---\n")


def test_torchvision_takes_its_keys_and_answers_alike(imagenet_run, peers):
    folder, remarks = export_run(imagenet_run.folder, "torchvision")
    assert remarks == []  # it was checked
    assert max(json.loads((folder / "parity.json").read_text())["largest_difference"].values()) <= 1e-5
    state = safetensors.torch.load_file(folder / "model.safetensors")
    assert {"conv1.weight", "layer4.0.downsample.1.running_var", "fc.bias"} <= set(state)


def test_torchvision_builds_the_network_as_the_page_says(imagenet_run, peers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export_run(imagenet_run.folder, "torchvision", tmp_path / "runs/first/export/torchvision")
    page = (Path(__file__).parents[2] / "docs/export.md").read_text()
    (program,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "resnet.json" in code)
    names = {}
    exec(program, names)
    with torch.inference_mode():
        torch.testing.assert_close(
            names["network"].eval()(IMAGES), logits_of(imagenet_run), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (None, "is not installed"),
        ("raise RuntimeError('operator nms')", r"is installed and broken \(operator nms\)"),
    ],
)
def test_a_library_that_is_broken_is_not_called_absent(imagenet_run, tmp_path, monkeypatch, module, words):
    if module is None:
        monkeypatch.setattr(engines, "find_spec", lambda name: None)
    else:
        (tmp_path / "torchvision.py").write_text(module)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    _, (remark,) = export_run(imagenet_run.folder, "torchvision", tmp_path / "out")
    assert re.fullmatch(f"Not checked against torchvision, which {words}", remark)


def test_the_program_answers_any_batch(run):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "No complete tensor")
        folder, _ = export_run(run.folder, "torch")
    program = torch.export.load(folder / "model.pt2").module()
    images = torch.randn(5, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(program(images)[0], load_run(run.folder).model(images))


@pytest.mark.parametrize("form", ["timm", "torchvision"])
def test_a_network_that_a_library_lacks_is_refused(run, form, tmp_path):
    told = f"{form} has no such network: stem cifar instead of imagenet, planes 16 instead of 64, 2 stages"
    with pytest.raises(UsageError, match=told):
        export_run(run.folder, form, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"radix": 2}, "radix 2 instead of 0"),
        ({"expansion": 2}, "expansion 2 instead of 4"),
        ({"halving": "conv3x3"}, "halving conv3x3 instead of block"),
        ({"group_width": 8}, "group_width 8 instead of None"),
        (
            {"block": "plain", "expansion": 1, "halving": "avgpool"},
            "expansion 1 instead of 4, halving avgpool instead of block, block plain instead of bottleneck",
        ),
    ],
    ids=str,
)
def test_each_value_that_a_library_lacks_is_named(change, said):
    with pytest.raises(UsageError, match=f"timm has no such network: {said}"):
        libraries.torchvision_arguments(ResNeXtConfig(**change), "timm")


def test_values_of_learning_alone_are_none_of_its_business():
    config = ResNeXtConfig(drop_path=0.1, activation_checkpointing=True)
    assert libraries.torchvision_arguments(config, "timm")["groups"] == 32
