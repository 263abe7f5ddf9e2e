"""Pretrained weights by name: where they lie, what they may be used for, and how they want their pictures.

The digests of torchvision's files are in their names (the first eight digits, which torch.hub checks as
well); those of the hub's are stated by the hub itself and not pinned here. Scores are top-1 on ImageNet's
validation set: torchvision's by its own `Weights`, timm's by its `results/results-imagenet.csv`, there at the
larger side `scored_px` where one is named.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groupwise.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from groupwise.errors import UsageError, did_you_mean
from groupwise.models.download import Download

IMAGENET = "imagenet"
HUB = "https://huggingface.co"
BSD, APACHE, NON_COMMERCIAL = "bsd-3-clause", "apache-2.0", "cc-by-nc-4.0"
RESTRICTED = (NON_COMMERCIAL,)


@dataclass(frozen=True)
class Pretrained:
    """One file of weights: the preset that it fits, its licence, its pictures, and its published score.

    Exactly one of `repository` on the hub and `url` says where it lies.
    """

    preset: str
    licence: str
    score: float
    repository: str | None = None
    url: str | None = None
    sha256: str | None = None
    interpolation: str = "bilinear"
    image_size_px: int = 224
    scored_px: int = 224

    @property
    def preprocessing(self) -> Mapping[str, Any]:
        """Fields of `Preprocessing`, all of a picture's middle square being shown."""
        return {
            "image_size_px": self.image_size_px,
            "resize": "crop",
            "interpolation": self.interpolation,
            "mean": IMAGENET_MEAN,
            "std": IMAGENET_STD,
        }

    @property
    def source(self) -> str:
        """Whose figure the score is."""
        return "torchvision" if self.url else "timm"

    def download(self) -> Download:
        """Its address, with `HF_ENDPOINT` as the hub where that is set, and where it is kept."""
        if self.url is not None:
            home = os.environ.get("TORCH_HOME") or _cache() / "torch"
            return Download(self.url, Path(home) / "hub" / "checkpoints" / Path(self.url).name, self.sha256)
        assert self.repository is not None
        endpoint = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
        folder = _cache() / "groupwise" / "weights" / self.repository.replace("/", "--")
        url = f"{endpoint}/{self.repository}/resolve/main/model.safetensors"
        return Download(url, folder / "model.safetensors", self.sha256)

    def in_hub_cache(self) -> Path | None:
        """The file where `huggingface-hub` has kept it already."""
        if self.repository is None:
            return None
        home = Path(os.environ.get("HF_HOME") or _cache() / "huggingface")
        cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
        snapshots = cache / f"models--{self.repository.replace('/', '--')}" / "snapshots"
        found = sorted(snapshots.glob("*/model.safetensors"), key=lambda file: file.stat().st_mtime)
        return found[-1] if found else None


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _torchvision(file: str, score: float) -> Pretrained:
    preset, _, digest = file.partition("-")
    url = f"https://download.pytorch.org/models/{file}.pth"
    return Pretrained(preset, BSD, score, url=url, sha256=digest)


def _timm(name: str, score: float, **facts: Any) -> Pretrained:
    licence = facts.pop("licence", APACHE)
    return Pretrained(name.partition(".")[0], licence, score, repository=f"timm/{name}", **facts)


_RSB: dict[str, Any] = {"interpolation": "bicubic", "scored_px": 288}
_GLUON: dict[str, Any] = {"interpolation": "bicubic"}
_TV2: dict[str, Any] = {"licence": BSD, "interpolation": "bicubic"}
_FB: dict[str, Any] = {"licence": NON_COMMERCIAL}

_TIMM = (
    _timm("resnext50_32x4d.a1h_in1k", 82.014, **_RSB),
    _timm("resnext50_32x4d.a1_in1k", 81.466, **_RSB),
    _timm("resnext50_32x4d.a2_in1k", 81.304, **_RSB),
    _timm("resnext50_32x4d.ra_in1k", 80.698, interpolation="bicubic", scored_px=288),
    _timm("resnext50_32x4d.gluon_in1k", 79.360, **_GLUON),
    _timm("resnext50_32x4d.fb_swsl_ig1b_ft_in1k", 82.174, **_FB),
    _timm("resnext50_32x4d.fb_ssl_yfcc100m_ft_in1k", 80.338, **_FB),
    _timm("resnext101_32x4d.gluon_in1k", 80.340, **_GLUON),
    _timm("resnext101_32x4d.fb_ssl_yfcc100m_ft_in1k", 80.924, **_FB),
    _timm("resnext101_64x4d.gluon_in1k", 80.600, **_GLUON),
    _timm("resnext101_32x8d.fb_ssl_yfcc100m_ft_in1k", 81.606, **_FB),
    _timm("seresnext50_32x4d.racm_in1k", 82.196, interpolation="bicubic", scored_px=288),
    _timm("seresnext50_32x4d.gluon_in1k", 79.910, **_GLUON),
    _timm("seresnext101_32x4d.gluon_in1k", 80.892, **_GLUON),
    _timm("seresnext101_64x4d.gluon_in1k", 80.896, **_GLUON),
    _timm("resnext50d_32x4d.bt_in1k", 80.664, interpolation="bicubic", scored_px=288),
    _timm("regnetx_016.tv2_in1k", 79.436, **_TV2),
    _timm("regnetx_032.tv2_in1k", 80.926, **_TV2),
    _timm("regnety_016.tv2_in1k", 80.668, **_TV2),
    _timm("regnety_032.tv2_in1k", 81.756, **_TV2),
    _timm("resnet50.a1_in1k", 81.214, **_RSB),
    _timm("resnet50.gluon_in1k", 77.580, **_GLUON),
    _timm("resnet50.fb_swsl_ig1b_ft_in1k", 81.182, **_FB),
)
# Of each preset the first is what `imagenet` takes: torchvision's newer ones, pinned, where it has any.
WEIGHTS: dict[str, Pretrained] = {
    "torchvision/resnext50_32x4d-V2": _torchvision("resnext50_32x4d-1a0047aa", 81.198),
    "torchvision/resnext50_32x4d-V1": _torchvision("resnext50_32x4d-7cdf4587", 77.618),
    "torchvision/resnext101_32x8d-V2": _torchvision("resnext101_32x8d-110c445d", 82.834),
    "torchvision/resnext101_32x8d-V1": _torchvision("resnext101_32x8d-8ba56ff5", 79.312),
    "torchvision/resnext101_64x4d-V1": _torchvision("resnext101_64x4d-173b62eb", 83.246),
    "torchvision/resnet18-V1": _torchvision("resnet18-f37072fd", 69.758),
    "torchvision/resnet34-V1": _torchvision("resnet34-b627a593", 73.314),
    "torchvision/resnet50-V2": _torchvision("resnet50-11ad3fa6", 80.858),
    "torchvision/resnet50-V1": _torchvision("resnet50-0676ba61", 76.130),
    **{f"{one.repository}": one for one in _TIMM},
}
USUAL_PRESET = "resnext50_32x4d"  # of `imagenet`, where no preset is named


def is_name(weights: str) -> bool:
    """Whether weights are meant by name rather than by a path; what lies there is a path."""
    named = weights == IMAGENET or weights.startswith(("timm/", "torchvision/"))
    return named and not Path(weights).exists()


def find_weights(name: str, preset: str | None) -> tuple[str, Pretrained]:
    """The entry of a name, where `imagenet` is the first for `preset`; raises `UsageError` without one."""
    if name == IMAGENET:
        wanted = preset or USUAL_PRESET
        fitting = [key for key, one in WEIGHTS.items() if one.preset == wanted]
        if not fitting:
            presets = ", ".join(dict.fromkeys(one.preset for one in WEIGHTS.values()))
            raise UsageError(
                f"no weights of ImageNet are known for {wanted}",
                place="--weights imagenet",
                remedy=f"Choose --model.preset among {presets}.",
            )
        return fitting[0], WEIGHTS[fitting[0]]
    if name not in WEIGHTS:
        raise UsageError(
            f"no weights {name!r} are known{did_you_mean(name, WEIGHTS)}",
            place="--weights",
            remedy="`groupwise info --weights` lists them; or name a file.",
        )
    one = WEIGHTS[name]
    if preset is not None and preset != one.preset:
        raise UsageError(
            f"{name} are of {one.preset}",
            place="--model.preset",
            remedy=f"Give {one.preset}, or leave it out.",
        )
    return name, one
